"""Where a row stands in a listing, as texts for a cursor, and back. What comes back is from outside and not trusted."""

from collections.abc import Sequence
from uuid import UUID

from services.events.domain.event import Event, EventStatus
from services.events.domain.rules import slug_rule
from services.events.store.counts import Counts
from services.events.store.events import (
    BY_CITY,
    BY_CONFIRMED,
    BY_ID,
    BY_NUMBER,
    BY_START,
    BY_STATUS,
    BY_TITLE,
    BY_WAITLISTED,
    UNDATED,
)
from services.events.store.roster import Registered
from shared.core.clock import parse_rfc3339, rfc3339

MOST_REGISTRATIONS = 2**31 - 1
"""What the column can hold."""


def event_position(event: Event) -> tuple[str, str]:
    """Where ``event`` stands: its start, then its id."""
    return (rfc3339(event.starts_at) if event.starts_at else UNDATED), event.id


def read_event_position(parts: Sequence[str]) -> tuple[str, str]:
    """The two ``parts`` of an event's position, for ``EventFilter.after``.

    Raises:
        ValueError: they are not.
    """
    start, event_id = parts
    if slug_rule("id", event_id):
        raise ValueError("not an event's id")
    try:
        return (start if start == UNDATED else rfc3339(parse_rfc3339(start))), event_id
    except OverflowError:
        raise ValueError("not a moment") from None


def event_key(event: Event, sort: str, counts: Counts) -> tuple[str, str]:
    """Where ``event`` with these ``counts`` stands in the order ``sort``: what it is sorted by, then its id."""
    order = sort.removeprefix("-")
    if order == BY_START:
        return event_position(event)
    titles = event.title.as_mapping
    keys = {
        BY_TITLE: titles.get("en") or titles.get("") or "",
        BY_ID: event.id,
        BY_CITY: event.city or "",
        BY_STATUS: str(event.status),
        BY_CONFIRMED: str(counts.confirmed),
        BY_WAITLISTED: str(counts.waitlisted),
    }
    return keys[order], event.id


def read_event_key(parts: Sequence[str], sort: str) -> tuple[str, str]:
    """The two ``parts`` of a position in the order ``sort``.

    Raises:
        ValueError: they are not.
    """
    order = sort.removeprefix("-")
    if order == BY_START:
        return read_event_position(parts)
    key, event_id = parts
    if order in BY_NUMBER and not 0 <= int(key) <= MOST_REGISTRATIONS:
        raise ValueError("not a number of registrations")
    if order == BY_STATUS:
        EventStatus(key)
    if slug_rule("id", event_id) or b"\0" in key.encode():  # which refuses half of a UTF-16 pair
        raise ValueError("not a position in this list")
    return key, event_id


def registration_position(registered: Registered) -> tuple[str]:
    """Where a registration stands in a roster: by its id."""
    return (registered.registration_id,)


def read_registration_position(parts: Sequence[str]) -> str:
    """The one part of a registration's position, for ``RosterQuery.after``.

    Raises:
        ValueError: it is not.
    """
    (registration_id,) = parts
    return str(UUID(registration_id))
