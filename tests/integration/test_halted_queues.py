"""Halted queues: what a consumer does while their store is down, and how its processes share the store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.halts import (
    POISONED_IN_A_ROW,
    REFRESH_EVERY_S,
    MemoryHalts,
    QueueHalts,
    StoredHalts,
    Trial,
    allow_parking,
    halted_problem,
)
from shared.runtime.errors import Unavailable
from tests.support.clients import rows
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer

QUEUE, OTHER = "events.contact", "events.rollup"
BOTH = frozenset({QUEUE, OTHER})


class Store(MemoryHalts):
    """A store that can be away."""

    is_away = False

    def halted(self) -> frozenset[str]:
        """See :class:`shared.messaging.halts.HaltStore`."""
        if self.is_away:
            raise Unavailable("database unavailable")
        return super().halted()

    def halt(self, queue: str, reason: str) -> None:
        """See :class:`shared.messaging.halts.HaltStore`."""
        if self.is_away:
            raise Unavailable("database unavailable")
        super().halt(queue, reason)


def made(store: Store, now_s: list[float]) -> QueueHalts:
    """The halts of a consumer of both queues, with a clock that the test moves."""
    return QueueHalts("events", BOTH, store, lambda: now_s[0])


def poison(halts: QueueHalts, count: int, queue: str = QUEUE) -> None:
    """Let ``count`` messages be poison."""
    for _ in range(count):
        halts.poisoned(queue, "broken")


def test_nothing_is_consumed_or_tried_before_the_store_was_read() -> None:
    store, now_s = Store(), [0.0]
    store.is_away = True
    halts = made(store, now_s)
    halts.refresh()
    assert (halts.halted, halts.claim_trial(QUEUE)) == (BOTH, None)
    store.is_away = False
    now_s[0] += REFRESH_EVERY_S
    halts.refresh()
    assert halts.halted == frozenset()


def test_halt_holds_while_the_store_is_away_and_is_stored_afterwards() -> None:
    store, now_s = Store(), [0.0]
    halts = made(store, now_s)
    halts.refresh()
    store.is_away = True
    poison(halts, POISONED_IN_A_ROW)
    assert (set(halts.halted), halts.claim_trial(QUEUE), set(MemoryHalts.halted(store))) == ({QUEUE}, None, set())
    store.is_away = False
    now_s[0] += REFRESH_EVERY_S
    halts.refresh()
    assert (set(halts.halted), set(store.halted())) == ({QUEUE}, {QUEUE})


def test_a_success_resets_the_count_for_its_queue_alone() -> None:
    halts = made(Store(), [0.0])
    halts.refresh()
    poison(halts, POISONED_IN_A_ROW - 1)
    halts.succeeded(OTHER)
    halts.succeeded(QUEUE)
    poison(halts, POISONED_IN_A_ROW - 1)
    assert halts.halted == frozenset()
    poison(halts, 1)
    assert halts.halted == {QUEUE}


def test_resumed_queue_halts_only_after_as_many_again() -> None:
    store, now_s = Store(), [0.0]
    halts = made(store, now_s)
    halts.refresh()
    poison(halts, POISONED_IN_A_ROW)
    store.resume(QUEUE)
    now_s[0] += REFRESH_EVERY_S
    halts.refresh()
    poison(halts, POISONED_IN_A_ROW - 1)
    assert halts.halted == frozenset()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The events service's."""
    return FreshDatabases(postgres)["events"]


@pytest.fixture
def work(database: str) -> Iterator[UnitOfWork]:
    """Transactions there."""
    engine = open_engine(database)
    yield UnitOfWork(engine, "events")
    engine.dispose()


def test_processes_share_one_trial_a_minute(work: UnitOfWork, database: str) -> None:
    stores = [StoredHalts(work) for _ in range(8)]
    for store in stores:
        store.halt(QUEUE, "broken")
    assert [store.claim_trial(QUEUE) for store in stores] == [None] * 8, "the first is a minute after the halt"
    rows(database, "UPDATE halted_queue SET try_at = now() - interval '1 second'")
    with ThreadPoolExecutor(8) as processes:
        claimed = list(processes.map(lambda store: store.claim_trial(QUEUE), stores))
    assert [claim for claim in claimed if claim] == [Trial()]
    rows(database, "UPDATE halted_queue SET try_at = now() + interval '1 year'")
    assert stores[0].claim_trial(QUEUE), "the database's clock was set back"
    assert not stores[0].claim_trial(OTHER), "it is not halted"


def test_readiness_names_the_halted_queue_until_it_is_resumed(work: UnitOfWork) -> None:
    store = StoredHalts(work)
    assert halted_problem(work) == ""
    store.halt(QUEUE, "broken")
    assert halted_problem(work).startswith(f"queues halted, single messages are tried: {QUEUE} since 2")
    store.resume(QUEUE)
    store.resume(QUEUE)
    assert (halted_problem(work), store.halted()) == ("", frozenset())


def test_parking_that_is_allowed_is_shared_by_all_processes_and_ends(work: UnitOfWork) -> None:
    """It is due at once, and no message of another reason uses it."""
    stores = [StoredHalts(work) for _ in range(8)]
    with work.transaction() as connection:
        assert not allow_parking(connection, QUEUE, "broken", 3), "it is not halted"
    stores[0].halt(QUEUE, "broken")
    with work.transaction() as connection:
        assert allow_parking(connection, QUEUE, "broken", 3)
    assert stores[0].claim_trial(QUEUE) == Trial("broken")
    assert not stores[0].use_parking(QUEUE, "another")
    with ThreadPoolExecutor(8) as processes:
        assert sum(processes.map(lambda store: store.use_parking(QUEUE, "broken"), stores)) == 3
    stores[0].try_soon(QUEUE, 0.0)
    assert stores[0].claim_trial(QUEUE) == Trial()
