"""Keeps an event as it was last told, so that mails about it go out while the events service is down.

A change that a participant sees makes news, which wait a moment: several changes in a row are told as one. Reminders of
a date that is no longer so are called off at once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.news import SHOWN_SINCE, STANDING, date_of, differs, due_after
from services.notifications.domain.reminders import minute_of
from services.notifications.store.events import KnownEvent, keep_event, lock_event, note_news, open_news_since
from services.notifications.store.withdrawing import call_off_reminders
from shared.core.clock import Clock, parse_rfc3339, rfc3339
from shared.core.metrics import mails_total
from shared.i18n.content import Text

NEWS_WAIT = timedelta(minutes=1)
MOVED = "the event takes place at another time, or not at all"


def note_event(
    connection: Connection, clock: Clock, told: Mapping[str, Any], correlation_id: str, wait: timedelta = NEWS_WAIT
) -> None:
    """Keep the event unless the same or a newer revision is here, and note what people are to be told.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        told: the checked data of the message; moments are aware datetimes.
        correlation_id: of the message.
        wait: how long changes are gathered before people are told.
    """
    known = lock_event(connection, told["id"])
    if known is not None and told["revision"] <= known.revision:
        return
    now, content = clock(), plain(told) | _last_date(known)
    content[SHOWN_SINCE] = _shown_since(known, content)
    keep_event(connection, told["id"], told["revision"], content, now)
    if known is None:
        return
    _call_off_reminders(connection, told["id"], content, now)
    began_at = open_news_since(connection, told["id"])
    if began_at is not None or differs(known.told, content):
        note_news(connection, told["id"], now, due_after(began_at or now, now, wait), correlation_id)


def plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """Checked data as JSON values."""
    return {name: _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return value.as_mapping
    return rfc3339(value) if isinstance(value, datetime) else value


def _last_date(known: KnownEvent | None) -> dict[str, Any]:
    """The last date that people may have in their calendars, for an event that has none now."""
    if known is None:
        return {}
    before = known.content
    if date_of(before) is not None:
        return {"last_starts_at": before["starts_at"], "last_ends_at": before["ends_at"]}
    return {name: before[name] for name in ("last_starts_at", "last_ends_at") if name in before}


def _shown_since(known: KnownEvent | None, content: Mapping[str, Any]) -> int:
    """The revision of the last change that participants see."""
    if known is None or differs(known.content, content):
        return int(content["revision"])
    return int(known.content.get(SHOWN_SINCE, known.revision))


def _call_off_reminders(connection: Connection, event_id: str, content: Mapping[str, Any], now: datetime) -> None:
    """All but those of the date that the event has now, if it takes place."""
    date = date_of(content) if content["status"] in STANDING else None
    kept = minute_of(parse_rfc3339(date)) if date else 0
    for kind in call_off_reminders(connection, event_id, kept, MOVED, now):
        mails_total.labels(kind, "called_off").inc()
