"""Negative control, in `make chaos`: why a cluster has to have Khepri switched on."""

import secrets
import time
from collections.abc import Iterator

import pytest

from deploy.servers.rabbitmq import vhost_definitions
from tests.chaos.broker.agreement import unreached_from
from tests.contract.buses import definitions_in
from tests.support.rabbit_cluster import RabbitCluster
from tests.support.rabbitmq import ADMIN
from tests.support.run_folder import RunFolder

FROZEN_S = 80.0
"""Longer than the minute after which the others give a silent node up."""


@pytest.fixture
def old_cluster(run_folder: RunFolder) -> Iterator[RabbitCluster]:
    """Three nodes as they come."""
    three = RabbitCluster(run_folder, khepri=False)
    three.start()
    yield three
    three.remove()


@pytest.mark.timeout(400)
def test_without_khepri_a_thawed_node_has_queues_of_its_own(old_cluster: RabbitCluster) -> None:
    """What is made on it afterwards is not known to the two others."""
    vhost = f"test-{secrets.token_hex(4)}"
    old_cluster.nodes[1].import_definitions({**vhost_definitions(vhost, ADMIN), **definitions_in(vhost)})
    old_cluster.nodes[0].suspend()
    time.sleep(FROZEN_S)  # how long it is frozen
    old_cluster.nodes[0].resume()
    time.sleep(5.0)  # in which a cluster with Khepri is well again
    assert unreached_from(old_cluster, vhost, made_on=0) == [1, 2]
