"""One of three nodes fails in every way: what was confirmed is there and has its effect once, and all three agree."""

import secrets
import time

import pika
import pytest
from pika.exceptions import UnroutableError

from shared.bus.names import FACTS
from tests.chaos.broker.faults import Fault
from tests.chaos.broker.offering import QUEUE
from tests.chaos.broker.stage import make_stage
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbit_cluster import RabbitCluster

PER_SECOND = 500
CALM_S = 2.0
AGREED_WITHIN_S = 15.0


def assert_of_one_mind(cluster: RabbitCluster, vhost: str, struck: int) -> None:
    """All nodes hold the same topology, and a queue made on the struck one is reached from each."""
    with pika.BlockingConnection(pika.URLParameters(cluster.urls(struck, vhost)[0])) as connection:
        channel = connection.channel()
        channel.queue_declare("afterwards", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind("afterwards", FACTS, "afterwards")
    unreached = [node for node in range(len(cluster.nodes)) if not _reaches(cluster.urls(node, vhost)[0])]
    assert (unreached, cluster.opinions()) == ([], 1)


def _reaches(url: str) -> bool:
    """Whether a message to the new queue is routed, within the time that a new binding needs to be known everywhere."""
    until = time.monotonic() + AGREED_WITHIN_S
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        while True:
            try:
                channel.basic_publish(FACTS, "afterwards", b"{}", mandatory=True)
            except UnroutableError:
                if time.monotonic() > until:
                    return False
                time.sleep(0.5)  # between two tries
            else:
                return True


@pytest.mark.timeout(600)
def test_fault_in_a_cluster(
    fault: Fault, cluster: RabbitCluster, postgres: PostgresServer, processes: ProcessGroup
) -> None:
    """Nothing confirmed is lost, nothing has its effect twice, and publishing goes on within the aim."""
    vhost = f"test-{secrets.token_hex(4)}"
    stage = make_stage(cluster.urls(0, vhost), cluster.nodes[0], postgres, processes)
    leader = cluster.leader(QUEUE, vhost)
    own = (leader + fault.own_after_leader) % len(cluster.nodes)
    stage.urls = cluster.urls(own, vhost)
    stage.start_consumer()
    with stage.offering(PER_SECOND) as offering:
        time.sleep(CALM_S)  # some traffic before
        fault.strike(cluster, leader, own)
        time.sleep(fault.hold_s)  # how long the fault lasts
        if fault.heal is not None:
            fault.heal(cluster, leader, own)
        cluster.mend()
        time.sleep(CALM_S)  # and some after
    stage.assert_nothing_lost_or_doubled(offering, fault.name)
    assert_of_one_mind(cluster, vhost, leader)
    if fault.aim_s is not None:
        assert offering.longest_gap_s <= fault.aim_s
