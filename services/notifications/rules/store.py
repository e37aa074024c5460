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
    RETURNING changed_at, correlation_id
""")
_ZONES = text("SELECT DISTINCT content ->> 'time_zone' FROM event_copy WHERE id = ANY(:slugs)")
_UPCOMING = text("""
    SELECT id, content FROM event_copy
    WHERE (content ->> 'starts_at') COLLATE "C" > :after AND (content ->> 'starts_at') COLLATE "C" <= :until
        AND content ->> 'status' IN ('tentative', 'confirmed')
    ORDER BY (content ->> 'starts_at') COLLATE "C", id
""")


def english_title(content: str = "content") -> str:
    """An expression of SQL: the title in a copy, in English, or in whatever language it has one."""
    return f"coalesce({content} #>> '{{title,en}}', (SELECT min(value) FROM jsonb_each_text({content} -> 'title')))"


MAX_NEWS_DELAY = timedelta(hours=2)
"""No news are gathered for so long (a setting asks for an hour at most): a clock that was wrong has put them off."""


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event as kept: its newest state and the one people were told last."""

    revision: int
    content: Mapping[str, Any]
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueNews:
    """People are to be told of an event now; ``changed_at`` is when its last change was heard of."""

    changed_at: datetime
    correlation_id: str


def lock_event(connection: Connection, event_id: str) -> KnownEvent | None:
    """What is known of an event, with all else about it kept out until the transaction ends."""
    connection.execute(_LOCK, {"id": event_id})
    row = connection.execute(_KNOWN, {"id": event_id}).fetchone()
    return KnownEvent(*row) if row else None


def upsert_event(
    connection: Connection, event_id: str, revision: int, content: Mapping[str, Any], now: datetime
) -> None:
    """Store ``content`` (JSON values); the caller holds the lock and has found it newer. The first state is told."""
    connection.execute(_UPSERT_EVENT, _row(event_id, revision, content, now))


def zones_of(connection: Connection, slugs: Sequence[str]) -> list[str]:
    """The distinct IANA zones of these events, without unknown events."""
    return list(connection.execute(_ZONES, {"slugs": list(slugs)}).scalars())


def mark_announced(connection: Connection, event_id: str, told: Mapping[str, Any]) -> None:
    """From here on people know the state ``told`` (JSON values)."""
    connection.execute(_MARK_ANNOUNCED, {"id": event_id, "told": json.dumps(told, ensure_ascii=False)})


def upsert_copy(
    connection: Connection,
    table: Literal["working_group_copy", "resource_copy", "form_copy", "partner_copy"],
    copy_id: str,
    revision: int,
    content: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Store ``content`` (JSON values) unless the same or a newer revision is here; returns whether it was stored."""
    return connection.execute(_UPSERT[table], _row(copy_id, revision, content, now)).rowcount == 1


def open_news_since(connection: Connection, event_id: str) -> datetime | None:
    """When the first change was heard of that people have not been told; None if there is none."""
    began_at: datetime | None = connection.execute(_OPEN_NEWS, {"event": event_id}).scalar()
    return began_at


def upsert_news(connection: Connection, event_id: str, now: datetime, due_at: datetime, correlation_id: str) -> None:
    """People are to be told of a change heard of ``now``, together with earlier ones."""
    row = {"event": event_id, "now": now, "due_at": due_at, "correlation_id": correlation_id}
    connection.execute(_UPSERT_NEWS, row)


def due_news(connection: Connection, now: datetime) -> str | None:
    """The event whose news are due longest; None if none are."""
    event: str | None = connection.execute(_DUE_NEWS, {"now": now, "latest": now + MAX_NEWS_DELAY}).scalar()
    return event


def take_news(connection: Connection, event_id: str, now: datetime) -> DueNews | None:
    """Take out the news of an event, if they are still due; the caller holds its lock."""
    row = connection.execute(_TAKE_NEWS, {"event": event_id, "now": now, "latest": now + MAX_NEWS_DELAY}).fetchone()
    return DueNews(*row) if row else None


def upcoming_events(connection: Connection, after: str, until: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Events that take place and begin in between (RFC 3339 in UTC, as stored), soonest first."""
    return [(row[0], row[1]) for row in connection.execute(_UPCOMING, {"after": after, "until": until})]


def _row(copy_id: str, revision: int, content: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"id": copy_id, "revision": revision, "content": json.dumps(content, ensure_ascii=False), "now": now}
