"""Queues with too few members are found and repaired; then one node of three may fail, be lost and be replaced."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.servers.rabbitmq import VHOST
from deploy.up.secrets import broker_definitions
from shared.messaging import topology
from tests.chaos.broker.consumer import TABLE
from tests.chaos.broker.harness import BrokerHarness
from tests.chaos.broker.publisher import QUEUE, LoadPublisher
from tests.support.clients import rows
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbit_cluster import BOOT_S, RabbitCluster
from tests.support.rabbit_definitions import Rights, user_definitions
from tests.support.rabbitmq import ADMIN
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until, strict

PER_SECOND = 100
CALM_S, DOWN_S = 3.0, 15.0
MAX_WAIT_S = 5.0
"""Of a message while one node of three is down."""

RECONCILED_WITHIN_S = 120.0
RECONCILING = {
    "quorum_queue.continuous_membership_reconciliation.enabled": "true",
    "quorum_queue.continuous_membership_reconciliation.interval": "300000",
}
PASSWORD = "only-here"


class Commands:
    """``topology …`` of the events service on a cluster."""

    def __init__(self, cluster: RabbitCluster, processes: ProcessGroup, first: int = 0) -> None:
        self._processes = processes
        self._environment = {
            "TROIKA_BROKER_URL": ",".join(cluster.urls(first)),
            "TROIKA_BROKER_MANAGEMENT_URL": ",".join(cluster.management(first)),
        }

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """Exit code and lines."""
        name = f"topology-{secrets.token_hex(4)}"
        command = ["services.events", "topology", *arguments]
        program = self._processes.start(name, command, env=self._environment)
        return program.wait(180.0), program.log_text().splitlines()

    def complete(self) -> bool:
        """Whether ``check`` finds nothing missing."""
        return self.run("check")[0] == 0


def definitions_file(run: RunFolder) -> Path:
    """Our definitions with all users, ``ADMIN`` too, in a file that a node reads when it starts."""
    folder = run.part("definitions")
    folder.chmod(0o755)
    made = broker_definitions(dict.fromkeys(topology.user_names(), PASSWORD))
    admin = user_definitions(ADMIN, PASSWORD, Rights(), VHOST)
    admin["users"][0]["tags"] = ["administrator"]
    file = folder / "definitions.json"
    file.write_text(json.dumps({**made, **{key: [*made[key], *rows] for key, rows in admin.items()}}))
    file.chmod(0o644)
    return file


@contextmanager
def formed(run: RunFolder, settings: Mapping[str, str], *, one_by_one: bool = False) -> Iterator[RabbitCluster]:
    """A cluster each of whose nodes loads the definitions.

    Args:
        run: the run.
        settings: further lines of each node's configuration.
        one_by_one: the first is a broker of one node, with queues, before the others join it.
    """
    loading = {
        "load_definitions": str(definitions_file(run)),
        "management_agent.disable_metrics_collector": "true",
        **settings,
    }
    cluster = RabbitCluster(
        run, plugins=("rabbitmq_management",), settings=loading, password=PASSWORD, first_alone=one_by_one
    )
    try:
        cluster.start_network()
        for node in cluster.nodes if one_by_one else ():
            node.start(BOOT_S)
        cluster.start_nodes()
        cluster.wait_whole()
        yield cluster
    finally:
        cluster.remove()


def make_traffic(cluster: RabbitCluster, own: int, postgres: PostgresServer, processes: ProcessGroup) -> BrokerHarness:
    """A consumer, and a harness for messages, both connected to node ``own`` first."""
    database = FreshDatabases(postgres)["events"]
    rows(database, TABLE)
    harness = BrokerHarness(cluster.urls(own), database, processes)
    harness.start_consumer()
    return harness


def report(harness: BrokerHarness, load: LoadPublisher, what: str) -> None:
    """Print the figures; alone on the machine nothing may have waited for longer than the aim."""
    harness.assert_nothing_lost_or_doubled(load, what)
    print(f"{what}: longest wait of a message, from making to effect, {harness.max_wait_s():.2f} s")
    if strict():
        assert harness.max_wait_s() <= MAX_WAIT_S


@pytest.mark.timeout(600)
def test_definitions_loaded_by_each_node_of_a_forming_cluster(
    run_folder: RunFolder, postgres: PostgresServer, processes: ProcessGroup
) -> None:
    """The check names every queue, growing repairs them, and then no message waits for a dead node."""
    with formed(run_folder, {}) as cluster:
        commands = Commands(cluster, processes)
        code, lines = commands.run("check")
        assert (code, lines[-1]) == (1, "not complete")
        named = {line.partition(":")[0] for line in lines if "→ `topology grow`" in line}
        assert named == set(topology.queue_arguments())
        began_at = time.monotonic()
        assert commands.run("grow")[0] == 0
        print(f"\ngrow: {time.monotonic() - began_at:.1f} s; before: {lines[0]}")
        began_at = time.monotonic()
        assert commands.run("grow")[1][-1] == "no members to add"
        print(f"grow again: {time.monotonic() - began_at:.1f} s")
        assert commands.run("check")[1][-1] == "complete"

        leader = cluster.leader(QUEUE, VHOST)
        harness = make_traffic(cluster, (leader + 1) % 3, postgres, processes)
        with harness.load(PER_SECOND) as load:
            time.sleep(CALM_S)  # some traffic before
            cluster.nodes[leader].kill()
            time.sleep(DOWN_S)  # how long it is down
            code, lines = Commands(cluster, processes, (leader + 1) % 3).run("check")
            assert (code, f"down: {cluster.nodes[leader].name}" in " ".join(lines)) == (1, True)
        report(harness, load, "one node of three killed")


@pytest.mark.timeout(900)
def test_one_node_becomes_three_and_a_lost_one_is_replaced(
    run_folder: RunFolder, postgres: PostgresServer, processes: ProcessGroup
) -> None:
    """With reconciliation the queues get their members without a command, both times, while messages pass."""
    with formed(run_folder, RECONCILING, one_by_one=True) as cluster:
        began_at = time.monotonic()
        poll_until(Commands(cluster, processes).complete, RECONCILED_WITHIN_S, every_s=1.0, what="three members each")
        print(f"\none node to three: complete {time.monotonic() - began_at:.1f} s after the third was there")

        lost, other = 1, 2  # node 0 is configured alone, and would come back alone
        harness = make_traffic(cluster, lost, postgres, processes)
        commands = Commands(cluster, processes, other)
        with harness.load(PER_SECOND) as load:
            time.sleep(CALM_S)  # some traffic before
            cluster.nodes[lost].lose()
            time.sleep(CALM_S)  # until it is noticed
            cluster.nodes[other].ctl("forget_cluster_node", cluster.nodes[lost].name)
            cluster.nodes[lost].start(BOOT_S)
            began_at = time.monotonic()
            poll_until(commands.complete, RECONCILED_WITHIN_S, every_s=1.0, what="three members each again")
            print(f"replaced: complete {time.monotonic() - began_at:.1f} s after the new node was there")
        report(harness, load, "a lost node replaced")


@pytest.mark.timeout(300)
def test_definitions_wait_for_the_cluster(run_folder: RunFolder, processes: ProcessGroup) -> None:
    """With the number of nodes in the configuration, RabbitMQ itself declares queues only when all are there."""
    with formed(run_folder, {"cluster_formation.target_cluster_size_hint": "3"}) as cluster:
        code, lines = Commands(cluster, processes).run("check")
        assert (code, lines[-1]) == (0, "complete")
