"""Mails about changes of an event: what will be mailed, when, and what was put back before. Pure.

Notifications decides about the mails by the same rule, one minute after the last change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.events.event.model import Event, EventStatus, Mode, visible_difference
from shared.calendar.event_news import SHOWN, due_after
from shared.i18n.languages import Text
from shared.runtime.clock import parse_rfc3339, rfc3339


class NoticeState(StrEnum):
    """What becomes of the mails about a change."""

    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Notice:
    """The mails about changes that follow each other within a minute, at most one a person.

    Attributes:
        id: UUID (text).
        event_id: the id of the event.
        revision: the revision of the event after the first change.
        began_at: the time of the first change, aware.
        due_at: when they are made, aware.
        before: what participants know, by field, as JSON values.
        fields: the fields in which the event differs from ``before``; none if it was put back.
        sent: how many were sent.
    """

    id: str
    event_id: str
    revision: int
    began_at: datetime
    due_at: datetime
    before: Mapping[str, Any]
    fields: tuple[str, ...]
    sent: int = 0

    def state(self, now: datetime) -> NoticeState:
        """What becomes of the mails, seen at ``now`` (aware)."""
        if not self.fields:
            return NoticeState.WITHDRAWN
        return NoticeState.WAITING if now < self.due_at else NoticeState.DUE


def notice_of(last: Notice | None, old: Event, new: Event, now: datetime, new_id: str) -> Notice | None:
    """Return the notice of a change at ``now`` (aware) of a published event; None if there is nothing to mail.

    Args:
        last: the event's last notice; the change joins it while its mails are not due.
        old: the event before the change.
        new: the event after it.
        now: when it is made.
        new_id: the id of a new notice.
    """
    is_open = last is not None and now < last.due_at
    notice = last if last is not None and is_open else Notice(new_id, new.id, new.revision, now, now, _shown(old), ())
    before = event_before(notice, new)
    differs = visible_difference(before, new)
    fields = tuple(name for name in SHOWN if name in differs) if is_mailed(before, new, differs, now) else ()
    if not is_open and not fields:
        return None
    return replace(notice, due_at=due_after(notice.began_at, now), fields=fields)


def event_before(notice: Notice, event: Event) -> Event:
    """``event`` with what participants know of it in place of what has changed."""
    known = dict(notice.before)
    for name in ("starts_at", "ends_at"):
        known[name] = parse_rfc3339(known[name]) if known[name] else None
    known |= {"status": EventStatus(known["status"]), "mode": Mode(known["mode"]), "title": Text.of(known["title"])}
    return replace(event, **known)


def _shown(event: Event) -> dict[str, Any]:
    shown = {name: getattr(event, name) for name in SHOWN}
    for name in ("starts_at", "ends_at"):
        shown[name] = rfc3339(shown[name]) if shown[name] else None
    return shown | {"status": str(event.status), "mode": str(event.mode), "title": event.title.as_mapping}


def is_mailed(old: Event, new: Event, differs: Sequence[str], now: datetime) -> bool:
    """Whether participants get a mail about a change at ``now`` (aware) from ``old`` to ``new``.

    They get none once the event is over by both dates; notifications applies the same rule when it decides about news.
    """
    return is_news(old, new, differs) and not (has_ended(old, now) and has_ended(new, now))


def has_ended(event: Event, now: datetime) -> bool:
    """Whether the date of an event has passed at ``now`` (aware); without a date it has not."""
    return event.ends_at is not None and event.ends_at <= now


def is_news(old: Event, new: Event, differs: Sequence[str]) -> bool:
    """Whether a change from ``old`` to ``new``, which differ in the fields ``differs``, matters to participants.

    A title counts in English: an added or corrected translation is visible on pages and in later mails.
    """
    same = {"title"} if str(old.title) == str(new.title) else set()
    return new.status is not EventStatus.HELD and not set(SHOWN).isdisjoint(set(differs) - same)
