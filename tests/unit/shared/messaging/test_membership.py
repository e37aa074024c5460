"""Members that quorum queues lack, compared with the nodes, and the members to add."""

import pytest

from shared.messaging.queue_members import Addition, BrokerNode, QueueMembers, additions, is_uneven, shortages
from tests.unit.shared.messaging.broker_api import A, B, C


def cluster(*names: str, down: str = "") -> list[BrokerNode]:
    return [BrokerNode(name, name != down) for name in names]


def queue(*members: str, down: str = "", leader: str = "", name: str = "q") -> QueueMembers:
    online = tuple(each for each in members if each != down)
    return QueueMembers(name, members, online, leader or (online[0] if online else members[0]))


@pytest.mark.parametrize("names", [(A,), (A, B), (A, B, C), (A, B, C, "rabbit@broker-4")])
def test_queue_with_as_many_members_as_it_can_have_lacks_nothing(names: tuple[str, ...]) -> None:
    assert shortages([queue(*names[:3])], cluster(*names)) == []


@pytest.mark.parametrize(
    ("found", "nodes", "line"),
    [
        (queue(A, B), cluster(A, B, C), f"q: 2 of 3 members, none on {C} → `topology grow`"),
        (queue(A), cluster(A, B), f"q: 1 of 2 members, none on {B} → `topology grow`"),
        (queue(A, B), cluster(A, B, C, down=C), f"q: 2 of 3 members, none on {C} → `topology grow` once {C} runs"),
        (
            queue(A, B, C, down=B),
            cluster(A, B, C, down=B),
            f"q: its member on {B} is down → start {B}, or replace it",
        ),
        (
            queue(A, B, down=B),
            cluster(A, B, C, down=B),
            f"q: no majority (1 of 2 run): nothing is published or consumed; its member on {B} is down; "
            f"2 of 3 members, none on {C} → start {B}, or replace it; then `topology grow`",
        ),
        (
            queue(A, B, C, down=B),
            cluster(A, B, C),
            f"q: its member on {B} does not run, though the node does → restart {B}",
        ),
        (
            queue(A, B, "rabbit@lost", down="rabbit@lost"),
            cluster(A, B, C),
            f"q: 2 of 3 members, none on {C}; a member on rabbit@lost, which is no node of the cluster "
            "→ `topology grow`; rabbitmq-queues delete_member --vhost troika q rabbit@lost",
        ),
        (queue(A, B, C, leader="rabbit@lost"), cluster(A, B, C), "q: no leader → wait a minute and check again"),
    ],
)
def test_shortage_names_what_is_missing_and_what_to_do(found: QueueMembers, nodes: list[BrokerNode], line: str) -> None:
    assert [str(each) for each in shortages([found], nodes)] == [line]


@pytest.mark.parametrize(
    ("found", "nodes", "added"),
    [
        (queue(A), cluster(A, B, C), [B, C]),
        (queue(A, B), cluster(A, B, C), [C]),
        (queue(A), cluster(A, B), [B]),
        (queue(A, B, C), cluster(A, B, C), []),
        (queue(A), cluster(A, B, C, down=C), []),
        (queue(A, B, down=B), cluster(A, B, C, down=B), []),
        (queue(A, B), cluster(A, B, C, down=C), []),
    ],
    ids=["one", "two", "two-nodes", "three", "even-while-one-is-down", "without-majority", "node-down"],
)
def test_members_to_add(found: QueueMembers, nodes: list[BrokerNode], added: list[str]) -> None:
    assert additions([found], nodes) == [Addition("q", node) for node in added]


def test_members_are_added_where_there_are_fewest() -> None:
    """Four nodes, three members per queue."""
    queues = [queue(A, B, name=name) for name in "abcd"]
    chosen = [each.node for each in additions(queues, cluster(A, B, C, "rabbit@broker-4"))]
    assert sorted(chosen) == [C, C, "rabbit@broker-4", "rabbit@broker-4"]


@pytest.mark.parametrize(
    ("counts", "uneven"),
    [
        ({A: 21, B: 0, C: 0}, True),
        ({A: 8, B: 7, C: 6}, False),
        ({A: 21}, False),
        ({A: 11, B: 10, C: 0}, True),
        ({}, False),
    ],
)
def test_uneven_leaders(counts: dict[str, int], uneven: bool) -> None:
    assert is_uneven(counts) == uneven
