"""Outbox and inbox stay small: old rows are deleted in batches, and a late duplicate has no effect."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from services.registration.cleanup import RULES
from shared.db.cleanup import Cleanup
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.broker import RETRY_TIERS
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.messaging.inbox import apply_batch
from shared.messaging.relay import (
    BATCH_SIZE,
    EVERY_S,
    KEEP_PUBLISHED,
    KEEP_RECEIVED,
    PUBLISHED,
    RETRY_DELAY_S,
    OutboxCleanup,
)
from shared.runtime.ids import first_id_of, new_id
from shared.runtime.metrics import (
    housekeeping_deleted_total,
    housekeeping_held,
    outbox_oldest_unpublished_age_seconds,
    outbox_unpublished,
)
from tests.support.clock import FrozenClock, agreeing
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer
from tests.support.waiting import allowed_s

SERVICE, QUEUE = "notifications", "notifications.mail"
MANY = 50_000
OUTBOX = text("""
    INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
    SELECT gen_random_uuid(), 'a-type', 'a-subject', 'a-body', :at,
        CASE WHEN :published THEN CAST(:at AS timestamptz) END
    FROM generate_series(1, :rows)
""")
INBOX = text("""
    INSERT INTO inbox (consumer, message_id, received_at)
    SELECT :consumer, CAST(left(:made, 24) || lpad(to_hex(n), 12, '0') AS uuid), :at FROM generate_series(1, :rows) n
""")
SECOND = timedelta(seconds=1)


class Seconds:
    """Time manually, in place of the machine's."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    """An empty database of a service."""
    engine = open_engine(FreshDatabases(postgres)["notifications"])
    yield engine
    engine.dispose()


def fill(engine: Engine, at: datetime, rows: int, *, published: bool = True) -> None:
    """Rows of the outbox that were stored (and published) at an instant, and of the inbox received then."""
    with engine.begin() as connection:
        connection.execute(OUTBOX, {"at": at, "rows": rows, "published": published})
        made = first_id_of(at - SECOND)
        connection.execute(INBOX, {"consumer": QUEUE, "made": made, "at": at, "rows": rows})


def counted(engine: Engine) -> dict[str, int]:
    """Rows by table."""
    with engine.connect() as connection:
        return {
            table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in ("outbox", "inbox")
        }


def cleanup(engine: Engine, clock: FrozenClock, seconds: Seconds) -> OutboxCleanup:
    """A housekeeper whose time goes manually."""
    work = UnitOfWork(engine, SERVICE)
    return OutboxCleanup(work, SERVICE, agreeing(clock, work), monotonic=seconds)


def test_backlog_is_counted_and_its_oldest_row_is_aged(engine: Engine, clock: FrozenClock) -> None:
    fill(engine, clock() - timedelta(seconds=30), 2, published=False)
    fill(engine, clock() - timedelta(seconds=50), 4)
    fill(engine, clock() - timedelta(seconds=10), 1, published=False)
    cleanup(engine, clock, Seconds()).run_once()
    gauges = (outbox_unpublished, outbox_oldest_unpublished_age_seconds)
    assert [gauge.labels(SERVICE)._value.get() for gauge in gauges] == [3, 30.0]
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET published_at = now()"))
    cleanup(engine, clock, Seconds()).run_once()
    assert [gauge.labels(SERVICE)._value.get() for gauge in gauges] == [0, 0.0]


