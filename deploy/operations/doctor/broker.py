"""Checks of RabbitMQ: logins and their rights, version, queues, members of the cluster, alarms, free disk."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, not_asked, ok, warning
from deploy.operations.doctor.probes import Probes
from shared.cli.settings import BROKER_MANAGEMENT_URL
from shared.messaging.queue_members import MEMBERS, BrokerNode, QueueMembers, expected_members, shortages
from shared.messaging.topology import NO_CONNECTION, TOPOLOGY, queue_arguments
from shared.runtime.errors import Unavailable

OLDEST_BROKER = 4
METRICS_URLS = "TROIKA_DOCTOR_BROKER_URLS"
"""Setting of the doctor: addresses of every node's metrics, with commas between."""

MANAGEMENT_URL = BROKER_MANAGEMENT_URL
_CLUSTER = "rabbitmq_cluster_permanent_id"

ALARMS = {
    "rabbitmq_alarms_memory_used_watermark": ("memory", "Find what fills the memory: runbook TroikaBrokerBlocked"),
    "rabbitmq_alarms_free_disk_space_watermark": ("disk", "Free disk space: publishers wait; TroikaBrokerDiskLow"),
    "rabbitmq_alarms_file_descriptor_limit": ("file descriptors", "Raise LimitNOFILE of rabbitmq-server"),
}
LEAST_DISK_LIMIT = 1_000_000_000
_SAMPLE = re.compile(r"^(?P<name>[a-z_]+)(\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Sample = tuple[str, Mapping[str, str], float]


def check_logins(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Every login can sign in to each node of the broker."""
    refused: list[tuple[str, str]] = []
    away: set[str] = set()
    for broker in host.brokers:
        for url in broker.urls:
            node = urlsplit(url).netloc.rpartition("@")[2]
            if node in away:
                continue
            try:
                probes.broker(url)
            except Unavailable as error:
                refused.append((broker.login, error.reason))
                away |= {node} if error.reason == NO_CONNECTION else set()
    if away:
        nodes = len({urlsplit(url).netloc.rpartition("@")[2] for broker in host.brokers for url in broker.urls})
        do = "Start the node; check address, port and certificate: runbook TroikaBrokerNodeDown"
        yield failed("nodes", f"{len(away)} of {nodes} do not answer: {', '.join(sorted(away))}", do)
    elif refused:
        reasons = ", ".join(sorted({reason for _login, reason in refused}))
        logins = ", ".join(dict.fromkeys(login for login, _reason in refused))
        do = "Import the definitions with the passwords of the settings files"
        yield failed("logins", f"refused: {logins} ({reasons})", do)
    else:
        yield ok("logins", f"all {len(host.brokers)} connect")


def check_version(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The nodes run a version that the tests have passed with, all the same one."""
    found = {probes.broker(url).get("version", "") for url in host.brokers[0].urls}
    listed = ", ".join(sorted(found))
    if any(int((version.partition(".")[0]) or 0) < OLDEST_BROKER for version in found):
        yield failed("nodes", f"RabbitMQ {listed}", f"Upgrade to RabbitMQ {OLDEST_BROKER}")
    elif len(found) > 1:
        yield warning("nodes", f"several versions: {listed}", "Finish the rolling upgrade")
    else:
        yield ok("nodes", f"RabbitMQ {listed}")


def check_topology(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """All exchanges and queues exist."""
    login = next((broker for broker in host.brokers if broker.login == TOPOLOGY), None)
    if login is None:
        yield not_asked("queues", f"no settings of the login {TOPOLOGY} are here", "Run: troika events topology check")
        return
    missing = probes.missing(login.urls)
    if missing:
        do = "Import the definitions, or run: troika events topology declare"
        yield failed("queues", f"missing: {', '.join(missing)}", do)
    else:
        yield ok("queues", f"all {len(queue_arguments())} queues and their exchanges exist")


def check_rights(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """No login of a process may make queues: a compromised process could use the right."""
    others = [broker for broker in host.brokers if broker.login != TOPOLOGY]
    wide = [broker.login for broker in others if probes.may_declare(broker.urls[0])]
    if wide:
        yield failed(
            "logins", f"may make queues: {', '.join(wide)}", "Import the definitions: they have the permissions"
        )
    else:
        yield ok("logins", f"none of {len(others)} logins of processes may make queues")


def check_members(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """All nodes run and form one cluster, and each queue has its members on them."""
    if management := host.value(MANAGEMENT_URL):
        yield from _managed_members(*probes.cluster(tuple(part.strip() for part in management.split(","))))
        return
    urls = _metrics_urls(host)
    clusters, on_nodes = set(), dict.fromkeys(queue_arguments(), 0)
    for url in urls:
        samples = _samples(probes, f"{url}/metrics")
        clusters |= {labels[_CLUSTER] for name, labels, _ in samples if name == "rabbitmq_identity_info"}
        peers = sum(value for name, _, value in samples if name == "rabbitmq_unreachable_cluster_peers_count")
        if peers:
            yield failed(url, f"does not reach {peers:g} running nodes", "Runbook TroikaBrokerPartition")
        for queue in _queues_of(probes, url):
            on_nodes[queue] = on_nodes.get(queue, 0) + 1
    if len(clusters) > 1:
        yield failed("nodes", f"{len(clusters)} separate clusters", "Runbook TroikaBrokerSplit")
    wanted = min(MEMBERS, len(urls))
    yield from _judged_members(len(urls), wanted, sorted(name for name, number in on_nodes.items() if number < wanted))


def _managed_members(nodes: Sequence[BrokerNode], queues: Sequence[QueueMembers]) -> Iterator[CheckResult]:
    """Apply the rules of `topology check`."""
    if down := [node.name for node in nodes if not node.running]:
        yield failed("nodes", f"{len(down)} of {len(nodes)} down: {', '.join(down)}", "Runbook TroikaBrokerNodeDown")
    few = [shortage.queue for shortage in shortages(queues, nodes)]
    missing = sorted({*queue_arguments()} - {queue.name for queue in queues})
    yield from _judged_members(len(nodes), expected_members(nodes), sorted({*few, *missing}))


def _judged_members(nodes: int, wanted: int, few: Sequence[str]) -> Iterator[CheckResult]:
    if few:
        do = "Run: troika events topology check, then topology grow: runbook TroikaQueueTooFewMembers"
        yield failed("queues", f"without all {wanted} members running: {', '.join(few)}", do)
    elif nodes == 1:
        yield ok("nodes", "one node is enough to start; while it is down, messages wait in the outbox")
    else:
        yield ok("nodes", f"{nodes} nodes; every queue has {wanted} members")


def check_alarms(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """No node is short of memory or disk, and publishers are stopped before the disk is full."""
    for url in _metrics_urls(host):
        samples = _samples(probes, f"{url}/metrics")
        values = {name: value for name, _labels, value in samples}
        raised = [name for name in ALARMS if values.get(name)]
        for name in raised:
            what, do = ALARMS[name]
            yield failed(url, f"alarm: {what}", do)
        limit, free = (values.get(f"rabbitmq_disk_space_available{end}_bytes", 0.0) for end in ("_limit", ""))
        if limit < LEAST_DISK_LIMIT:
            found = f"publishers are stopped at {limit / 1e6:.0f} MB of free disk"
            yield warning(url, found, "Set disk_free_limit.absolute = 2GB in rabbitmq.conf")
        elif free < 2 * limit:
            found = f"{free / 1e9:.1f} GB free, publishers are stopped at {limit / 1e9:.1f} GB"
            yield warning(url, found, "Free disk space: runbook TroikaBrokerDiskLow")
        elif not raised:
            yield ok(url, f"no alarm; {free / 1e9:.1f} GB free, publishers are stopped at {limit / 1e9:.1f} GB")


def _metrics_urls(host: GradedHost) -> list[str]:
    return [url.strip().rstrip("/") for url in host.value(METRICS_URLS).split(",") if url.strip()]


def _queues_of(probes: Probes, url: str) -> set[str]:
    """Number of queues with a member on a node: each has a Raft log there."""
    samples = _samples(probes, f"{url}/metrics/detailed?family=ra_metrics&vhost=troika")
    return {
        labels["queue"] for _name, labels, _value in samples if labels.get("vhost") == "troika" and "queue" in labels
    }


def _samples(probes: Probes, url: str) -> list[Sample]:
    answer = probes.fetch(url)
    if answer.status != 200:
        raise Unavailable(f"{url} responds {answer.status}")
    return [
        (found["name"], dict(_LABEL.findall(found["labels"] or "")), float(found["value"]))
        for found in _SAMPLE.finditer(answer.body)
    ]
