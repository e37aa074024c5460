"""Events, working groups, hotels and resources as messages: the only module that decides what leaves the service."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from services.events.event.model import VISIBLE, Event
from services.events.network.model import HotelBlock, Resource, WorkingGroup
from shared.i18n.languages import Text
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.runtime.logs import correlation_id, traceparent

EVENT_KEYS = {"published": "event.published.v1", "changed": "event.changed.v1"}
"""The message type by the kind of change of an event."""

GROUP_CHANGED = "working-group.changed.v1"
HOTEL_CHANGED = "hotel.changed.v1"
RESOURCE_PUBLISHED = "resource.published.v1"


def event_message(change: Literal["published", "changed"], event: Event, at: datetime) -> Message:
    """Return the message that ``event`` became visible or changed at ``at`` (aware), with its whole public state."""
    data = {"id": event.id, "revision": event.revision} | {name: plain_value(getattr(event, name)) for name in VISIBLE}
    return message_of(EVENT_KEYS[change], event.id, at, data)


def working_group_message(group: WorkingGroup, at: datetime) -> Message:
    """Return the message that ``group`` is new or has changed, at ``at`` (aware)."""
    return message_of(
        GROUP_CHANGED,
        group.id,
        at,
        {"id": group.id, "title": group.title.as_mapping, "active": group.active, "revision": group.revision},
    )


def hotel_message(hotel: HotelBlock, at: datetime, *, withdrawn: bool = False) -> Message:
    """Return the message that ``hotel`` reserves these rooms, or none, since ``at`` (aware).

    It contains no codes or notes.
    """
    allotments = [
        {
            "kind": str(allotment.kind),
            "rooms": allotment.rooms,
            "first_night": allotment.first_night.isoformat(),
            "last_night": allotment.last_night.isoformat(),
        }
        for allotment in hotel.allotments
        if not withdrawn
    ]
    data = {"id": hotel.id, "name": hotel.name, "allotments": allotments, "withdrawn": withdrawn}
    return message_of(HOTEL_CHANGED, hotel.id, at, data | {"occurred_at": rfc3339(at)})


def resource_messages(old: Resource | None, new: Resource, at: datetime) -> list[Message]:
    """Return the message about what the public sees of a resource since ``at`` (aware), if that is no longer ``old``.

    A hidden resource is published as it was seen last: how it changes while it is hidden does not leave the service.
    """
    if new.published:
        return [resource_message(new, at)] if new != old else []
    if old is None or not old.published:
        return []
    return [resource_message(replace(old, published=False, revision=new.revision), at)]


def resource_message(resource: Resource, at: datetime) -> Message:
    """Return the message that ``resource`` is published or hidden since ``at`` (aware)."""
    names = ("id", "revision", "kind", "title", "url", "language", "event", "series", "city", "published")
    data = {name: plain_value(getattr(resource, name)) for name in names}
    return message_of(RESOURCE_PUBLISHED, resource.id, at, data)


def message_of(key: str, subject: str, at: datetime, data: dict[str, Any]) -> Message:
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


def plain_value(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Text):
        return value.as_mapping
    return list(value) if isinstance(value, tuple) else value
