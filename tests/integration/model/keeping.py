"""How long the model keeps people, and how long their links open something, as the documentation tells it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

KEPT = timedelta(days=90)
LASTS = timedelta(hours=2)
"""Every event of the model."""

ANNOUNCED_AHEAD, NOTICE = timedelta(hours=72), timedelta(hours=24)
"""When it is announced that somebody goes, and how long at least that is before they do."""

MOST_AT_ONCE = 100
"""People of one form who are forgotten in one turn."""


def last_day(begins_at: datetime | None) -> datetime | None:
    """The end of a form's event; None while it has no date."""
    return None if begins_at is None else begins_at + LASTS


def link_has_ended(begins_at: datetime | None, now: datetime) -> bool:
    """Whether a person's own link opens nothing any more: from the moment on at which their data may go."""
    last = last_day(begins_at)
    return last is not None and now >= last + KEPT


def announce(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> None:
    """Announce who will be due on a form in the coming days; who is due already and was not announced waits."""
    for who in people:
        is_due, is_soon = (is_over(who, begins_at, at) for at in (now, now + ANNOUNCED_AHEAD))
        if not is_soon:
            who |= {"announced_at": None, "confirmed": False}
        elif not is_due and (who["announced_at"] is None or who["announced_at"] > now):
            who["announced_at"] = now


def confirm(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> int:
    """An operator lets go who is due and waits; returns how many."""
    waiting = [who for who in people if is_over(who, begins_at, now) and who["announced_at"] is None]
    for who in waiting:
        who |= {"announced_at": now, "confirmed": True}
    return len(waiting)


def due(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> list[str]:
    """Ids of those on a form who go: they were announced a day ago, or an operator has confirmed it."""
    over = [who for who in people if is_over(who, begins_at, now) and who["announced_at"] is not None]
    return sorted(who["id"] for who in over if who["confirmed"] or now - NOTICE >= who["announced_at"])[:MOST_AT_ONCE]


def is_over(who: dict[str, Any], begins_at: datetime | None, at: datetime) -> bool:
    """Whether somebody has been kept long enough: longer than the time since their last day.

    That is the event's, or the one on which they gave their place up; nobody goes who has just come.
    """
    if who["erased"] or at <= who["accepted_at"] + KEPT:
        return False
    return any(day and at > day + KEPT for day in (last_day(begins_at), who["ended_at"]))


def moments(people: Iterable[dict[str, Any]], begins_at: datetime | None) -> set[datetime]:
    """When somebody on a form becomes due, or a link ends."""
    last = last_day(begins_at)
    days = {
        at for who in people if not who["erased"] for at in (who["ended_at"], last and max(last, who["accepted_at"]))
    }
    return {at + KEPT - before for at in {last, *days} if at for before in (timedelta(), NOTICE, ANNOUNCED_AHEAD)}
