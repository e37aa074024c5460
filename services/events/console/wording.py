"""Words for codes: what programs call ``in_person`` people read as "In person"."""

from collections.abc import Mapping
from functools import cache

from babel import Locale, UnknownLocaleError

from services.events.domain.event import EventKind, EventStatus, Mode

KINDS: Mapping[EventKind, str] = {
    EventKind.WEBINAR: "Webinar",
    EventKind.SIDE_EVENT: "Side event",
    EventKind.REVIEW: "Review",
    EventKind.COUNCIL_SESSION: "Council session",
    EventKind.PRESS_CONFERENCE: "Press conference",
    EventKind.CONSULTATION: "Consultation",
    EventKind.TRAINING: "Training",
}

STATUSES: Mapping[EventStatus, tuple[str, str]] = {
    EventStatus.DRAFT: ("Draft", ""),
    EventStatus.TENTATIVE: ("Tentative", "mind"),
    EventStatus.CONFIRMED: ("Confirmed", "good"),
    EventStatus.POSTPONED: ("Postponed", "mind"),
    EventStatus.CANCELLED: ("Cancelled", "wrong"),
    EventStatus.HELD: ("Held", ""),
}
"""Word and look of each status of an event."""

MODES: Mapping[str, str] = {Mode.ONLINE: "Online", Mode.IN_PERSON: "In person", Mode.HYBRID: "Online and in person"}

SEATS: Mapping[str, tuple[str, str]] = {
    "confirmed": ("Confirmed", "good"),
    "waitlisted": ("Waiting list", "mind"),
    "cancelled": ("Cancelled", ""),
}
"""Word and look of each status of a registration."""


@cache
def _english() -> Locale:
    return Locale("en")


def country_name(code: str) -> str:
    """The country with an ISO 3166 code; the code itself if it is not known."""
    name: str = _english().territories.get(code, code)
    return name


@cache
def language_name(code: str) -> str:
    """The language with a BCP 47 code; the code itself if it is not known."""
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code
