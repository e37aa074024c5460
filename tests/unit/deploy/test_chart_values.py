"""What values of the chart change: how many of each process run, what scales and what watches them."""

from collections.abc import Iterator
from typing import Any

import helm_python as helm
import pytest
import yaml
from helm_python import HelmError

from deploy.chart.processes import files
from deploy.compose.caddy import METRICS_PORT
from deploy.compose.containers import SMALL
from deploy.compose.monitoring import prometheus
from deploy.pools import WORKER_CONNECTIONS, web_connections
from deploy.shape import LARGE_BODIES, PROCESSES, WEB_PROCESSES, worker_name
from tests.support.chart import CHART, OPERATORS, SETS, named, pods, rendered


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    """Loaded once."""
    with helm.Chart.load(CHART) as loaded:
        yield loaded


def test_backlogs_and_load_scale_what_can_run_many_times(chart: helm.Chart) -> None:
    objects = rendered(chart, {"keda": {"enabled": True}})
    by_load = set(named(objects, "HorizontalPodAutoscaler"))
    by_backlog = set(named(objects, "ScaledObject"))
    web = {f"troika-{worker_name(*each)}" for each in WEB_PROCESSES}
    assert by_load == web - {"troika-registration-desk"}
    assert {name.rpartition("-")[2] for name in by_backlog} == {"relay", "consume", "send", "deliver"}
    without = named(rendered(chart, {}), "Deployment")
    assert all("replicas" in one["spec"] for name, one in without.items() if name in by_backlog)


@pytest.mark.parametrize("name", ["small", "large", "keda", "operators", "keys-database"])
def test_nothing_starts_a_process_of_a_stopped_installation(chart: helm.Chart, name: str) -> None:
    """For a restore: KEDA would set what is scaled to 0 back to its minimum, before the quarantine is there."""
    objects = rendered(chart, {**SETS[name], "stopped": True})
    replicas = {one: found["spec"]["replicas"] for one, found in named(objects, "Deployment").items()}
    assert replicas.pop("troika-gateway") > 0
    assert set(replicas.values()) == {0}
    for kind in ("ScaledObject", "HorizontalPodAutoscaler", "Job"):
        assert named(objects, kind) == {}, kind
    assert set(named(objects, "PodDisruptionBudget")) <= {"troika-gateway", "troika-rabbitmq"}


def test_ingress_passes_on_what_the_gateway_does(chart: helm.Chart) -> None:
    """An annotation of one's own leaves it in place."""
    largest = max(LARGE_BODIES.values(), key=lambda size: int(size[:-1]) << {"k": 10, "m": 20}[size[-1]])
    for annotations in ({}, {"cert-manager.io/cluster-issuer": "letsencrypt"}):
        (ingress,) = named(rendered(chart, {"ingress": {"annotations": annotations}}), "Ingress").values()
        found = ingress["metadata"]["annotations"]
        assert found == {"nginx.ingress.kubernetes.io/proxy-body-size": largest, **annotations}


ELSEWHERE = {"node", "public-page"}
"""Jobs of machines, and of a probe that belongs outside."""


def test_prometheus_watches_all_that_it_does_with_compose(chart: helm.Chart) -> None:
    """Each job, the audit among the processes; and the network lets it reach the gateway's metrics."""
    objects = rendered(chart, OPERATORS)
    found = set[tuple[str, str]]()
    for monitor in named(objects, "PodMonitor").values():
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            labels = {each["targetLabel"]: each["replacement"] for each in endpoint["relabelings"]}
            found.add((labels["job"], labels.get("process", "")))
    jobs = {job["job_name"] for job in yaml.safe_load(prometheus(SMALL))["scrape_configs"]}
    assert {job for job, _ in found} == jobs - ELSEWHERE
    assert {process for job, process in found if job == "troika"} == {role for _, role in PROCESSES} | {"audit"}
    (container,) = pods(objects)["troika-gateway"]["containers"]
    assert {"name": "metrics", "containerPort": METRICS_PORT} in container["ports"]
    assert f"http://:{METRICS_PORT} {{\n\tmetrics\n}}" in files()["files/Caddyfile"]
    ports = {
        rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in named(objects, "NetworkPolicy")["troika-gateway"]["spec"]["ingress"]
    }
    assert ports == {8080: "ingress-nginx", METRICS_PORT: "monitoring"}


