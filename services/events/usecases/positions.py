"""Where a row stands in a listing, as texts for a cursor, and back. What comes back is from outside and not trusted."""

from collections.abc import Sequence
from uuid import UUID

from services.events.domain.event import Event
from services.events.domain.rules import slug_rule
from services.events.store.events import BY_ID, BY_START, UNDATED
from services.events.store.roster import Registered
from shared.core.clock import parse_rfc3339, rfc3339


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


def event_key(event: Event, sort: str) -> tuple[str, str]:
    """Where ``event`` stands in the order ``sort``: what it is sorted by, then its id."""
    order = sort.removeprefix("-")
    if order == BY_START:
        return event_position(event)
    titles = event.title.as_mapping
    return (event.id if order == BY_ID else titles.get("en") or titles.get("") or ""), event.id


def read_event_key(parts: Sequence[str], sort: str) -> tuple[str, str]:
    """The two ``parts`` of a position in the order ``sort``.

    Raises:
        ValueError: they are not.
    """
    if sort.removeprefix("-") == BY_START:
        return read_event_position(parts)
    key, event_id = parts
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
