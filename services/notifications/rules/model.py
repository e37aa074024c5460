"""Which mail goes out when: news of a changed event, reminders, and which undelivered mails can be sent again. Pure.

News compare the state that people see now with the state that the last news reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notifications.mails.kinds import (
    ANNOUNCED_KINDS,
    EVENT_STATE_KINDS,
    KINDS_ABOUT_EVENT,
    REMINDER_KINDS,
    TAKING_PLACE,
    SubjectState,
    is_outdated,
)
from services.notifications.recipients.model import NO_BULLETINS
from shared.core.clock import parse_rfc3339
from shared.i18n.content import Text

SHOWN = ("starts_at", "ends_at", "time_zone", "status", "mode", "place", "city", "join_url", "title")
"""What a participant sees of an event."""

SHOWN_SINCE = "shown_since"
"""Kept beside the state: the revision of the last change of it that participants see."""
REMOTE = ("hybrid", "online")
REMOTE_POSSIBLE = "remote-possible"
MAX_WAIT = timedelta(minutes=5)
"""However fast changes follow each other, nobody waits longer for the first of them."""


@dataclass(frozen=True, slots=True)
class News:
    """Attributes:
    kind: what those who attend are told.
    remote: whether those who asked for it are told that remote attendance is possible now.
    """

    kind: str
    remote: bool = False


def news_of(told: Mapping[str, Any], now: Mapping[str, Any]) -> News | None:
    """What is to be told of an event, or None if it is what people know or nothing they could act on.

    Args:
        told: the state of which people were told last.
        now: the newest state.
    """
    kind = _kind(told, now) if differs(told, now) else None
    remote = told["mode"] == "in_person" and now["mode"] in REMOTE and now["status"] in TAKING_PLACE
    return News(kind, remote) if kind else None


def known_after(told: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The state that people know once ``now`` is decided on.

    Of an event that does not take place nobody hears how it could be attended, so they still know it as it was: whoever
    asked about remote attendance is told when the event stands again.
    """
    return {**now, "mode": now["mode"] if now["status"] in TAKING_PLACE else told["mode"]}


