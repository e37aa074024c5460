"""What happened to events, working groups and proposals, as messages. The only translation; it decides what leaves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from services.events.domain.event import Event
from services.events.domain.hotel import HotelBlock
from services.events.domain.network import WorkingGroup
from services.events.domain.proposal import Proposal
from services.events.domain.resource import Resource
from services.events.domain.revision import VISIBLE
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.contracts.registry import source_of
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.core.ids import new_id
from shared.i18n.content import Text

EVENT_KEYS = {"published": "event.published.v1", "changed": "event.changed.v1"}
"""The message type by what is to be told of an event."""

GROUP_CHANGED = "working-group.changed.v1"
HOTEL_CHANGED = "hotel.changed.v1"
RESOURCE_PUBLISHED = "resource.published.v1"
DECISION_KEYS = {
    "accepted": "proposal.accepted.v1",
    "returned": "proposal.returned.v1",
    "declined": "proposal.declined.v1",
    "scheduled": "proposal.scheduled.v1",
}
"""The message type by the status that a proposal now has."""


def event_message(change: Literal["published", "changed"], event: Event, at: datetime) -> Message:
    """That ``event`` became visible or changed, at ``at`` (aware), with its whole public state."""
    data = {"id": event.id, "revision": event.revision} | {name: _plain(getattr(event, name)) for name in VISIBLE}
    return _message(EVENT_KEYS[change], event.id, at, data)


def working_group_message(group: WorkingGroup, at: datetime) -> Message:
    """That ``group`` is new or has changed, at ``at`` (aware)."""
    return _message(
        GROUP_CHANGED,
        group.id,
        at,
        {"id": group.id, "title": group.title.as_mapping, "active": group.active, "revision": group.revision},
    )


def hotel_message(hotel: HotelBlock, at: datetime, *, withdrawn: bool = False) -> Message:
    """That ``hotel`` keeps these rooms since ``at`` (aware), or none any more. Codes and notes stay here."""
    allotments = [
        {
            "kind": str(one.kind),
            "rooms": one.rooms,
            "first_night": one.first_night.isoformat(),
            "last_night": one.last_night.isoformat(),
        }
        for one in hotel.allotments
        if not withdrawn
    ]
    data = {"id": hotel.id, "name": hotel.name, "allotments": allotments, "withdrawn": withdrawn}
    return _message(HOTEL_CHANGED, hotel.id, at, data | {"occurred_at": rfc3339(at)})


def resource_message(resource: Resource, at: datetime) -> Message:
    """That ``resource`` can be seen from now on, at ``at`` (aware)."""
    names = ("id", "revision", "kind", "title", "url", "language", "event", "series", "city")
    data = {name: _plain(getattr(resource, name)) for name in names}
    return _message(RESOURCE_PUBLISHED, resource.id, at, data)


def decision_message(proposal: Proposal, notes: Mapping[str, str], at: datetime) -> Message:
    """That ``proposal`` has the status it has, since ``at`` (aware).

    Args:
        proposal: accepted, returned, declined or scheduled.
        notes: its note in sealed boxes, ``note`` for registration and ``sealed`` for notifications.
        at: aware.
    """
    data = {
        "proposal_id": proposal.id,
        "revision": proposal.revision,
        "answers_revision": proposal.answers_revision,
        "status": str(proposal.status),
        "event": proposal.event_id,
        "occurred_at": rfc3339(at),
        **notes,
    }
    return _message(DECISION_KEYS[proposal.status], proposal.id, at, data)


def _message(key: str, subject: str, at: datetime, data: dict[str, Any]) -> Message:
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("events"),
        subject=subject,
        time=at,
        data=data,
        correlation_id=correlation_id(),
        traceparent=traceparent(),
    )


def _plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Text):
        return value.as_mapping
    return list(value) if isinstance(value, tuple) else value
