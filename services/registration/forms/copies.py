"""The service's own copies of what the events service says."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

_EVENT = text("""
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, ends_at, time_zone, status, mode, city,
        place, join_url)
    VALUES (:id, :revision, :kind, :title, :summary, :starts_at, :ends_at, :time_zone, :status, :mode, :city, :place,
        :join_url)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, title = excluded.title,
        summary = excluded.summary, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        time_zone = excluded.time_zone, status = excluded.status, mode = excluded.mode, city = excluded.city,
        place = excluded.place, join_url = excluded.join_url
    WHERE event_copy.revision < excluded.revision
""")
_GROUP = text("""
    INSERT INTO working_group_copy (id, revision, title) VALUES (:id, :revision, :title)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, title = excluded.title
    WHERE working_group_copy.revision < excluded.revision
""")
_GROUPS = text("SELECT id, title FROM working_group_copy ORDER BY title, id")


def keep_event(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store an event as it was told, unless a newer state of it is here already."""
    connection.execute(_EVENT, dict(content))


def keep_working_group(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a working group as it was told, unless a newer state of it is here already."""
    connection.execute(_GROUP, dict(content))


def working_groups(connection: Connection) -> list[tuple[str, str]]:
    """(slug, title) of every working group, by title."""
    return [(row[0], row[1]) for row in connection.execute(_GROUPS)]
