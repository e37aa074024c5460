"""In `make chaos`: what a node misses that was frozen for more than a minute, with Khepri and without."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.servers.rabbitmq import VHOST
from tests.chaos.broker.queue_visibility import unreached_from
from tests.contract.buses import definitions_in
from tests.support.rabbit_cluster import NODES, RabbitCluster
from tests.support.rabbit_definitions import vhost_definitions
from tests.support.rabbitmq import ADMIN
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

FROZEN_S = 80.0
"""Longer than the minute after which the others give a silent node up."""

WELL_AGAIN_S = 5.0
NO_LIMIT, NO_ROOM = "0.6", "0.0001"


@contextmanager
def thawed(run: RunFolder, *, khepri: bool) -> Iterator[RabbitCluster]:
    """A cluster with our topology in ``VHOST``, whose node 0 was frozen."""
    cluster = RabbitCluster(run, khepri=khepri)
    cluster.start()
    try:
        cluster.nodes[1].import_definitions({**vhost_definitions(VHOST, ADMIN), **definitions_in(VHOST)})
        cluster.nodes[0].suspend()
        time.sleep(FROZEN_S)  # how long it is frozen
        cluster.nodes[0].resume()
        time.sleep(WELL_AGAIN_S)  # in which a cluster with Khepri is well again
        yield cluster
    finally:
        cluster.remove()


def who_knows_of_an_alarm(cluster: RabbitCluster, of: int) -> list[int]:
    """The nodes that know that node ``of`` is out of memory."""
    name = cluster.nodes[of].name
    cluster.nodes[of].ctl("set_vm_memory_high_watermark", NO_ROOM)
    poll_until(lambda: name in _alarms(cluster, of), 20, every_s=0.5, what="the alarm")
    knowing = [node for node in range(NODES) if name in _alarms(cluster, node)]
    cluster.nodes[of].ctl("set_vm_memory_high_watermark", NO_LIMIT)
    return knowing


def _alarms(cluster: RabbitCluster, node: int) -> str:
    return cluster.nodes[node].ctl("eval", "rabbit_alarm:get_alarms().")


@pytest.mark.timeout(400)
def test_without_khepri_an_unfrozen_node_has_different_queues(run_folder: RunFolder) -> None:
    """Negative control: what is made on it afterwards is not known to the two others."""
    with thawed(run_folder, khepri=False) as cluster:
        assert unreached_from(cluster, VHOST, made_on=0) == [1, 2]


@pytest.mark.timeout(400)
def test_alarms_of_a_thawed_cluster_are_known_to_all_once_the_node_was_restarted(run_folder: RunFolder) -> None:
    """Khepri does not repair this: a node out of memory is no longer known everywhere until then."""
    with thawed(run_folder, khepri=True) as cluster:
        before = [who_knows_of_an_alarm(cluster, node) for node in range(NODES)]
        cluster.nodes[0].restart()
        cluster.wait_whole()
        after = [who_knows_of_an_alarm(cluster, node) for node in range(NODES)]
    print(f"\nwho knows of the alarms of nodes 0, 1, 2: {before} thawed, {after} restarted")
    assert before != after
    assert after == [[0, 1, 2]] * NODES
