"""Checks of RabbitMQ."""

from collections.abc import Mapping

import pytest

from deploy.operations.doctor.broker import MANAGEMENT_URL, METRICS_URLS
from deploy.operations.doctor.grading import Grade
from deploy.operations.doctor.probes import HttpAnswer
from shared.messaging.queue_members import BrokerNode, QueueMembers
from shared.messaging.topology import NO_CONNECTION, queue_arguments
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import BROKER, TOPOLOGY, check, host, named, only, pages, probes

BOTH = host(brokers=(BROKER, TOPOLOGY))
ONE_NODE = named(**{METRICS_URLS: "http://a:15692"})
THREE_NODES = named(**{METRICS_URLS: "http://a:15692, http://b:15692,http://c:15692"})
IDENTITY = 'rabbitmq_identity_info{rabbitmq_node="a",rabbitmq_cluster_permanent_id="%s"} 1\n'


def metrics(cluster: str = "x", peers: int = 0, free_gb: float = 50, limit_gb: float = 2, alarm: int = 0) -> HttpAnswer:
    """The figures of a node."""
    text = (
        "# TYPE rabbitmq_identity_info untyped\n"
        + IDENTITY % cluster
        + f"rabbitmq_unreachable_cluster_peers_count {peers}\n"
        f"rabbitmq_disk_space_available_bytes {free_gb * 1e9:.0f}\n"
        f"rabbitmq_disk_space_available_limit_bytes {limit_gb * 1e9:.0f}\n"
        f"rabbitmq_alarms_free_disk_space_watermark {alarm}\nrabbitmq_alarms_memory_used_watermark 0\n"
    )
    return HttpAnswer(200, {}, text)


def logs(leave_out: str = "") -> HttpAnswer:
    """Raft figures of a node with a member of every queue but one."""
    lines = (
        f'rabbitmq_detailed_raft_commit_index{{vhost="troika",queue="{queue}"}} 5'
        for queue in queue_arguments()
        if queue != leave_out
    )
    return HttpAnswer(200, {}, "\n".join(lines))


def test_logins() -> None:
    def refuse(url: str) -> Mapping[str, str]:
        if "relay" in url:
            raise Unavailable("password refused")
        return {}

    asked = []

    def away(url: str) -> Mapping[str, str]:
        asked.append(url)
        raise Unavailable(NO_CONNECTION)

    assert only("broker-logins", BOTH, probes(broker=lambda _url: {})) == (Grade.OK, "all 2 connect")
    assert only("broker-logins", BOTH, probes(broker=away)) == (Grade.FAILED, "1 of 1 do not answer: 127.0.0.1")
    assert len(asked) == 1
    assert only("broker-logins", BOTH, probes(broker=refuse)) == (
        Grade.FAILED,
        "refused: troika-events-relay (password refused)",
    )


@pytest.mark.parametrize(("version", "grade"), [("4.1.2", Grade.OK), ("3.13.7", Grade.FAILED)])
def test_version(version: str, grade: Grade) -> None:
    assert only("broker-version", BOTH, probes(broker=lambda _url: {"version": version}))[0] == grade


def test_several_versions() -> None:
    versions = iter(["4.0.5", "4.1.0"])
    two = host(brokers=(type(BROKER)("troika-events-relay", ("amqp://a", "amqp://b")),))
    found = only("broker-version", two, probes(broker=lambda _url: {"version": next(versions)}))
    assert found == (Grade.WARNING, "several versions: 4.0.5, 4.1.0")


def test_topology() -> None:
    assert only("broker-topology", BOTH, probes(missing=lambda _urls: []))[0] == Grade.OK
    assert only("broker-topology", BOTH, probes(missing=lambda _urls: ["events.rollup"])) == (
        Grade.FAILED,
        "missing: events.rollup",
    )
    assert only("broker-topology", host(brokers=(BROKER,)), probes())[0] == Grade.NOT_ASKED


def test_rights() -> None:
    well = only("broker-rights", BOTH, probes(may_declare=lambda _url: False))
    assert well == (Grade.OK, "none of 1 logins of processes may make queues")
    found = only("broker-rights", BOTH, probes(may_declare=lambda url: "topology" in url or "relay" in url))
    assert found == (Grade.FAILED, "may make queues: troika-events-relay")


def test_members() -> None:
    well = pages({"/detailed": logs(), "/metrics": metrics()})
    assert only("broker-members", THREE_NODES, probes(fetch=well))[0] == Grade.OK
    assert only("broker-members", ONE_NODE, probes(fetch=well)) == (
        Grade.OK,
        "one node is enough to start; while it is down, messages wait in the outbox",
    )
    few = pages({"b:15692/metrics/detailed": logs("events.rollup"), "/detailed": logs(), "/metrics": metrics()})
    assert only("broker-members", THREE_NODES, probes(fetch=few)) == (
        Grade.FAILED,
        "without all 3 members running: events.rollup",
    )


def test_members_by_the_management_api() -> None:
    graded = named(**{MANAGEMENT_URL: "https://x:y@a:15671"})
    nodes = [BrokerNode(name, True) for name in "abc"]
    queues = [QueueMembers(name, ("a", "b", "c"), ("a", "b", "c"), "a") for name in queue_arguments()]
    few = [QueueMembers("events.rollup", ("a", "b"), ("a", "b"), "a")]
    down = [*nodes[:2], BrokerNode("c", False)]
    found = {
        "all": (nodes, queues),
        "few": (nodes, [one for one in queues if one.name != "events.rollup"] + few),
        "none": (nodes, queues[1:]),
        "down": (down, queues),
    }
    grades = {
        name: [one.grade for one in check("broker-members", graded, probes(cluster=lambda _urls, each=each: each))]
        for name, each in found.items()
    }
    assert grades == {
        "all": [Grade.OK],
        "few": [Grade.FAILED],
        "none": [Grade.FAILED],
        "down": [Grade.FAILED, Grade.OK],
    }


def test_partition_and_separate_clusters() -> None:
    split = {"/detailed": logs(), "a:15692": metrics(peers=1), "b:15692": metrics("y"), "c:15692": metrics()}
    found = [(one.grade, one.found) for one in check("broker-members", THREE_NODES, probes(fetch=pages(split)))]
    assert found[:2] == [(Grade.FAILED, "does not reach 1 running nodes"), (Grade.FAILED, "2 separate clusters")]


@pytest.mark.parametrize(
    ("figures", "grade"),
    [
        (metrics(), Grade.OK),
        (metrics(limit_gb=0.05), Grade.WARNING),
        (metrics(free_gb=3), Grade.WARNING),
        (metrics(alarm=1), Grade.FAILED),
    ],
)
def test_alarms(figures: HttpAnswer, grade: Grade) -> None:
    assert only("broker-alarms", ONE_NODE, probes(fetch=pages({"/metrics": figures})))[0] == grade


def test_metrics_that_are_refused_are_not_asked() -> None:
    refused = probes(fetch=pages({"/metrics": HttpAnswer(403, {})}))
    assert only("broker-alarms", ONE_NODE, refused) == (
        Grade.NOT_ASKED,
        "no answer (http://a:15692/metrics responds 403)",
    )
