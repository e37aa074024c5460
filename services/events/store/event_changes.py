"""The table of changes: who did what to an event. Rows are added and read."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from services.events.domain.event_change import EventChange
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


def page(connection: Connection, wanted: ChangeQuery) -> list[EventChange]:
    """At most ``wanted.limit`` changes, the newest first."""
    rows = connection.execute(_PAGE, asdict(wanted))
    return [EventChange(**{**row._mapping, "fields": tuple(row.fields)}) for row in rows]
