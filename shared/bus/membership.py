"""Which members each quorum queue has, which of them run, and what is missing; pure, without network access.

A queue with fewer members than the cluster allows works like any other until a node is down, so only a comparison
with the nodes shows it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.bus.names import VHOST

MEMBERS = 3
"""Members of a queue in a cluster of at least three nodes: one may be down. Each further member costs a copy."""


@dataclass(frozen=True, slots=True)
class BrokerNode:
    """A node that belongs to the cluster, by its Erlang name; it may be down."""

    name: str
    running: bool


@dataclass(frozen=True, slots=True)
class QueueMembers:
    """Attributes:
    name: of a quorum queue.
    members: the nodes that have a copy of it.
    online: those of them whose copy runs.
    leader: the node that leads it, or the last node that did.
    """

    name: str
    members: tuple[str, ...]
    online: tuple[str, ...]
    leader: str

    @property
    def has_majority(self) -> bool:
        """Whether messages can be published and consumed."""
        return 2 * len(self.online) > len(self.members)


@dataclass(frozen=True, slots=True)
class Shortage:
    """What one queue lacks, and the remedy."""

    queue: str
    missing: str
    advice: str

    def __str__(self) -> str:
        return f"{self.queue}: {self.missing} → {self.advice}"


@dataclass(frozen=True, slots=True)
class Addition:
    """A member to add to a queue on a node."""

    queue: str
    node: str


def expected_members(nodes: Sequence[BrokerNode]) -> int:
    """Members that each queue should have; nodes that are down count too."""
    return min(MEMBERS, len(nodes))


def shortages(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> list[Shortage]:
    """What is missing, queue by queue; empty when every queue has its members, they run, and one of them leads."""
    return [found for queue in queues if (found := _shortage(queue, nodes)) is not None]


def _shortage(queue: QueueMembers, nodes: Sequence[BrokerNode]) -> Shortage | None:
    expected, known = expected_members(nodes), {node.name for node in nodes}
    running = {node.name for node in nodes if node.running}
    present = [name for name in queue.members if name in known]
    removed = [name for name in queue.members if name not in known]
    away = [name for name in present if name not in queue.online]
    down, stopped = [name for name in away if name not in running], [name for name in away if name in running]
    missing, advice = [], []
    if not queue.has_majority:
        missing.append(
            f"no majority ({len(queue.online)} of {len(queue.members)} run): nothing is published or consumed"
        )
    if down:
        missing.append(f"its member on {_names(down)} is down")
        advice.append(f"start {_names(down)}, or replace it")
    if stopped:
        missing.append(f"its member on {_names(stopped)} does not run, though the node does")
        advice.append(f"restart {_names(stopped)}")
    if len(present) < expected:
        without = [node.name for node in nodes if node.name not in queue.members]
        missing.append(f"{len(present)} of {expected} members, none on {_names(without)}")
        advice.append(_growing(queue, [name for name in without if name not in running]))
    if removed:
        missing.append(f"a member on {_names(removed)}, which is no node of the cluster")
        advice.append(f"rabbitmq-queues delete_member --vhost {VHOST} {queue.name} {removed[0]}")
    if not missing and queue.leader not in queue.online:
        missing.append("no leader")
        advice.append("wait a minute and check again")
    return Shortage(queue.name, "; ".join(missing), "; ".join(advice)) if missing else None


def _growing(queue: QueueMembers, down: Sequence[str]) -> str:
    if not queue.has_majority:
        return "then `topology grow`"
    return f"`topology grow` once {_names(down)} runs" if down else "`topology grow`"


def additions(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> list[Addition]:
    """The members to add, queue by queue; on nodes with the fewest members first.

    A queue without a majority gets none: adding a member needs a majority. No queue is left with an even number of
    members while the node that would make it odd is down: two members tolerate no failure, just as one does, and
    two nodes can fail.
    """
    expected, running = expected_members(nodes), [node.name for node in nodes if node.running]
    load = Counter(name for queue in queues for name in queue.members)
    found: list[Addition] = []
    for queue in queues:
        if not queue.has_majority:
            continue
        free = sorted((name for name in running if name not in queue.members), key=lambda name: (load[name], name))
        wanted = max(min(expected - len(queue.members), len(free)), 0)
        total = len(queue.members) + wanted
        if total < expected and total % 2 == 0:
            wanted -= 1
        chosen = free[: max(wanted, 0)]
        load.update(chosen)
        found.extend(Addition(queue.name, name) for name in chosen)
    return found


def leaders(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> dict[str, int]:
    """How many queues each running node leads."""
    counted = Counter(queue.leader for queue in queues)
    return {node.name: counted[node.name] for node in nodes if node.running}


def is_uneven(counts: Mapping[str, int]) -> bool:
    """Whether a node leads fewer than half of its share; RabbitMQ balances all vhosts, so one is never quite even."""
    return bool(counts) and 2 * min(counts.values()) < sum(counts.values()) // len(counts)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)
