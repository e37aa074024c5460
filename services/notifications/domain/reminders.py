"""When people are reminded of an event, and until when a reminder still makes sense."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Reminder:
    """Attributes:
    kind: of the mail.
    before: how long before the start it is due.
    late_after: how long after that it says something untrue ("in one week", "tomorrow") and is missed instead.
    """

    kind: str
    before: timedelta
    late_after: timedelta


REMINDERS = (
    Reminder("reminder-7-days", timedelta(days=7), timedelta(hours=12)),
    Reminder("reminder-1-day", timedelta(days=1), timedelta(hours=6)),
    Reminder("reminder-1-hour", timedelta(hours=1), timedelta(minutes=30)),
)

LOOK_AHEAD = timedelta(minutes=15)
"""How long before it is due a reminder is planned: whoever registers later is looked for again until it is due."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A reminder of one start: due and missed at these moments; ``number`` is that of its mails."""

    kind: str
    number: int
    due_at: datetime
    expires_at: datetime


def plan(starts_at: datetime, now: datetime) -> list[Planned]:
    """The reminders of an event that are to be planned now: due soon, or due and not yet late.

    Args:
        starts_at: of the event, aware.
        now: the time, aware.
    """
    planned = []
    for reminder in REMINDERS:
        due_at = starts_at - reminder.before
        expires_at = due_at + reminder.late_after
        if due_at - LOOK_AHEAD <= now < expires_at:
            planned.append(Planned(reminder.kind, minute_of(starts_at), due_at, expires_at))
    return planned


def horizon() -> timedelta:
    """How long before its start an event is first looked at."""
    return max(reminder.before for reminder in REMINDERS) + LOOK_AHEAD


def minute_of(moment: datetime) -> int:
    """The minute since 1970 in which ``moment`` (aware) lies: one reminder of each kind for each start."""
    return int(moment.timestamp() // 60)
