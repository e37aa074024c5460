"""Whether a form takes registrations now, and if not, why."""

from dataclasses import dataclass
from datetime import datetime

OPEN_EVENT_STATUSES = frozenset({"tentative", "confirmed"})


@dataclass(frozen=True, slots=True)
class Opening:
    """What decides whether a form is open.

    Attributes:
        switched_on: a coordinator's switch.
        needs_event: the form belongs to an event.
        event_status: as last heard; None if nothing was heard of the event yet.
        starts_at: of the event; None if it has no date.
    """

    switched_on: bool
    needs_event: bool
    event_status: str | None
    starts_at: datetime | None


def closed_reason(opening: Opening, now: datetime) -> str:
    """Why the form is closed: ``closed``, ``not-open``, ``cancelled``, ``postponed`` or ``held``; empty if open.

    It closes when the event begins.
    """
    if not opening.switched_on:
        return "closed"
    if not opening.needs_event:
        return ""
    if opening.event_status in (None, "draft"):
        return "not-open"
    if opening.event_status not in OPEN_EVENT_STATUSES:
        return str(opening.event_status)
    return "held" if opening.starts_at is not None and opening.starts_at <= now else ""
