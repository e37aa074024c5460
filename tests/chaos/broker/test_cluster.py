"""One of three nodes fails in every way: confirmed messages have their effect once, and all nodes agree."""

import secrets
import time

import pytest

from tests.chaos.broker.faults import FAULTS, Fault
from tests.chaos.broker.harness import make_harness
from tests.chaos.broker.publisher import QUEUE
from tests.chaos.broker.queue_visibility import unreached_from
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbit_cluster import RabbitCluster
from tests.support.waiting import strict

PER_SECOND = 500
CALM_S = 2.0
LEAST = 200_000
"""So many messages have to be confirmed over all faults, for the claim that none was lost to weigh something."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_in_a_cluster(
    fault: Fault, cluster: RabbitCluster, postgres: PostgresServer, processes: ProcessGroup, confirmed: list[int]
) -> None:
    """Nothing confirmed is lost, nothing has its effect twice, and publishing continues, within the aim if run alone.

    Beside other tests the machine contributes to the gap: 10 s were seen there once, 0.4 s alone on the same machine.
    """
    vhost = f"test-{secrets.token_hex(4)}"
    harness = make_harness(cluster.urls(0, vhost), cluster.nodes[0], postgres, processes)
    leader = cluster.leader(QUEUE, vhost)
    own = (leader + fault.own_after_leader) % len(cluster.nodes)
    harness.urls = cluster.urls(own, vhost)
    harness.start_consumer()
    with harness.load(PER_SECOND) as load:
        time.sleep(CALM_S)  # some traffic before
        fault.strike(cluster, leader, own)
        time.sleep(fault.hold_s)  # how long the fault lasts
        if fault.heal is not None:
            fault.heal(cluster, leader, own)
        cluster.mend()
        time.sleep(CALM_S)  # and some after
    harness.assert_nothing_lost_or_doubled(load, fault.name)
    confirmed.append(len(load.confirmed))
    assert (unreached_from(cluster, vhost, made_on=leader), cluster.opinions()) == ([], 1)
    assert load.max_gap_s >= fault.standstill_s
    if fault.aim_s is not None and strict():
        assert load.max_gap_s <= fault.aim_s


def test_enough_was_confirmed_over_all_faults(confirmed: list[int]) -> None:
    """Comes after all of them; each has compared its own."""
    print(f"\nover {len(confirmed)} faults of a cluster: {sum(confirmed)} confirmed, 0 lost, 0 doubled")
    assert sum(confirmed) >= LEAST
