"""Faults of each part of a cluster under load: nothing is lost or duplicated, and the visitors' waits are measured."""

import time
from collections import Counter

import pytest

from tests.cluster.installation import Cluster
from tests.cluster.proof import copies, differences, under_load, visits
from tests.support.waiting import poll_until

AWAY_S = 15.0
NODE_AWAY_S, PROMOTED_WITHIN_S = 5.0, 10.0
"""What is allowed: without a node of the broker nothing waits longer; so soon after a promotion the first 202 comes."""

NOTICED_S = 5.0
"""From the end of the primary to the promotion: a failover tool needs time to notice."""

pytestmark = pytest.mark.timeout(600)


def test_application_host_killed(cluster: Cluster) -> None:
    """A power cut of one of two hosts: the other one takes over all work."""
    host = cluster.hosts[0]
    with under_load(cluster, "application host killed") as trouble:
        cluster.network.isolate(host.host)
        host.host.kill()
        trouble.last(AWAY_S)
        cluster.network.rejoin(host.host)
        cluster.begin(host)
        cluster.wait_ready(host)


def test_application_host_frozen(cluster: Cluster) -> None:
    """The host accepts connections but does not answer, then it resumes."""
    host = cluster.hosts[0].host
    with under_load(cluster, "application host frozen") as trouble:
        host.freeze()
        try:
            trouble.last(AWAY_S)
        finally:
            host.thaw()
        trouble.last(AWAY_S)


def test_broker_node_killed(cluster: Cluster) -> None:
    """One of three nodes is killed."""
    node = cluster.broker.hosts[0]
    with under_load(cluster, "broker node killed") as trouble:
        node.kill()
        trouble.last(AWAY_S)
        cluster.broker.start_node(node)
        cluster.broker.wait_whole()
    assert trouble.visitors.max_pause_s(trouble.at_s) < NODE_AWAY_S
    assert trouble.visitors.max_transit_s() < NODE_AWAY_S


def test_broker_node_without_power(cluster: Cluster) -> None:
    """The same, but its clients get no notice."""
    node = cluster.broker.hosts[0]
    with under_load(cluster, "broker node without power") as trouble:
        cluster.network.isolate(node)
        node.kill()
        trouble.last(AWAY_S)
        cluster.network.rejoin(node)
        cluster.broker.start_node(node)
        cluster.broker.wait_whole()
    assert trouble.visitors.max_pause_s(trouble.at_s) < NODE_AWAY_S
    assert trouble.visitors.max_transit_s() < NODE_AWAY_S


def test_broker_nodes_parted(cluster: Cluster) -> None:
    """Two nodes cannot reach each other; the third node and all clients reach both."""
    one, other, _ = cluster.broker.hosts
    with under_load(cluster, "two broker nodes parted") as trouble:
        with cluster.network.parted(one.address, other.address):
            trouble.last(2 * AWAY_S)
        cluster.broker.wait_whole()
    assert trouble.visitors.max_pause_s(trouble.at_s) < NODE_AWAY_S


def test_host_without_database(cluster: Cluster) -> None:
    """The link between one host and the pooler, by which it reaches the database, is down."""
    host = cluster.hosts[0].host
    with under_load(cluster, "link between a host and the database down") as trouble:
        with cluster.network.parted(host.address, cluster.pooler.host.address):
            trouble.last(AWAY_S)
        trouble.last(AWAY_S)


def test_pooler_without_database(cluster: Cluster) -> None:
    """The link between the pooler and the database is down: no request gets a 202 until it is up again."""
    pooler, database = cluster.pooler.host, cluster.postgres.address
    with under_load(cluster, "link between the pooler and the database down") as trouble:
        with cluster.network.parted(pooler.address, database):
            trouble.last(NOTICED_S)
        trouble.last(AWAY_S)


def test_primary_killed(cluster: Cluster) -> None:
    """The primary loses its power, the standby is promoted, and has every registration that was accepted."""
    with under_load(cluster, "primary killed, standby promoted") as trouble:
        cluster.postgres.kill_primary()
        trouble.last(NOTICED_S)
        promoted_at_s = time.monotonic()
        cluster.postgres.promote()
        trouble.last(AWAY_S)
        first_s = trouble.visitors.first_after(promoted_at_s)
        print(f"\nfirst 202 {first_s:.1f} s after the promotion")
        cluster.postgres.rebuild()
    assert first_s < PROMOTED_WITHIN_S


def test_pooler_killed(cluster: Cluster) -> None:
    """The only pooler is killed and started again."""
    with under_load(cluster, "pooler killed and restarted") as trouble:
        cluster.pooler.host.kill()
        trouble.last(NOTICED_S)
        cluster.pooler.start()
        trouble.last(AWAY_S)


def test_gateway_killed(cluster: Cluster) -> None:
    """One of two gateways loses its power: visitors use the other one."""
    gateway = cluster.gateways[0]
    with under_load(cluster, "gateway killed") as trouble:
        cluster.network.isolate(gateway)
        gateway.kill()
        trouble.last(AWAY_S)
        cluster.network.rejoin(gateway)
        cluster.start_gateway(gateway)


def test_redis_killed(cluster: Cluster) -> None:
    """Without Redis each host counts for itself."""
    with under_load(cluster, "Redis killed") as trouble:
        cluster.network.isolate(cluster.redis)
        cluster.redis.kill()
        trouble.last(AWAY_S)
        cluster.network.rejoin(cluster.redis)
        cluster.start_redis()
    assert trouble.visitors.max_pause_s(trouble.at_s) < NODE_AWAY_S


def test_rolling_restart(cluster: Cluster) -> None:
    """Both hosts, one after the other, each ready before the next: no request fails."""
    with under_load(cluster, "rolling restart of both hosts") as trouble:
        for host in cluster.hosts:
            cluster.restart(host)
            trouble.last(3.0)
    assert dict(trouble.visitors.errors()) == {}


def test_queues_have_all_members_again(cluster: Cluster) -> None:
    """After all faults every queue has three running members."""
    poll_until(lambda: cluster.broker.missing_members() == [], 60, every_s=1.0, what="three members of each queue")


def test_ledger_finds_what_was_lost_and_doubled(cluster: Cluster) -> None:
    """Negative control of all these tests: a 202 that no database has stored, and a mail that arrived twice."""
    receipts, mails = visits(cluster).read().receipts, copies(cluster)
    assert differences(cluster, receipts, mails) == []
    assert len(differences(cluster, [*receipts, "0" * 64], mails)) == 1
    doubled = Counter({next(iter(mails)): 1})
    assert len(differences(cluster, receipts, mails + doubled)) == 1
