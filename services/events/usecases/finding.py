"""How use cases find the event they were asked about."""

from sqlalchemy import Connection

from services.events.domain.event import Event, EventStatus
from services.events.domain.rules import slug_rule
from services.events.store import events
from services.events.store.events import Audience
from shared.core.errors import DomainError


def find_event(connection: Connection, event_id: str, audience: Audience) -> Event:
    """The event with this id as ``audience`` may know it.

    Raises:
        DomainError: ``not-found``, there is none, or the public asks for a draft or for what is internal.
    """
    event = None if slug_rule("id", event_id) else events.find(connection, event_id)
    hidden = event is not None and (event.internal or event.status is EventStatus.DRAFT)
    if event is None or (hidden and audience is Audience.PUBLIC):
        raise DomainError("not-found", "there is no such event")
    return event
