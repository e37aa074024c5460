"""What was done to an event, in words, and what its page says after something was done."""

from collections.abc import Mapping

from services.events.console.changing_words import ACTIONS
from services.events.domain.event import Event, EventStatus

DEEDS: Mapping[str, str] = {
    "made": "Made",
    "edited": "Changed",
    "loaded": "Loaded",
    "resource-made": "Resource added",
    "resource-changed": "Resource changed",
    "announce": "Announced",
    "confirm": "Date confirmed",
    "postpone": "Postponed",
    "reschedule": "Date changed",
    "cancel": "Cancelled",
    "revive": "Revived",
    "hold": "Marked as held",
    "timetable-published": "Timetable published",
}
"""What was done, by the name of the deed."""

DONE: Mapping[str, str] = {
    "made": "The event is made, as a draft. Only those with a key see it until you announce it.",
    "edited": "The changes are saved. Those concerned are told by mail.",
    "noted": "The changes are saved. Participants see no difference, so nobody is told.",
    "note": "The note is kept.",
    "resource-kept": "It is saved. The public does not see it.",
    "resource-published": "It is saved, and everybody can see it.",
}

FIELDS: Mapping[str, str] = {
    "starts_at": "start",
    "ends_at": "end",
    "time_zone": "time zone",
    "series_number": "number in the series",
    "join_url": "meeting link",
    "asked_groups": "working groups",
    "internal_note": "internal note",
    "url": "address",
}
"""Words for fields that are called otherwise in programs."""


def done_text(name: str, event: Event) -> str:
    """What the page of ``event`` says after ``name`` was done; empty if nothing was."""
    if name in DONE:
        return DONE[name]
    if name not in ACTIONS:
        return ""
    told = " Those concerned are told by mail." if event.status is not EventStatus.DRAFT else ""
    return f"{ACTIONS[name].done}{told}"


def field_words(names: tuple[str, ...]) -> str:
    """``title, meeting link``."""
    return ", ".join(FIELDS.get(name, name) for name in names)
