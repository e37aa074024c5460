"""Words for codes: what programs call ``in_person`` people read as "In person"."""

from collections.abc import Mapping

from services.events.domain.event import EventKind, EventStatus, Mode
from shared.web.console.words import SEATS as SEATS
from shared.web.console.words import country_name as country_name
from shared.web.console.words import language_name as language_name

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
