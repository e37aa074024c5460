"""Which mails that reached nobody for certain can be sent again, and why the others cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notifications.domain.kinds import ANNOUNCED_KINDS, EVENT_STATE_KINDS, EVENT_TOLD_BY, REMINDER_KINDS
from services.notifications.domain.news import STANDING, date_of, is_news_untrue
from services.notifications.domain.reminders import REMINDERS, minute_of
from services.notifications.domain.truth import Standing, is_untrue
from shared.core.clock import parse_rfc3339

NO_LONGER_TRUE = "what it says is no longer so"
NEWER_MAIL = "the person has a newer mail about the same"
NO_BULLETINS = "the person wants no bulletins"
EVENT_PAST = "its event is past"

WORTH_IT_AFTERWARDS = frozenset({"recording-available", "cancelled-by-you"})
"""Kinds about an event that are sent again when it is past."""


@dataclass(frozen=True, slots=True)
class Undelivered:
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
    standing: Standing
    event_state: Mapping[str, Any] | None
    event_title: str | None
    suppressed: bool
    superseded: bool


def obstacle(mail: Undelivered, now: datetime, *, fits_elsewhere: bool = False) -> str:
    """Return why a mail cannot be sent again; an empty string if it can.

    Args:
        mail: undelivered.
        now: the time, aware.
        fits_elsewhere: another registration of the person is concerned by the announcement that the mail is of.
    """
    if is_untrue(mail.kind, mail.revision, mail.standing) and not fits_elsewhere:
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


def may_fit_elsewhere(mail: Undelivered) -> bool:
    """Whether another registration of the person could take the place of the one that has ended."""
    return mail.kind in ANNOUNCED_KINDS and is_untrue(mail.kind, mail.revision, mail.standing)


def is_past(kind: str, event: Mapping[str, Any], now: datetime) -> bool:
    """Whether a mail of this kind comes too late: a reminder once its event has begun, others once it has ended."""
    if kind not in EVENT_TOLD_BY or kind in WORTH_IT_AFTERWARDS or event["starts_at"] is None:
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
    date = date_of(event) if event["status"] in STANDING else None
    return date is not None and minute_of(parse_rfc3339(date)) == minute


def _agrees(kind: str, number: int, event: Mapping[str, Any]) -> bool:
    if kind in EVENT_STATE_KINDS:
        return not is_news_untrue(kind, event)
    return kind not in REMINDER_KINDS or is_date_of(event, number)


PERIOD = timedelta(days=3)
"""How far back people who were not notified are counted for the alert: longer than a weekend."""
