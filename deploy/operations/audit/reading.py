"""Reads the sources: one read-only snapshot per database; rows are streamed in the order of their keys."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from deploy.operations.audit.checks import Side
from deploy.operations.audit.facts import CONSUMING_QUEUES
from deploy.operations.audit.form_keys import KEYS
from shared.runtime.ids import first_id_of
from shared.runtime.settings import conninfo

ORDER = ("bus", "events", "notifications", KEYS, "registration")
"""Snapshots are taken in this order: a follower is read before the database that it follows, and a message that
moves from the bus into an inbox between two snapshots is in at least one of them."""

KEPT = timedelta(days=7) - timedelta(hours=1)
"""How long a published message surely stays in its outbox; the hour is for clocks that differ."""

REMEMBERED = timedelta(days=364)
"""How long a mail, its record in events, and the tombstone of an erased person are kept at least."""

HISTORY = timedelta(days=1000)
"""How long the history of an erased registration and a reading of sealed answers surely stay."""

GRACE_S = 60.0
LATE_FACTOR = 15
"""Factor on the grace for what waits for other services without a trace.

A quarter of an hour, the longest outage of the broker that causes no difference.
"""

NO_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Ids follow the machine's own clock: where a test has moved the services' clocks, their age means nothing."""

_SETTINGS = """
    SET LOCAL statement_timeout = '5min'; SET LOCAL idle_in_transaction_session_timeout = '5min';
    SET LOCAL timezone = 'UTC'; SET LOCAL jit = off
"""
"""Of the one transaction in which everything is read.

It is idle while other databases are read, perhaps for longer than the role's own limits allow.
"""

AT_ONCE = 1_000
"""Rows that one round trip fetches."""

Row = tuple[str, str | None, bool | None]
"""Key, value, required (None: it may still be on its way)."""


@dataclass(frozen=True, slots=True)
class Given:
    """Data that no database contains.

    Attributes:
        accepted: ids in the answers that clients were given.
        copies: how often each Message-ID arrived.
        parked: what is parked at a broker, as (message id, queue, reason); None if no broker was asked.
        held: how many messages wait in each of a broker's queues; None if no broker was asked.
        head: number and hash (hexadecimal) of a reading that the log must still hold; 0 if none was noted.
    """

    accepted: Iterable[str] | None = None
    copies: Mapping[str, int] | None = None
    parked: Iterable[tuple[str, str, str]] | None = None
    held: Mapping[str, int] | None = None
    head: tuple[int, str] = (0, "")

    def sources(self) -> dict[str, list[Row]]:
        """Rows by the name of their source."""
        found: dict[str, list[Row]] = {}
        if self.accepted is not None:
            found["journal"] = [(key, None, True) for key in sorted(set(self.accepted))]
        if self.copies is not None:
            found["copies"] = [(key, str(count), True) for key, count in sorted(self.copies.items())]
        if self.parked is not None:
            parked = sorted((f"{message} {queue}", reason) for message, queue, reason in self.parked)
            found["parked"] = [(key, "parked", False) for key, _reason in parked]
            found["unexplained"] = [(key, "a reason", True) for key, reason in parked if not reason]
        return found


@dataclass(frozen=True, slots=True)
class Sources:
    """Attributes:
    databases: open snapshots by name.
    given: rows by name.
    values: what statements see beside the tables.
    held: how many messages wait in each of a broker's queues; None if no broker was asked.
    """

    databases: Mapping[str, psycopg.Connection[Any]]
    given: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    held: Mapping[str, int] | None = None

    def has(self, name: str) -> bool:
        """Whether there is such a source."""
        return name in self.databases or name in self.given

    def rows(self, database: str, statement: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement, fetched a thousand at a time."""
        with self.databases[database].cursor(name="audit") as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(statement, self.values)
            yield from cursor

    def ordered(self, side: Side) -> Iterator[Row]:
        """Rows of a side in the order of their keys, byte by byte."""
        if side.source in self.given:
            yield from self.given[side.source]
            return
        statement = f'SELECT * FROM ({side.sql}) AS s (key, value, required) ORDER BY key COLLATE "C"'  # noqa: S608
        with self.databases[side.source].cursor(name=f"audit_{id(side)}") as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(statement, self.values)
            yield from cursor


@contextmanager
def open_sources(
    urls: Mapping[str, str], given: Given | None = None, *, grace_s: float = GRACE_S, now: datetime | None = None
) -> Iterator[Sources]:
    """Snapshots of all databases in ``urls``, by service name, and ``bus`` where messages travel through one.

    Args:
        urls: SQLAlchemy's or libpq's, of a login that may read.
        given: what no database knows.
        grace_s: how old a message must be to have arrived, seconds; 0 once everything rests.
        now: the time of the services' clocks, where tests have moved them; None for the databases' own.

    Raises:
        psycopg.OperationalError: a database is down; without the keys database what needs it is not asked.
    """
    with ExitStack() as stack:
        databases = {}
        for name in (side for side in ORDER if side in urls):
            try:
                databases[name] = stack.enter_context(_snapshot(urls[name]))
            except psycopg.OperationalError:
                if name != KEYS:  # without the keys database everything else is asked
                    raise
        known = given or Given()
        sources = Sources(databases, known.sources(), held=known.held)
        sources.values.update(_values(sources, grace_s, now))
        sources.values.update(head_number=known.head[0], head_hash=bytes.fromhex(known.head[1]))
        yield sources


def _snapshot(url: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(
        conninfo(url),
        connect_timeout=5,
        application_name="troika-audit",
    )
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(_SETTINGS)
    connection.execute("SELECT 1")
    return connection


def _values(sources: Sources, grace_s: float, moved: datetime | None) -> dict[str, Any]:
    now = moved or datetime.now(UTC)
    settled, late = now - timedelta(seconds=grace_s), now - timedelta(seconds=LATE_FACTOR * grace_s)
    types, queues = zip(*CONSUMING_QUEUES, strict=True)
    values = {
        "now": now,
        "settled_before": settled,
        "late_before": late,
        "arrived_before": settled if sources.has("bus") else late,
        "kept_since": now - KEPT,
        "remembered_since": now - REMEMBERED,
        "history_since": now - HISTORY,
        "ids_since": first_id_of(now - KEPT) if moved is None else NO_ID,
        "types": list(types),
        "queues": list(queues),
    }
    forgetful = "SELECT slug FROM form WHERE keep_days IS NOT NULL"
    moving = "SELECT DISTINCT subject FROM outbox WHERE starts_with(type, 'org.troika.event.') AND stored_at >= %s"
    values["forgetful"] = _column(sources, "registration", forgetful)
    values["moving"] = _column(sources, "events", moving, late)
    return values


def _column(sources: Sources, database: str, statement: str, *values: Any) -> list[str]:
    if database not in sources.databases:
        return []
    return [row[0] for row in sources.databases[database].execute(statement, values)]
