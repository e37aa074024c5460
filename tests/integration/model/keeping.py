"""How long the model keeps people, and how long their links open something, as the documentation tells it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

KEPT = timedelta(days=90)
LASTS = timedelta(hours=2)
"""Every event of the model."""

MOST_AT_ONCE = 100
"""People of one form who are forgotten in one turn."""


def last_day(begins_at: datetime | None) -> datetime | None:
    """The end of a form's event; None while it has no date."""
    return None if begins_at is None else begins_at + LASTS


def link_has_ended(begins_at: datetime | None, now: datetime) -> bool:
    """Whether a person's own link opens nothing any more: from the moment on at which their data may go."""
    last = last_day(begins_at)
    return last is not None and now >= last + KEPT


def due(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> list[str]:
    """Ids of those on a form who have been kept long enough: longer than the time since their last day.

    That is the event's, or the one on which they gave their place up; nobody goes who has just come.
    """
    last = last_day(begins_at)
    kept = [who for who in people if not who["erased"] and now > who["accepted_at"] + KEPT]
    gone = [who["id"] for who in kept if any(at and now > at + KEPT for at in (last, who["ended_at"]))]
    return sorted(gone)[:MOST_AT_ONCE]


def moments(people: Iterable[dict[str, Any]], begins_at: datetime | None) -> set[datetime]:
    """When somebody on a form becomes due, or a link ends."""
    last = last_day(begins_at)
    days = {
        at for who in people if not who["erased"] for at in (who["ended_at"], last and max(last, who["accepted_at"]))
    }
    return {at + KEPT for at in {last, *days} if at}
