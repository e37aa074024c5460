"""Faults of a cluster of three, and how long publishing may stop because of each."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.rabbit_cluster import RabbitCluster, around, between

KILLED_S = 6.0
ALARM_S = 20.0
"""The disk is checked every ten seconds."""

LEADER_KILLED_AIM_S, OWN_KILLED_AIM_S, FROZEN_AIM_S = 2.0, 3.0, 15.0

Strike = Callable[[RabbitCluster, int, int], None]
"""Called with the queue's leader and the node that publisher and consumer are connected to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Attributes:
    name: of the fault, in the test's id.
    strike: makes it happen.
    own_after_leader: how many nodes after the leader the clients' own node comes; 0: it is the leader.
    hold_s: how long it lasts, seconds.
    heal: ends what repairing the cluster does not end.
    aim_s: longest gap in confirms that is allowed, seconds; None: publishing stops while the fault lasts.
    """

    name: str
    strike: Strike
    own_after_leader: int = 1
    hold_s: float = KILLED_S
    heal: Strike | None = None
    aim_s: float | None = None
    standstill_s: float = 0.0


def _kill(leader: bool) -> Strike:
    return lambda cluster, first, own: cluster.nodes[first if leader else own].kill()


def _freeze_leader(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[leader].suspend()


def _freeze_own(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[own].suspend()


def _part_leader(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.shut(around(leader))


def _part_own(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.shut(around(own))


def _mute_leader(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.shut(around(leader, into=False))


def _part_the_two(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.shut(between(leader, own))


def _fill_disk(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[leader].ctl("set_disk_free_limit", "900GB")


def _empty_disk(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[leader].ctl("set_disk_free_limit", "50MB")


def _fill_memory(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[leader].ctl("set_vm_memory_high_watermark", "0.0001")


def _empty_memory(cluster: RabbitCluster, leader: int, own: int) -> None:
    cluster.nodes[leader].ctl("set_vm_memory_high_watermark", "0.6")


def _roll(cluster: RabbitCluster, leader: int, own: int) -> None:
    """As an operator does it: the next node only when no queue would lose its majority."""
    for node in cluster.nodes:
        node.ctl("await_online_quorum_plus_one", tool="rabbitmq-upgrade")
        node.ctl("drain", tool="rabbitmq-upgrade")
        node.restart()
        cluster.wait_whole()


LEADER_KILLED = Fault("leader-killed", _kill(leader=True), aim_s=LEADER_KILLED_AIM_S)

PARTITIONS: dict[str, tuple[Strike, int]] = {
    "leader-parted": (_part_leader, 1),
    "own-node-parted": (_part_own, 1),
    "leader-and-own-node-parted": (_part_leader, 0),
    "leader-muted": (_mute_leader, 1),
    "leader-and-own-node-part-from-each-other": (_part_the_two, 1),
}
"""The shapes: one node alone (three ways of standing to it), one way only, and a ring that is open in one place."""

FAULTS = (
    LEADER_KILLED,
    Fault("disk-alarm", _fill_disk, hold_s=ALARM_S, heal=_empty_disk, standstill_s=ALARM_S / 4),
    Fault("memory-alarm", _fill_memory, hold_s=ALARM_S, heal=_empty_memory, standstill_s=ALARM_S / 4),
    Fault("own-node-killed", _kill(leader=False), aim_s=OWN_KILLED_AIM_S),
    Fault("leader-that-is-own-node-killed", _kill(leader=False), 0, aim_s=OWN_KILLED_AIM_S),
    Fault("leader-frozen-25s", _freeze_leader, hold_s=25.0, aim_s=FROZEN_AIM_S),
    Fault("own-node-frozen-25s", _freeze_own, hold_s=25.0, aim_s=FROZEN_AIM_S),
    Fault("leader-frozen-80s", _freeze_leader, hold_s=80.0, aim_s=FROZEN_AIM_S),
    Fault("leader-that-is-own-node-frozen-80s", _freeze_own, 0, hold_s=80.0, aim_s=FROZEN_AIM_S),
    *(
        Fault(f"{shape}-{seconds}s", strike, after, hold_s=float(seconds))
        for shape, (strike, after) in PARTITIONS.items()
        for seconds in (10, 30)
    ),
    Fault("rolling-restart", _roll, hold_s=0.0, aim_s=FROZEN_AIM_S),
)
