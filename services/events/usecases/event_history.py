"""Who did what to an event: kept in the transaction that does it, and listed."""

from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.event import Event
from services.events.domain.event_change import RESOURCE_CHANGED, RESOURCE_MADE, EventChange, changed_fields
from services.events.domain.resource import Resource
from services.events.store import event_changes, events
from services.events.store.event_changes import ChangeQuery
from services.events.store.events import Audience
from services.events.usecases.finding import find_event
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork


def keep_change(connection: Connection, deed: str, by: str, old: Event | None, new: Event, at: datetime) -> None:
    """Keep what was done to an event, in the caller's transaction; nothing if it is as it was."""
    if old != new:
        fields = changed_fields(old, new)
        event_changes.add(connection, EventChange(new_id(), new.id, new.revision, deed, None, fields, by, at))


def keep_resource_change(connection: Connection, by: str, old: Resource | None, new: Resource, at: datetime) -> None:
    """Keep what was done to a resource with the event it belongs to, if it does; nothing if it is as it was."""
    event = events.find(connection, new.event) if new.event is not None else None
    if event is None or old == new:
        return
    deed = RESOURCE_MADE if old is None else RESOURCE_CHANGED
    fields = changed_fields(old, new)
    event_changes.add(connection, EventChange(new_id(), event.id, event.revision, deed, new.id, fields, by, at))


def list_history(work: UnitOfWork, wanted: ChangeQuery) -> list[EventChange]:
    """At most ``wanted.limit`` changes of an event, the newest first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Audience.COORDINATORS)
        return event_changes.page(connection, wanted)
