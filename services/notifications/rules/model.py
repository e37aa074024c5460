"""Which mail is sent when: news of a changed event, reminders, and which undelivered mails can be sent again. Pure.

News compare the state that people see now with the state that the last news reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notifications.mails.kinds import (
    KINDS,
    TAKING_PLACE,
    SubjectState,
    is_outdated,
)
from services.notifications.recipients.model import NO_BULLETINS
from shared.calendar.event_news import REMOTE_POSSIBLE, SHOWN
from shared.i18n.languages import Text
from shared.runtime.clock import parse_rfc3339

SHOWN_SINCE = "shown_since"
"""Stored with the state: the revision of the last change that participants see."""
REMOTE = ("hybrid", "online")


@dataclass(frozen=True, slots=True)
class News:
    """Attributes:
    kind: the kind of the mail to people who attend.
    remote: whether people who asked for remote attendance get a mail that it is possible now.
    """

    kind: str
    remote: bool = False


def news_of(known: Mapping[str, Any], now: Mapping[str, Any]) -> News | None:
    """Return the news of an event; None if people know them already or cannot act on them.

    Args:
        known: the state that the last news reported.
        now: the newest state.
    """
    kind = _kind(known, now) if differs(known, now) else None
    remote = known["mode"] == "in_person" and now["mode"] in REMOTE and now["status"] in TAKING_PLACE
    return News(kind, remote) if kind else None


def known_after(known: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that people know after the decision on ``now``.

    Mails about an event that does not take place do not mention how to attend it. So the known mode remains: people who
    asked about remote attendance get a mail when the event takes place again.
    """
    return {**now, "mode": now["mode"] if now["status"] in TAKING_PLACE else known["mode"]}


def are_over(known: Mapping[str, Any], now: Mapping[str, Any], at: datetime) -> bool:
    """Whether the dates of both states have passed at ``at`` (aware): then there is nothing to announce.

    Events counts the recipients of a change by the same rule. A state without a date is not over.
    """
    return _is_over(known, at) and _is_over(now, at)


def _is_over(state: Mapping[str, Any], at: datetime) -> bool:
    date = date_of(state)
    return date is not None and parse_rfc3339(state["ends_at"] or date) <= at


