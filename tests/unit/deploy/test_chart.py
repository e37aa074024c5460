"""The chart: it has every process, renders for each set of values, and is valid by the schemas of Kubernetes."""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml
from click.testing import CliRunner
from helm_python import HelmError

from deploy.chart.processes import files, processes
from deploy.chart.secrets import main as secrets
from deploy.chart.secrets import manifests
from deploy.compose.containers import COMMAND_PROCESSES
from deploy.compose.settings_files import Servers, claim
from deploy.local.secrets import Secrets, make_keys
from deploy.operations.access import main as access
from deploy.operations.audit.settings import read_settings as read_audit_settings
from deploy.operations.recover.settings import read_settings as read_recovery_settings
from deploy.shape import PROCESSES, SERVICES, worker_name
from services.events.settings import read_settings as events_settings
from tests.support.chart import CHART, OPERATORS, SETS, complete, named, pods, rendered
from tests.support.processes import PROJECT

INFO = 1
"""Severity of what Helm recommends, such as an icon."""

VERSIONS = ("1.30", "1.34")
OTHERS = ("monitoring.coreos.com", "keda.sh", "external-secrets.io", "postgresql.cnpg.io", "rabbitmq.com")
"""Groups of operators, whose schemas are not Kubernetes'."""


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    """Loaded once."""
    with helm.Chart.load(CHART) as loaded:
        yield loaded


@cache
def check(text: str, version: str) -> None:
    """Validate one object, given as JSON: once for all sets of values that leave it as it is.

    The library reads a megabyte of schemas each time; importing it takes two seconds of CPU, so collecting does not.

    Raises:
        kubernetes_validate.ValidationError: it is not valid by the schemas of that version.
    """
    import kubernetes_validate  # type: ignore[import-untyped]  # it brings no types

    kubernetes_validate.validate(json.loads(text), version, strict=True)


@pytest.mark.parametrize("name", SETS)
def test_chart_lints_renders_and_is_valid(chart: helm.Chart, name: str) -> None:
    report = helm.lint(CHART, complete(SETS[name]), strict=True)
    assert [message for message in report["messages"] if message["severity"] > INFO] == []
    objects = rendered(chart, SETS[name])
    for one in objects:
        if one["apiVersion"].partition("/")[0] not in OTHERS:
            for version in VERSIONS:
                check(json.dumps(one), version)
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))


def test_every_process_has_its_own_deployment(chart: helm.Chart) -> None:
    found = named(rendered(chart, {}), "Deployment")
    arguments = {f"troika-{worker_name(*process)}": [*process] for process in PROCESSES}
    arguments["troika-audit"] = ["audit", "watch"]
    assert set(found) == {*arguments, "troika-gateway"}
    for name, expected in arguments.items():
        (container,) = found[name]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == expected


def test_audit_finds_its_settings_and_the_broker(chart: helm.Chart, tmp_path: Path) -> None:
    audit = named(rendered(chart, {}), "Deployment")["troika-audit"]["spec"]["template"]
    assert audit["metadata"]["labels"]["troika/broker"] == "true"
    (container,), pod = audit["spec"]["containers"], audit["spec"]
    (secret,) = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
    (mount,) = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "settings"]
    folder = tmp_path / mount.lstrip("/")
    folder.mkdir(parents=True)
    for name, text in made_secrets(tmp_path)[secret]["stringData"].items():
        (folder / name).write_text(text)
    given = {one["name"]: one["value"] for one in container["env"]}
    settings = read_audit_settings({**given, "TROIKA_SETTINGS": str(folder.parent)})
    assert set(settings.urls) == set(SERVICES)
    assert settings.broker_url.startswith("amqps://troika-audit:")
    assert (settings.probes.host, settings.probes.port) == ("0.0.0.0", container["ports"][0]["containerPort"])


def test_nothing_is_root_or_writes_or_may_do_anything(chart: helm.Chart) -> None:
    """Caddy's program has a file capability in the official image, and the kernel refuses to execute it without."""
    found = pods(rendered(chart, OPERATORS))
    assert {"troika-registration-forms", "troika-gateway", "troika-migrate-install", "troika-tools"} <= set(found)
    for name, pod in found.items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] != 0
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
            added = {"add": ["NET_BIND_SERVICE"]} if name == "troika-gateway" else {}
            assert context["capabilities"] == {"drop": ["ALL"], **added}, name