def test_web_processes_show_their_figures_to_pods(chart: helm.Chart) -> None:
    for worker, pod in pods(rendered(chart, {"trustedProxies": "10.0.0.0/8,192.0.2.7"})).items():
        given = _given(pod["containers"][0])
        assert given.get("TROIKA_METRICS_FROM") == ("10.0.0.0/8,192.0.2.7" if "TROIKA_BIND" in given else None), worker


def test_installation_that_waits_gets_its_schema(chart: helm.Chart) -> None:
    """Helm starts hooks after an installation with ``--wait`` once all is ready; without the schema nothing is."""
    (install,) = named(rendered(chart, {}), "Job").values()
    (upgrade,) = named(rendered(chart, {}, is_upgrade=True), "Job").values()
    assert [name for name in install["metadata"]["annotations"] if name.startswith("helm.sh/")] == []
    assert upgrade["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    assert install["metadata"]["name"] != upgrade["metadata"]["name"], "else an upgrade deletes its own hook"
    assert install["spec"]["template"] == upgrade["spec"]["template"]


def test_servers_have_resources_and_what_an_operator_adds(chart: helm.Chart) -> None:
    """Pods without resources are evicted first; a backup, and a restore from it, are parts of the Cluster."""
    backup = {"barmanObjectStore": {"destinationPath": "s3://backups"}}
    more = {"backup": backup, "storage": {"storageClass": "fast"}}
    values = {**OPERATORS, "postgresql": {"enabled": True, "spec": more}, "rabbitmq": {"enabled": True, "replicas": 3}}
    objects = rendered(chart, values)
    cluster = named(objects, "Cluster")["troika-postgresql"]["spec"]
    assert (cluster["instances"], cluster["resources"]["requests"]["memory"]) == (3, "2Gi")
    assert (cluster["storage"], cluster["backup"]) == ({"size": "20Gi", "storageClass": "fast"}, backup)
    budget = named(objects, "PodDisruptionBudget")["troika-rabbitmq"]["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "troika-rabbitmq"}}}
    one = rendered(chart, {"rabbitmq": {"enabled": True, "replicas": 1}})
    assert "troika-rabbitmq" not in named(one, "PodDisruptionBudget")


def test_node_can_be_drained_while_no_process_is_ready(chart: helm.Chart) -> None:
    """The broker's nodes are not ours: one that has not caught up must not lose another one."""
    budgets = named(rendered(chart, OPERATORS), "PodDisruptionBudget")
    policies = {name: one["spec"].get("unhealthyPodEvictionPolicy") for name, one in budgets.items()}
    assert policies.pop("troika-rabbitmq") is None
    assert "troika-registration-forms" in policies
    assert set(policies.values()) == {"AlwaysAllow"}


@pytest.mark.parametrize("name", ["small", "operators"])
def test_gateway_reaches_web_processes_and_no_server(chart: helm.Chart, name: str) -> None:
    """An attacker in it has no way to the database or the broker, as with Compose, where it has another network."""
    objects = rendered(chart, SETS[name])
    labels = named(objects, "Deployment")["troika-gateway"]["spec"]["template"]["metadata"]["labels"]
    ways = {
        policy
        for policy, one in named(objects, "NetworkPolicy").items()
        if one["spec"].get("egress") and _selects(one["spec"]["podSelector"], labels)
    }
    assert ways == {"troika-names", "troika-gateway"}


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels[one["key"]] not in one["values"] for one in selector.get("matchExpressions", []))


def test_pooler_can_be_reached(chart: helm.Chart) -> None:
    """Its pods have its own label in place of the one of the Cluster."""
    objects = rendered(chart, {**OPERATORS, "postgresql": {"enabled": True, "pooler": True}})
    rules = named(objects, "NetworkPolicy")["troika-servers"]["spec"]["egress"]
    keys = [one["key"] for rule in rules for to in rule.get("to", []) for one in _expressions(to)]
    assert keys == ["cnpg.io/poolerName"]


def _expressions(to: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = to.get("podSelector", {}).get("matchExpressions", [])
    return found


def test_process_of_which_none_is_wanted_is_scaled_by_nothing(chart: helm.Chart) -> None:
    """Kubernetes refuses an autoscaler of load whose minimum is 0; KEDA has 0 as its minimum."""
    none = {"processes": {"registration-own": {"replicas": 0}, "notifications-send": {"replicas": 0}}}
    objects = rendered(chart, {**none, "keda": {"enabled": True}})
    assert named(objects, "Deployment")["troika-registration-own"]["spec"]["replicas"] == 0
    by_load = named(objects, "HorizontalPodAutoscaler")
    assert "troika-registration-own" not in by_load
    assert min(one["spec"]["minReplicas"] for one in by_load.values()) > 0
    assert named(objects, "ScaledObject")["troika-notifications-send"]["spec"]["minReplicaCount"] == 0


def test_further_settings_reach_our_processes_and_commands(chart: helm.Chart) -> None:
    """A conference behind one address, a network with one reader of sealed answers."""
    found = pods(rendered(chart, {"environment": {"TROIKA_SEALED_ONE_READER": "yes"}}))
    without = {
        name for name, pod in found.items() if _given(pod["containers"][0]).get("TROIKA_SEALED_ONE_READER") != "yes"
    }
    assert without == {"troika-gateway"}


def _given(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_each_pod_is_pulled_with_the_secrets_of_the_registry(chart: helm.Chart) -> None:
    image = {"pullSecrets": ["registry", "mirror"], "pullPolicy": "Always"}
    for name, pod in pods(rendered(chart, {"image": image})).items():
        assert pod.get("imagePullSecrets") == [{"name": "registry"}, {"name": "mirror"}], name
        assert {container["imagePullPolicy"] for container in pod["containers"]} == {"Always"}, name


def max_connections(objects: list[dict[str, Any]]) -> int:
    """Of all processes, each as often as anything may start it."""
    most = {name: one["spec"]["maxReplicas"] for name, one in named(objects, "HorizontalPodAutoscaler").items()}
    most |= {name: one["spec"]["maxReplicaCount"] for name, one in named(objects, "ScaledObject").items()}
    total = 0
    for name, one in named(objects, "Deployment").items():
        running = most.get(name) or one["spec"]["replicas"]
        (container,) = one["spec"]["template"]["spec"]["containers"]
        given = _given(container)
        if "TROIKA_WEB_WORKERS" in given:
            total += running * int(given["TROIKA_WEB_WORKERS"]) * web_connections(container["args"][0])
        elif name != "troika-gateway":
            total += running * WORKER_CONNECTIONS
    return total


@pytest.mark.parametrize("name", ["small", "medium", "large"])
def test_postgresql_has_a_connection_for_each_of_all_pools(chart: helm.Chart, name: str) -> None:
    """With everything that scales further: KEDA, and desks that share a keys database."""
    postgresql = {**SETS[name].get("postgresql", {}), "enabled": True}
    values = {**SETS[name], "keda": {"enabled": True}, "formKeys": {"database": True}}
    objects = rendered(chart, {**values, "postgresql": postgresql})
    parameters = named(objects, "Cluster")["troika-postgresql"]["spec"]["postgresql"]["parameters"]
    most, reserve = max_connections(objects), 30
    assert most + reserve <= int(parameters["max_connections"])
    with pytest.raises(
        HelmError, match=rf"postgresql.maxConnections: is {most}; at their maximum the processes open {most}"
    ):
        rendered(chart, {**values, "postgresql": {**postgresql, "maxConnections": most}})
    rendered(chart, {**values, "postgresql": {**postgresql, "maxConnections": most, "pooler": True}})
