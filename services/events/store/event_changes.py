"""The table of changes: who did what to an event. Rows are added and read."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from services.events.domain.event_change import LOADED, MADE, EventChange
from shared.store.deeds import Deed, publish_entry

_ADD = text("""
    INSERT INTO event_change (id, event_id, revision, deed, resource_id, fields, changed_by, changed_at)
    VALUES (CAST(:id AS uuid), :event_id, :revision, :deed, :resource_id, :fields, :changed_by, :changed_at)
""")
_PAGE = text("""
    SELECT id::text AS id, event_id, revision, deed, resource_id, fields, changed_by, changed_at FROM event_change
    WHERE event_id = :event_id AND (CAST(:before AS uuid) IS NULL
        OR number < (SELECT number FROM event_change WHERE id = CAST(:before AS uuid)))
    ORDER BY number DESC LIMIT :limit
""")
_NEWEST_ZONE = text("""
    SELECT e.time_zone FROM event e JOIN event_change c ON c.event_id = e.id
    WHERE c.deed = ANY(:deeds) AND NOT e.internal AND (CAST(:series AS text) IS NULL OR e.series = :series)
        AND (CAST(:own AS text[]) IS NULL OR e.id = ANY(:own) OR e.status <> 'draft')
    ORDER BY c.number DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which changes: of one event, kept before the one with the id ``before`` (None: from the newest on)."""

    event_id: str
    before: str | None = None
    limit: int = 50


def add(connection: Connection, change: EventChange) -> None:
    """Store that something was done."""
    connection.execute(_ADD, asdict(change) | {"fields": list(change.fields)})
    detail = {"fields": list(change.fields), "resource": change.resource_id}
    deed = Deed(change.changed_by, f"event-{change.deed}", "event", change.event_id, detail)
    publish_entry(connection, deed, change.changed_at)


def newest_zone(connection: Connection, series: str | None, own: frozenset[str] | None) -> str:
    """The time zone of the event of ``series`` (None: of any) that was made last; empty if there is none.

    Drafts count only where they are in ``own`` (None: all do), so that a limited key learns nothing of others' drafts.
    """
    values = {"deeds": [MADE, LOADED], "series": series, "own": None if own is None else sorted(own)}
    return connection.execute(_NEWEST_ZONE, values).scalar() or ""


def page(connection: Connection, wanted: ChangeQuery) -> list[EventChange]:
    """At most ``wanted.limit`` changes, the newest first."""
    rows = connection.execute(_PAGE, asdict(wanted))
    return [EventChange(**{**row._mapping, "fields": tuple(row.fields)}) for row in rows]
