"""What was done to an event, in words, and what its page says after something was done."""

from collections.abc import Mapping

from services.events.console.changing_words import ACTIONS, NOBODY

CHANGES: Mapping[str, str] = {
    "made": "Created",
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
"""What was done, by its name in the history."""

DONE: Mapping[str, str] = {
    "made": "The event is created as a draft. Only colleagues see it until you announce it.",
    "edited": "The changes are saved.",
    "noted": "The changes are saved. They do not affect participants, so no one is notified.",
    "note": "The note is saved.",
    "resource-kept": "Saved. The public does not see it.",
    "resource-published": "Saved. It is public. People with a seat get a mail about a first recording.",
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


LARGEST_COUNT = 9
"""Digits of a number of people that is believed."""


def done_text(name: str, notified: str) -> str:
    """Return what the page of an event says after a change; empty if nothing was changed.

    Args:
        name: of the change.
        notified: number of people whom it notifies, as it stands in the address of the page; others are ignored.
    """
    done = DONE.get(name) or (ACTIONS[name].done if name in ACTIONS else "")
    if not done or not notified.isdecimal() or not notified.isascii() or len(notified) > LARGEST_COUNT:
        return done
    return f"{done} {_notified(int(notified))}"


def _notified(people: int) -> str:
    if not people:
        return NOBODY
    return "1 person is notified by mail." if people == 1 else f"{people} people are notified by mail."


def field_words(names: tuple[str, ...]) -> str:
    """``title, meeting link``."""
    return ", ".join(FIELDS.get(name, name) for name in names)