def test_fifty_thousand_old_rows_go_in_short_transactions(engine: Engine, clock: FrozenClock) -> None:
    fill(engine, clock() - KEEP_RECEIVED - SECOND, MANY)
    fill(engine, clock() - KEEP_PUBLISHED + SECOND, 1000)
    seconds, lengths_s, batches = Seconds(), list[float](), list[list[int]]()

    def opened(_connection: Connection) -> None:
        batches.append([])
        lengths_s.append(-time.monotonic())

    def ran(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith("DELETE"):
            batches[-1].append(cursor.rowcount)

    def ended(_connection: Connection) -> None:
        lengths_s[-1] += time.monotonic()

    event.listen(engine, "begin", opened)
    event.listen(engine, "after_cursor_execute", ran)
    event.listen(engine, "commit", ended)
    before, outbox_cleanup, ticks = deleted(), cleanup(engine, clock, seconds), 0
    while counted(engine) != {"outbox": 1000, "inbox": 1000}:
        outbox_cleanup.run_once()
        seconds.now_s += RETRY_DELAY_S
        ticks += 1
        assert ticks <= MANY / BATCH_SIZE, "a tick deleted less than a batch"
    assert max(len(batch) for batch in batches) == 1
    assert max(rows for batch in batches for rows in batch) == BATCH_SIZE
    assert sum(rows for batch in batches for rows in batch) == 2 * MANY
    assert sorted(lengths_s)[-3] < allowed_s(0.5)  # the machine may stop twice for unrelated reasons
    assert {table: rows - before[table] for table, rows in deleted().items()} == {"outbox": MANY, "inbox": MANY}


def test_hour_deletes_no_more_than_is_ordinary(
    engine: Engine, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted by seconds that no change of the time touches; the next hour goes on."""
    fill(engine, clock() - KEEP_PUBLISHED - SECOND, 50)
    rule, seconds = replace(PUBLISHED, batch=20, max_per_hour=30), Seconds()
    limited, left = Cleanup(UnitOfWork(engine, SERVICE), SERVICE, [rule], seconds), []
    for step_s in (0, 1, 1, 3600, 3600):
        seconds.now_s += step_s
        limited.run_once(clock())
        left.append((counted(engine)["outbox"], housekeeping_held.labels(SERVICE, "outbox", "limit")._value.get()))
    assert left == [(30, 0), (20, 1), (20, 1), (0, 0), (0, 0)]
    assert [record.count for record in caplog.records if "ordinary" in record.message] == [30]  # type: ignore[attr-defined]


def test_what_nothing_can_restore_is_limited_most() -> None:
    limits = {rule.table: rule.max_per_hour for rule in (*RULES, PUBLISHED) if rule.by_notice}
    people = {"candidate": 5000, "address_change": 5000, "confirmation_link": 50_000, "former_address": 50_000}
    assert limits == people | {"outbox": 200_000}


def deleted() -> dict[str, float]:
    """The value of the metric."""
    return {table: housekeeping_deleted_total.labels(SERVICE, table)._value.get() for table in ("outbox", "inbox")}


def test_rows_that_others_hold_are_left_alone(engine: Engine, clock: FrozenClock) -> None:
    """Neither does the housekeeper wait for them, nor does it make anyone wait."""
    fill(engine, clock() - KEEP_RECEIVED - SECOND, 3)
    seconds = Seconds()
    with engine.connect() as other:
        for table in ("outbox", "inbox"):
            other.execute(text(f"SELECT 1 FROM {table} LIMIT 1 FOR UPDATE"))
        began_s = time.monotonic()
        cleanup(engine, clock, seconds).run_once()
        assert time.monotonic() - began_s < 5
        assert counted(engine) == {"outbox": 1, "inbox": 1}
    seconds.now_s += EVERY_S
    cleanup(engine, clock, seconds).run_once()
    assert counted(engine) == {"outbox": 0, "inbox": 0}


def test_next_run_is_seconds_away_when_little_is_left(engine: Engine, clock: FrozenClock) -> None:
    seconds = Seconds()
    outbox_cleanup = cleanup(engine, clock, seconds)
    outbox_cleanup.run_once()
    fill(engine, clock() - KEEP_RECEIVED - SECOND, 1)
    seconds.now_s += EVERY_S - 0.1
    outbox_cleanup.run_once()
    assert counted(engine) == {"outbox": 1, "inbox": 1}
    seconds.now_s += 0.1
    outbox_cleanup.run_once()
    assert counted(engine) == {"outbox": 0, "inbox": 0}


def test_what_the_broker_has_not_confirmed_is_kept_for_ever(engine: Engine, clock: FrozenClock) -> None:
    fill(engine, clock() - timedelta(days=400), 5, published=False)
    cleanup(engine, clock, Seconds()).run_once()
    assert counted(engine) == {"outbox": 5, "inbox": 0}


def consume(engine: Engine, message_id: str, effects: list[str]) -> list[Any]:
    """One delivery; returns the outcome."""
    now = FrozenClock()()
    message = Message(message_id, f"{TYPE_PREFIX}a.b.v1", "a-source", "a-subject", now, {}, "")

    def effect(_connection: Connection, delivered: Message) -> None:
        effects.append(delivered.id)

    return list(apply_batch(UnitOfWork(engine, SERVICE), QUEUE, [message], effect))


@pytest.mark.parametrize("age", [timedelta(days=8), KEEP_RECEIVED - SECOND])
def test_message_that_comes_again_within_the_time_has_its_effect_once(
    engine: Engine, clock: FrozenClock, age: timedelta
) -> None:
    effects: list[str] = []
    message_id = first_id_of(clock() - age - SECOND)
    assert consume(engine, message_id, effects) == ["done"]
    received(engine, message_id, clock() - age)
    cleanup(engine, clock, Seconds()).run_once()
    assert consume(engine, message_id, effects) == ["duplicate"]
    assert effects == [message_id]


def test_message_that_waited_long_is_remembered_as_long_as_any_other(engine: Engine, clock: FrozenClock) -> None:
    """Its id is old, since it was parked or its consumer away: what counts is when it was received."""
    effects: list[str] = []
    message_id = first_id_of(clock() - KEEP_RECEIVED * 3)
    consume(engine, message_id, effects)
    received(engine, message_id, clock() - KEEP_RECEIVED + SECOND)
    cleanup(engine, clock, Seconds()).run_once()
    assert consume(engine, message_id, effects) == ["duplicate"]
    received(engine, message_id, clock() - KEEP_RECEIVED - SECOND)
    cleanup(engine, clock, Seconds()).run_once()
    assert counted(engine)["inbox"] == 0


def received(engine: Engine, message_id: str, at: datetime) -> None:
    """As if it had come at another time."""
    with engine.begin() as connection:
        row = {"at": at, "id": message_id}
        connection.execute(text("UPDATE inbox SET received_at = :at WHERE message_id = CAST(:id AS uuid)"), row)


def test_inbox_remembers_longer_than_any_message_can_come_again() -> None:
    """Published again to the end of the outbox's retention, retried through all tiers, two weeks in a queue."""
    retries_s = sum(RETRY_TIERS.values()) * 8
    assert timedelta(seconds=retries_s) + timedelta(days=14) + KEEP_PUBLISHED < KEEP_RECEIVED


def test_first_id_of_an_instant_separates_older_from_newer() -> None:
    now = datetime.fromtimestamp(time.time(), tz=FrozenClock()().tzinfo)
    made = new_id()
    assert first_id_of(now - SECOND) < made < first_id_of(now + SECOND)