def differs(told: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a participant sees any difference."""
    return any(_shown(told, name) != _shown(now, name) for name in SHOWN)


def _shown(state: Mapping[str, Any], name: str) -> Any:
    """A field as news look at it: a title in English. A translation is added or corrected without a mail."""
    return str(Text.of(state[name])) if name == "title" else state[name]


def is_news_outdated(kind: str, now: Mapping[str, Any]) -> bool:
    """Whether news of this kind says what is no longer so; what it says in detail is written from the newest state."""
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


def due_after(began_at: datetime, changed_at: datetime, wait: timedelta) -> datetime:
    """When changes that began then, the last of them made at ``changed_at``, are told."""
    return min(changed_at + wait, began_at + max(wait, MAX_WAIT))


def _kind(told: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if now["status"] not in (*TAKING_PLACE, "postponed", "cancelled"):
        return None
    if now["status"] == "cancelled":
        return "event-cancelled" if told["status"] != "cancelled" else None
    if date_of(now) is None:
        return _without_date(told, now)
    if told["status"] == "cancelled":
        return "event-revived"
    if date_of(told) is None or any(told[name] != now[name] for name in ("starts_at", "ends_at", "time_zone")):
        return "event-rescheduled"
    return "event-confirmed" if (told["status"], now["status"]) == ("tentative", "confirmed") else "event-changed"


def _without_date(told: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if date_of(told) is not None or told["status"] == "cancelled":
        return "event-postponed"
    if now["status"] == "postponed":
        return "event-postponed" if told["status"] != "postponed" else None
    return "event-changed"


@dataclass(frozen=True, slots=True)
class ReminderRule:
    """Attributes:
    kind: of the mail.
    before: how long before the start it is due.
    late_after: how long after that it says something untrue ("in one week", "tomorrow") and is missed instead.
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
"""How long before it is due a reminder is planned: whoever registers later is looked for again until it is due."""


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """A reminder of one start: due and missed at these moments; ``number`` is that of its mails."""

    kind: str
    number: int
    due_at: datetime
    expires_at: datetime


def planned_reminders(starts_at: datetime, now: datetime) -> list[PlannedReminder]:
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
            planned.append(PlannedReminder(reminder.kind, minute_of(starts_at), due_at, expires_at))
    return planned


def reminder_horizon() -> timedelta:
    """How long before its start an event is first looked at."""
    return max(reminder.before for reminder in REMINDERS) + LOOK_AHEAD


def minute_of(moment: datetime) -> int:
    """The minute since 1970 in which ``moment`` (aware) lies: one reminder of each kind for each start."""
    return int(moment.timestamp() // 60)


NO_LONGER_TRUE = "what it says is no longer so"
NEWER_MAIL = "the person has a newer mail about the same"
EVENT_PAST = "its event is past"

WORTH_IT_AFTERWARDS = frozenset({"recording-available", "cancelled-by-you"})
"""Kinds about an event that are sent again when it is past."""


@dataclass(frozen=True, slots=True)
class UndeliveredMail:
    """A mail that failed, was missed, or was left unknown for good.

    Attributes:
        revision: its number among the mails of its kind and subject.
        recipient: the person's reference.
        ended_at: when it was given up, aware.
        fence: rises with each claim.
        language, form, form_kind: of its subject.
        standing: what is known of its subject.
        event_state: ``status starts_at ends_at mode`` of its event as JSON values; None without one that is known.
        event_title: None where ``event_state`` is.
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
    standing: SubjectState
    event_state: Mapping[str, Any] | None
    event_title: str | None
    suppressed: bool
    superseded: bool


def resend_obstacle(mail: UndeliveredMail, now: datetime, *, fits_elsewhere: bool = False) -> str:
    """Return why a mail cannot be sent again; an empty string if it can.

    Args:
        mail: undelivered.
        now: the time, aware.
        fits_elsewhere: another registration of the person is concerned by the announcement that the mail is of.
    """
    if is_outdated(mail.kind, mail.revision, mail.standing) and not fits_elsewhere:
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
    """Whether another registration of the person could take the place of the one that has ended."""
    return mail.kind in ANNOUNCED_KINDS and is_outdated(mail.kind, mail.revision, mail.standing)


def is_past(kind: str, event: Mapping[str, Any], now: datetime) -> bool:
    """Whether a mail of this kind comes too late: a reminder once its event has begun, others once it has ended."""
    if kind not in KINDS_ABOUT_EVENT or kind in WORTH_IT_AFTERWARDS or event["starts_at"] is None:
        return False
    until = event["starts_at"] if kind in REMINDER_KINDS else event["ends_at"] or event["starts_at"]
    return parse_rfc3339(until) <= now


def is_late(kind: str, starts_at: datetime, now: datetime) -> bool:
    """Whether the words of a reminder ("in one week") are no longer true of an event that begins at ``starts_at``."""
    return any(now >= starts_at - one.before + one.late_after for one in REMINDERS if one.kind == kind)


def expiry_of(kind: str, event: Mapping[str, Any] | None) -> datetime | None:
    """When a mail that is sent again is missed: a reminder when its event begins, others never."""
    if kind not in REMINDER_KINDS or event is None or event["starts_at"] is None:
        return None
    return parse_rfc3339(event["starts_at"])


def is_date_of(event: Mapping[str, Any], minute: int) -> bool:
    """Whether the event takes place and begins in this minute."""
    date = date_of(event) if event["status"] in TAKING_PLACE else None
    return date is not None and minute_of(parse_rfc3339(date)) == minute


def _agrees(kind: str, number: int, event: Mapping[str, Any]) -> bool:
    if kind in EVENT_STATE_KINDS:
        return not is_news_outdated(kind, event)
    return kind not in REMINDER_KINDS or is_date_of(event, number)


NOT_NOTIFIED_PERIOD = timedelta(days=3)
"""How far back people who were not notified are counted for the alert: longer than a weekend."""
