"""What becomes of a registration when the person on it is erased: a tombstone that only counts."""

from dataclasses import replace
from datetime import datetime

from services.registration.domain.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.domain.registration import Registration

REASONS = {
    "asked": "erased: the person asked for it",
    "not-theirs": "erased: the address was registered by somebody else",
    "mistake": "erased: it was made by mistake",
    "no-longer-needed": "erased: it is no longer needed",
}
"""Why a coordinator may erase somebody, in the words of the history. A closed list: a free text could name the person
that it is to forget."""

BY_LINK = "erased by link"
KEPT_LONG_ENOUGH = "erased: it was kept as long as the form says"

_TOOK_PLACE = OPEN_EVENT_STATUSES | {"held"}


def erased(registration: Registration, opening: Opening, now: datetime) -> Registration:
    """The registration one revision on, with the status under which it goes on counting.

    Whoever had a seat at an event that has begun stays counted; every other place is given back.
    """
    status = _status(registration.status, opening, now)
    return replace(registration, status=status, revision=registration.revision + 1)


def _status(before: str, opening: Opening, now: datetime) -> str:
    if before == "confirmed" and is_over(opening, now) and opening.event_status in _TOOK_PLACE:
        return "confirmed"
    return "cancelled" if before in ("confirmed", "waitlisted") else before
