"""SQL on copies of events, working groups, forms, partners and resources, and on news that are not sent yet."""

# ruff: noqa: S608 - names of our own tables

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, text

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 1))")
_KNOWN = text("SELECT revision, content, told FROM event_copy WHERE id = :id")
_UPSERT_EVENT = text("""
    INSERT INTO event_copy (id, revision, content, told, noted_at)
    VALUES (:id, :revision, CAST(:content AS jsonb), CAST(:content AS jsonb), :now)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, content = excluded.content,
        noted_at = excluded.noted_at
""")
_UPSERT = {
    table: text(f"""
        INSERT INTO {table} (id, revision, content, noted_at)
        VALUES (:id, :revision, CAST(:content AS jsonb), :now)
        ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, content = excluded.content,
            noted_at = excluded.noted_at
        WHERE {table}.revision < excluded.revision
    """)
    for table in ("working_group_copy", "resource_copy", "form_copy", "partner_copy")
}
_MARK_ANNOUNCED = text("UPDATE event_copy SET told = CAST(:told AS jsonb) WHERE id = :id")
_OPEN_NEWS = text("SELECT began_at FROM event_news WHERE event = :event")
_UPSERT_NEWS = text("""
    INSERT INTO event_news (event, began_at, changed_at, due_at, correlation_id)
    VALUES (:event, :now, :now, :due_at, :correlation_id)
    ON CONFLICT (event) DO UPDATE
        SET changed_at = greatest(event_news.began_at, excluded.changed_at), due_at = excluded.due_at
""")
_DUE_NEWS = text("""
    SELECT event FROM event_news WHERE due_at <= :now OR due_at > :latest ORDER BY due_at, event LIMIT 1
""")
_TAKE_NEWS = text("""
    DELETE FROM event_news WHERE event = :event AND (due_at <= :now OR due_at > :latest)
    RETURNING least(began_at, now()), changed_at, correlation_id
""")
_ZONES = text("SELECT DISTINCT content ->> 'time_zone' FROM event_copy WHERE id = ANY(:slugs)")
_UPCOMING = text("""
    SELECT id, content FROM event_copy
    WHERE (content ->> 'starts_at') COLLATE "C" > :after AND (content ->> 'starts_at') COLLATE "C" <= :until
        AND content ->> 'status' IN ('tentative', 'confirmed')
    ORDER BY (content ->> 'starts_at') COLLATE "C", id
""")


def english_title(content: str = "content") -> str:
    """Return a SQL expression for the title in a copy: in English, else in any language."""
    return f"coalesce({content} #>> '{{title,en}}', (SELECT min(value) FROM jsonb_each_text({content} -> 'title')))"


MAX_NEWS_DELAY = timedelta(hours=2)
"""News are never collected for so long (the setting allows an hour): a wrong clock has delayed them."""


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """A stored event: its newest state, and the state that the last news reported."""

    revision: int
    content: Mapping[str, Any]
    announced: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueNews:
    """Due news of an event.

    Attributes:
        began_at: when its first change arrived; never after the database's time, since a process's clock may be ahead.
        changed_at: when its last change arrived.
    """

    began_at: datetime
    changed_at: datetime
    correlation_id: str


def lock_event(connection: Connection, event_id: str) -> KnownEvent | None:
    """Return a stored event and lock it, also if it is not stored yet, until the transaction ends."""
    connection.execute(_LOCK, {"id": event_id})
    row = connection.execute(_KNOWN, {"id": event_id}).fetchone()
    return KnownEvent(*row) if row else None


def upsert_event(
    connection: Connection, event_id: str, revision: int, content: Mapping[str, Any], now: datetime
) -> None:
    """Store ``content`` (JSON values), a newer state; the first one needs no news. The caller holds the lock."""
    connection.execute(_UPSERT_EVENT, _row(event_id, revision, content, now))


def zones_of(connection: Connection, slugs: Sequence[str]) -> list[str]:
    """Return the distinct IANA zones of these events, without unknown events."""
    return list(connection.execute(_ZONES, {"slugs": list(slugs)}).scalars())


def mark_announced(connection: Connection, event_id: str, announced: Mapping[str, Any]) -> None:
    """Store the state ``announced`` (JSON values) as known to people."""
    connection.execute(_MARK_ANNOUNCED, {"id": event_id, "told": json.dumps(announced, ensure_ascii=False)})


def upsert_copy(
    connection: Connection,
    table: Literal["working_group_copy", "resource_copy", "form_copy", "partner_copy"],
    copy_id: str,
    revision: int,
    content: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Store ``content`` (JSON values) unless the same or a newer revision is stored; returns whether it was."""
    return connection.execute(_UPSERT[table], _row(copy_id, revision, content, now)).rowcount == 1


def open_news_since(connection: Connection, event_id: str) -> datetime | None:
    """Return when the first change without news arrived; None if there is none."""
    began_at: datetime | None = connection.execute(_OPEN_NEWS, {"event": event_id}).scalar()
    return began_at


def upsert_news(connection: Connection, event_id: str, now: datetime, due_at: datetime, correlation_id: str) -> None:
    """Open news of a change that arrived ``now``, or add it to open news."""
    row = {"event": event_id, "now": now, "due_at": due_at, "correlation_id": correlation_id}
    connection.execute(_UPSERT_NEWS, row)


def due_news(connection: Connection, now: datetime) -> str | None:
    """Return the event whose news have been due longest; None if none are."""
    event: str | None = connection.execute(_DUE_NEWS, {"now": now, "latest": now + MAX_NEWS_DELAY}).scalar()
    return event


def take_news(connection: Connection, event_id: str, now: datetime) -> DueNews | None:
    """Delete and return the news of an event if they are still due. The caller holds the lock of the event."""
    row = connection.execute(_TAKE_NEWS, {"event": event_id, "now": now, "latest": now + MAX_NEWS_DELAY}).fetchone()
    return DueNews(*row) if row else None


def upcoming_events(connection: Connection, after: str, until: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return events that take place and begin between two times (RFC 3339 in UTC, as stored), soonest first."""
    return [(row[0], row[1]) for row in connection.execute(_UPCOMING, {"after": after, "until": until})]


def _row(copy_id: str, revision: int, content: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"id": copy_id, "revision": revision, "content": json.dumps(content, ensure_ascii=False), "now": now}