def differs(known: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether participants see a difference."""
    return any(_shown(known, name) != _shown(now, name) for name in SHOWN)


def _shown(state: Mapping[str, Any], name: str) -> Any:
    """The value that news compare: of a title the English text. A translation can change without a mail."""
    return str(Text.of(state[name])) if name == "title" else state[name]


def is_news_outdated(kind: str, now: Mapping[str, Any]) -> bool:
    """Whether news of this kind are outdated. Details do not matter: a mail is composed from the newest state."""
    if kind == "event-cancelled":
        return bool(now["status"] != "cancelled")
    if kind == "event-postponed":
        return now["status"] == "cancelled" or date_of(now) is not None
    if now["status"] not in TAKING_PLACE:
        return True
    if kind == REMOTE_POSSIBLE:
        return now["mode"] not in REMOTE
    if kind == "event-confirmed":
        return bool(now["status"] != "confirmed")
    return kind != "event-changed" and date_of(now) is None


def date_of(state: Mapping[str, Any]) -> str | None:
    """When the event begins, as RFC 3339 text; None while it has no date."""
    return None if state["status"] == "postponed" else state["starts_at"]


def _kind(known: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if now["status"] not in (*TAKING_PLACE, "postponed", "cancelled"):
        return None
    if now["status"] == "cancelled":
        return "event-cancelled" if known["status"] != "cancelled" else None
    if date_of(now) is None:
        return _without_date(known, now)
    if known["status"] == "cancelled":
        return "event-revived"
    if date_of(known) is None or any(known[name] != now[name] for name in ("starts_at", "ends_at", "time_zone")):
        return "event-rescheduled"
    return "event-confirmed" if (known["status"], now["status"]) == ("tentative", "confirmed") else "event-changed"


def _without_date(known: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if date_of(known) is not None or known["status"] == "cancelled":
        return "event-postponed"
    if now["status"] == "postponed":
        return "event-postponed" if known["status"] != "postponed" else None
    return "event-changed"


@dataclass(frozen=True, slots=True)
class ReminderRule:
    """Attributes:
    kind: the kind of the mail.
    before: how long before the start it is due.
    late_after: how long after that its words ("in one week", "tomorrow") are wrong, so that it is missed instead.
    """

    kind: str
    before: timedelta
    late_after: timedelta


REMINDERS = (
    ReminderRule("reminder-7-days", timedelta(days=7), timedelta(hours=12)),
    ReminderRule("reminder-1-day", timedelta(days=1), timedelta(hours=6)),
    ReminderRule("reminder-1-hour", timedelta(hours=1), timedelta(minutes=30)),
)

LOOK_AHEAD = timedelta(minutes=15)
"""How long before it is due a reminder is planned. Planning repeats until then, for people who register later."""


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """A reminder of one start, due at ``due_at`` and missed at ``expires_at``; ``number`` is that of its mails."""

    kind: str
    number: int
    due_at: datetime
    expires_at: datetime


def planned_reminders(starts_at: datetime, now: datetime) -> list[PlannedReminder]:
    """Return the reminders of an event that are to be planned now: due soon, or due and not late yet.

    Args:
        starts_at: the start of the event, aware.
        now: the time, aware.
    """
    planned = []
    for reminder in REMINDERS:
        due_at = starts_at - reminder.before
        expires_at = due_at + reminder.late_after
        if due_at - LOOK_AHEAD <= now < expires_at:
            planned.append(PlannedReminder(reminder.kind, minute_of(starts_at), due_at, expires_at))
    return planned


def reminder_horizon() -> timedelta:
    """How long before its start an event can have reminders to plan."""
    return max(reminder.before for reminder in REMINDERS) + LOOK_AHEAD


def minute_of(instant: datetime) -> int:
    """Return the minute since 1970 of ``instant`` (aware): one reminder of each kind for each start."""
    return int(instant.timestamp() // 60)


NO_LONGER_TRUE = "its content is outdated"
NEWER_MAIL = "the person has a newer mail about this"
EVENT_PAST = "its event is over"
RECORDING_HIDDEN = "no recording of its event is published"


@dataclass(frozen=True, slots=True)
class UndeliveredMail:
    """A mail that failed, was missed, or was left unknown for good.

    Attributes:
        revision: its number among the mails of its kind and subject.
        recipient: the person's reference.
        ended_at: when it was given up, aware.
        fence: rises with each claim.
        language: the language of its subject.
        form: the form of its subject.
        form_kind: the kind of that form.
        subject_state: newest known state of its subject.
        event_state: ``status starts_at ends_at mode`` of its event as JSON values; None without a known event.
        event_title: None if ``event_state`` is.
        suppressed: the person wants no bulletins.
        superseded: the person has newer news of the event, or a later reminder of it.
    """

    id: str
    kind: str
    subject: str
    revision: int
    recipient: str
    event: str | None
    state: str
    reason: str
    ended_at: datetime
    fence: int
    language: str
    form: str | None
    form_kind: str
    subject_state: SubjectState
    event_state: Mapping[str, Any] | None
    event_title: str | None
    suppressed: bool
    superseded: bool


def resend_obstacle(mail: UndeliveredMail, now: datetime, *, fits_elsewhere: bool) -> str:
    """Return why a mail cannot be sent again; an empty string if it can.

    Args:
        mail: undelivered.
        now: the time, aware.
        fits_elsewhere: the announcement of the mail concerns another registration of the person.
    """
    if is_outdated(mail.kind, mail.revision, mail.subject_state) and not fits_elsewhere:
        return NO_LONGER_TRUE
    if mail.kind == "bulletin" and mail.suppressed:
        return NO_BULLETINS
    if mail.superseded:
        return NEWER_MAIL
    if mail.event_state is None:
        return ""
    if is_past(mail.kind, mail.event_state, now):
        return EVENT_PAST
    return "" if _agrees(mail.kind, mail.revision, mail.event_state) else NO_LONGER_TRUE


def may_fit_elsewhere(mail: UndeliveredMail) -> bool:
    """Whether another registration of the person could replace the one that has ended."""
    return KINDS[mail.kind].announced and is_outdated(mail.kind, mail.revision, mail.subject_state)


def is_past(kind: str, event: Mapping[str, Any], now: datetime) -> bool:
    """Whether a mail of this kind is too late: a reminder after the start of its event, others after its end."""
    too_late = KINDS[kind].too_late
    if too_late == "never" or event["starts_at"] is None:
        return False
    until = event["starts_at"] if too_late == "start" else event["ends_at"] or event["starts_at"]
    return parse_rfc3339(until) <= now


def is_late(kind: str, starts_at: datetime, now: datetime) -> bool:
    """Whether the words of a reminder ("in one week") are no longer true for an event that begins at ``starts_at``."""
    return any(now >= starts_at - rule.before + rule.late_after for rule in REMINDERS if rule.kind == kind)


def expiry_of(kind: str, event: Mapping[str, Any] | None) -> datetime | None:
    """When a mail that is sent again expires: a reminder at the start of its event, others never."""
    if KINDS[kind].too_late != "start" or event is None or event["starts_at"] is None:
        return None
    return parse_rfc3339(event["starts_at"])


def is_date_of(event: Mapping[str, Any], minute: int) -> bool:
    """Whether the event takes place and begins in this minute."""
    date = date_of(event) if event["status"] in TAKING_PLACE else None
    return date is not None and minute_of(parse_rfc3339(date)) == minute


def is_recording_of(resource: Mapping[str, Any], event: str | None) -> bool:
    """Whether a resource, as JSON values, is a published recording of this event; never without an event."""
    return (
        event is not None and resource["event"] == event and resource["kind"] == "recording" and resource["published"]
    )


def _agrees(kind: str, number: int, event: Mapping[str, Any]) -> bool:
    if KINDS[kind].of_event_state:
        return not is_news_outdated(kind, event)
    return KINDS[kind].too_late != "start" or is_date_of(event, number)


NOT_NOTIFIED_PERIOD = timedelta(days=3)
"""Period of the alert about people who were not notified: longer than a weekend."""