def test_desk_is_as_many_as_other_web_processes_where_keys_are_in_a_database(chart: helm.Chart) -> None:
    """With a folder there is one desk, which holds the volume, and a new one waits until the old one has ended."""
    for is_database in (False, True):
        objects = rendered(chart, {"formKeys": {"database": is_database}})
        desk = named(objects, "Deployment")["troika-registration-desk"]["spec"]
        pod = desk["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        variables = {variable["name"] for variable in pod["containers"][0]["env"]}
        has_folder = not is_database
        assert (desk["strategy"]["type"] == "Recreate", "replicas" in desk) == (has_folder, has_folder)
        assert ("form-keys" in volumes, "TROIKA_FORM_KEYS" in variables) == (has_folder, has_folder)
        assert bool(named(objects, "PersistentVolumeClaim")) is has_folder
        scaled = "troika-registration-desk" in named(objects, "HorizontalPodAutoscaler")
        kept = "troika-registration-desk" in named(objects, "PodDisruptionBudget")
        assert (scaled, kept) == (is_database, is_database)


def test_each_pod_mounts_its_own_secret(chart: helm.Chart) -> None:
    """And of the public's processes neither the access file nor form keys."""
    for name, one in named(rendered(chart, {}), "Deployment").items():
        mounted = [
            volume["secret"]["secretName"]
            for volume in one["spec"]["template"]["spec"]["volumes"]
            if "secret" in volume
        ]
        if name == "troika-gateway":
            assert mounted == []
        elif name in ("troika-registration-forms", "troika-registration-own"):
            assert mounted == [name]
        else:
            assert mounted[0] == name
            assert set(mounted) <= {name, "troika-access"}


def test_outside_is_open_to_two_processes_alone(chart: helm.Chart) -> None:
    found = [one["name"] for one in processes() if one["outside"]]
    assert found == ["notifications-send", "notifications-deliver"]
    policy = named(rendered(chart, {}), "NetworkPolicy")["troika-outside"]["spec"]
    assert policy["podSelector"]["matchLabels"]["troika/outside"] == "true"


@pytest.mark.parametrize(
    ("changed", "named_fault"),
    [
        ({"hosts": {"public": "register.example.org", "desk": "register.example.org"}}, "hosts.desk"),
        ({"hosts": {"public": "", "desk": "desk.example.org"}}, "public"),
        ({"hosts": {"public": "https://register.example.org", "desk": "desk.example.org"}}, "public"),
        ({"mailFrom": "nobody"}, "mailFrom"),
        ({"trustedProxies": ""}, "trustedProxies"),
        ({"insecure": "everything"}, "insecure"),
        ({"postgresql": {"host": ""}}, "postgresql.host"),
        ({"networkPolicy": {"serverNetworks": []}}, "networkPolicy.serverNetworks"),
        ({**OPERATORS, "limitsUrl": "rediss://a", "networkPolicy": {"serverNetworks": []}}, "serverNetworks"),
        ({"externalSecrets": {"enabled": True, "store": ""}}, "externalSecrets"),
        ({"rabbitmq": {"enabled": True, "replicas": 2}}, "rabbitmq"),
        ({"processes": {"registration-forms": {"replica": 3}}}, "replica"),
    ],
)
def test_wrong_values_are_refused_by_name(chart: helm.Chart, changed: dict[str, Any], named_fault: str) -> None:
    with pytest.raises(HelmError, match=named_fault):
        rendered(chart, changed)


def made_secrets(folder: Path, access: str = "[]") -> dict[str, dict[str, Any]]:
    """By name, as `troika secrets` writes them."""
    keys = folder / "keys"
    make_keys(keys)
    claim(keys / "installation", "troika")
    given = {"TROIKA_PUBLIC_URL": "https://register.example.org", "SMTP_URL": "smtps://mail.example.org"}
    servers = Servers("db.example.org:5432", "?sslmode=verify-full", "mq.example.org:5671", "amqps")
    return {one["metadata"]["name"]: one for one in manifests("troika", Secrets(keys, ""), given, servers, access)}


@pytest.mark.parametrize("values", [{}, OPERATORS], ids=["plain", "operators"])
def test_secrets_are_those_that_the_pods_mount(chart: helm.Chart, tmp_path: Path, values: dict[str, Any]) -> None:
    made = made_secrets(tmp_path)
    for one in made.values():
        check(json.dumps(one), VERSIONS[-1])
    objects = rendered(chart, values)
    mounted = {
        volume["secret"]["secretName"]
        for pod in pods(objects).values()
        for volume in pod["volumes"]
        if "secret" in volume
    }
    servers = {one["spec"]["superuserSecret"]["name"] for one in named(objects, "Cluster").values()}
    assert mounted | servers <= set(made) == mounted | {"troika-postgresql-superuser"}
    external = named(objects, "ExternalSecret")
    assert set(external) == (set(made) if values else set())
    relay = made["troika-registration-relay"]["stringData"]
    assert set(relay) == {"REGISTRATION_DATABASE_URL", "TROIKA_BROKER_URL"}
    assert relay["REGISTRATION_DATABASE_URL"].endswith("@db.example.org:5432/registration?sslmode=verify-full")
    assert made_secrets(tmp_path) == made


def test_superuser_of_the_database_server_is_the_one_that_prepares_it(tmp_path: Path) -> None:
    made = made_secrets(tmp_path)
    superuser, prepare = made["troika-postgresql-superuser"], made["troika-prepare"]["stringData"]
    assert superuser["type"] == "kubernetes.io/basic-auth"
    passwords = json.loads(prepare["databases.json"])
    assert superuser["stringData"] == {"username": "postgres", "password": passwords["postgres"]}


def test_pod_of_the_tools_has_the_settings_of_every_command(chart: helm.Chart, tmp_path: Path) -> None:
    """An operator makes it of a CronJob that never runs by itself; it reaches the broker too."""
    (job,) = named(rendered(chart, {}), "CronJob").values()
    assert (job["metadata"]["name"], job["spec"]["suspend"]) == ("troika-tools", True)
    template = job["spec"]["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["labels"]["troika/broker"] == "true"
    (container,) = template["spec"]["containers"]
    assert container["command"] == ["sleep", str(job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"])]
    made = made_secrets(tmp_path)
    secret_of = {volume["name"]: volume["secret"] for volume in template["spec"]["volumes"] if "secret" in volume}
    for mount in container["volumeMounts"]:
        if mount["name"] in secret_of:
            folder = tmp_path / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True)
            for name, text in made[secret_of[mount["name"]]["secretName"]]["stringData"].items():
                (folder / name).write_text(text)
    given = {one["name"]: one["value"] for one in container["env"]}
    given["TROIKA_SETTINGS"] = str(tmp_path / given["TROIKA_SETTINGS"].lstrip("/"))
    for process in COMMAND_PROCESSES:
        events_settings(process, {**given})
    assert set(read_audit_settings(given).urls) == set(SERVICES)
    recovery = read_recovery_settings(given)
    assert (set(recovery.urls), recovery.mail_domain, len(recovery.vault_keys)) == (set(SERVICES), "example.org", 1)


def test_secrets_keep_the_access_file_of_the_installation(tmp_path: Path) -> None:
    """Otherwise each `kubectl apply` would remove the keys of all its holders."""
    words = [str(tmp_path), "--postgres", "db.example.org:5432", "--rabbitmq", "mq.example.org:5671"]
    words += ["--smtp-url", "smtps://mail.example.org", "--public-url", "https://register.example.org"]
    assert CliRunner().invoke(secrets, words).exit_code == 0
    (before,) = [one for one in read_secrets(tmp_path) if one["metadata"]["name"] == "troika-access"]
    assert before["stringData"] == {"access.json": "[]"}
    definitions = (tmp_path / "definitions.json").read_text()
    (tmp_path / "definitions.json").chmod(0o644)
    file = tmp_path / "access.json"
    CliRunner().invoke(access, ["add", "a coordinator", "--role", "viewer", "--file", str(file)])
    assert CliRunner().invoke(secrets, words).exit_code == 0
    (after,) = [one for one in read_secrets(tmp_path) if one["metadata"]["name"] == "troika-access"]
    assert [holder["name"] for holder in json.loads(after["stringData"]["access.json"])] == ["a coordinator"]
    assert (tmp_path / "definitions.json").read_text() == definitions
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("definitions.json", "secrets.yaml")] == [0o600, 0o600]
    file.write_text('[{"name": "nobody"}]')
    refused = CliRunner().invoke(secrets, words)
    assert (refused.exit_code, f"{file}: " in refused.output) == (1, True)


def read_secrets(folder: Path) -> list[dict[str, Any]]:
    """Those that were written."""
    return list(yaml.safe_load_all((folder / "secrets.yaml").read_text()))


def test_secrets_written_again_have_the_keys_database_still(tmp_path: Path) -> None:
    words = [str(tmp_path), "--postgres", "db.example.org:5432", "--rabbitmq", "mq.example.org:5671"]
    words += ["--smtp-url", "smtps://mail.example.org", "--public-url", "https://register.example.org"]
    runs: list[str] = []
    for more in (["--keys-postgres", "keys.example.org:5432"], [], ["--keys-in-folder"]):
        done = CliRunner().invoke(secrets, [*words, *more])
        assert done.exit_code == 0, done.output
        runs.append((tmp_path / "secrets.yaml").read_text())
    assert ("@keys.example.org:5432/keys" in runs[0], runs[1]) == (True, runs[0])
    assert "TROIKA_KEYS_DATABASE_URL" not in runs[2]
    done = CliRunner().invoke(secrets, [*words, "--keys-postgres", "db.example.org:5432"])
    assert (done.exit_code, "Name a server of its own" in done.output) == (1, True)


def test_rules_are_the_ones_of_every_installation(chart: helm.Chart, tmp_path: Path) -> None:
    found = named(rendered(chart, {"monitoring": {"enabled": True}}), "PrometheusRule")
    assert len(found) == len(list((PROJECT / "deploy" / "prometheus" / "rules").glob("*.yml")))
    for name, one in found.items():
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(one["spec"]))
    command = ["promtool", "check", "rules", *map(str, sorted(tmp_path.glob("*.yml")))]
    subprocess.run(command, check=True, capture_output=True)


def test_written_files_are_in_the_chart() -> None:
    for name, text in files().items():
        assert (CHART / name).read_text() == text, name
