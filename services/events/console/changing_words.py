"""What coordinators can do with an event, in the words of the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.events.domain.attendance import Audience
from services.events.domain.event import Event, EventStatus, Mode
from shared.web.console.words import language_name

DRAFT, TENTATIVE, CONFIRMED = EventStatus.DRAFT, EventStatus.TENTATIVE, EventStatus.CONFIRMED
POSTPONED, CANCELLED = EventStatus.POSTPONED, EventStatus.CANCELLED


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        button: on the page of the event.
        title: of the page that asks.
        explained: what it means for participants.
        confirm: on the button that does it.
        done: what the page of the event says afterwards.
        possible: statuses of an event with which it can be done.
        fields: what has to be filled in first: any of ``date``, ``status``, ``mode``.
    """

    button: str
    title: str
    explained: str
    confirm: str
    done: str
    possible: frozenset[EventStatus]
    fields: tuple[str, ...] = ()


ACTIONS: Mapping[str, Action] = {
    "announce": Action(
        "Announce",
        "Announce the event",
        "It becomes public, with a tentative date.",
        "Announce the event",
        "The event is announced.",
        frozenset({DRAFT}),
    ),
    "confirm": Action(
        "Confirm the date",
        "Confirm the date",
        "The date is certain from now on; calendars no longer show it as tentative.",
        "Confirm the date",
        "The date is confirmed.",
        frozenset({TENTATIVE}),
    ),
    "reschedule": Action(
        "Change the date",
        "Change the date",
        "Calendars show the new date, and reminders are scheduled again.",
        "Change the date",
        "The date is changed.",
        frozenset({DRAFT, TENTATIVE, CONFIRMED, POSTPONED}),
        ("date", "status"),
    ),
    "attendance": Action(
        "Attendance mode",
        "Change the attendance mode",
        "People who asked for remote attendance get a mail when it becomes possible.",
        "Change the attendance mode",
        "The attendance mode is changed.",
        frozenset({DRAFT, TENTATIVE, CONFIRMED, POSTPONED}),
        ("mode",),
    ),
    "postpone": Action(
        "Postpone",
        "Postpone the event",
        "The event has no date until you set a new one, and is removed from calendars. The old date stays on record.",
        "Postpone the event",
        "The event is postponed.",
        frozenset({TENTATIVE, CONFIRMED}),
    ),
    "cancel": Action(
        "Cancel",
        "Cancel the event",
        "The event does not take place and is removed from calendars. You can revive it later.",
        "Cancel the event",
        "The event is cancelled.",
        frozenset({TENTATIVE, CONFIRMED, POSTPONED}),
    ),
    "revive": Action(
        "Revive",
        "Revive the event",
        "The event takes place after all, on its old date.",
        "Revive the event",
        "The event is revived.",
        frozenset({CANCELLED}),
        ("status",),
    ),
    "hold": Action(
        "Mark as held",
        "Mark the event as held",
        "The event has taken place. It cannot be changed any more.",
        "Mark the event as held",
        "The event is marked as held.",
        frozenset({CONFIRMED}),
    ),
}

STATUS_CHOICES: Mapping[str, str] = {"tentative": "Tentative: the date may change", "confirmed": "Confirmed"}
MODE_CHOICES: Mapping[str, str] = {
    Mode.ONLINE: "Online",
    Mode.IN_PERSON: "In person",
    Mode.HYBRID: "Online and in person",
}
FIELD_NAMES: Mapping[str, str] = {
    "starts_at": "start",
    "ends_at": "end",
    "status": "status",
    "mode": "attendance mode",
    "city": "city",
}


NOBODY = "No one has to be notified."


def possible_actions(event: Event, now: datetime) -> Mapping[str, Action]:
    """What can be done with ``event`` at ``now`` (aware), by name: only what has begun can have taken place."""
    begun = event.starts_at is not None and event.starts_at <= now
    return {
        name: action
        for name, action in ACTIONS.items()
        if event.status in action.possible and (begun or name != "hold")
    }


def people_sentence(audience: Audience) -> str:
    """``47 people will be notified: 40 confirmed, 7 on the waiting list.``"""
    if not audience.people:
        return NOBODY
    people = "1 person" if audience.people == 1 else f"{audience.people} people"
    parts = [
        f"{audience.by_status[status]} {words}"
        for status, words in (("confirmed", "confirmed"), ("waitlisted", "on the waiting list"))
        if audience.by_status.get(status)
    ]
    return f"{people} will be notified" + (f": {', '.join(parts)}." if parts else ".")


def languages_sentence(audience: Audience) -> str:
    """``In English 30, in French 17.``; empty if there is nobody."""
    parts = [f"in {language_name(code)} {number}" for code, number in _largest_first(audience.by_language)]
    return f"Mails {', '.join(parts)}." if parts else ""


def _largest_first(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda entry: (-entry[1], entry[0]))


def form_kind_name(code: str) -> str:
    """A kind of form as people read it: ``Working group``."""
    return code.replace("_", " ").capitalize()
