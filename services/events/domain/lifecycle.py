"""The state machine of an event. Every change of status goes through here and through ``revise``.

draft → tentative → confirmed → held
             ↕           ↕
         postponed, cancelled

A postponed event can be cancelled too; it takes its last date along, for calendars to find the entry by.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.events.domain.event import Event, EventStatus
from services.events.domain.revision import revise
from services.events.domain.rules import BrokenRule, RulesBroken
from shared.core.errors import DomainError

DRAFT, TENTATIVE, CONFIRMED = EventStatus.DRAFT, EventStatus.TENTATIVE, EventStatus.CONFIRMED
POSTPONED, CANCELLED, HELD = EventStatus.POSTPONED, EventStatus.CANCELLED, EventStatus.HELD

NEXT: Mapping[EventStatus, frozenset[EventStatus]] = {
    DRAFT: frozenset({TENTATIVE}),
    TENTATIVE: frozenset({CONFIRMED, POSTPONED, CANCELLED}),
    CONFIRMED: frozenset({HELD, POSTPONED, CANCELLED}),
    POSTPONED: frozenset({TENTATIVE, CONFIRMED, CANCELLED}),
    CANCELLED: frozenset({TENTATIVE, CONFIRMED}),
    HELD: frozenset(),
}
"""The statuses that may follow each status at once."""


def announce(event: Event) -> Event:
    """A draft becomes tentative and so visible. It needs a date.

    Raises:
        DomainError: ``event-transition``, it is no draft; ``date-required``, ``city-required``.
    """
    if event.status is not DRAFT:
        raise _refused(event, "announced")
    return _become(event, TENTATIVE)


def confirm(event: Event) -> Event:
    """A tentative event's date is now certain.

    Raises:
        DomainError: ``event-transition``, it is not tentative.
    """
    if event.status is not TENTATIVE:
        raise _refused(event, "confirmed")
    return _become(event, CONFIRMED)


def postpone(event: Event) -> Event:
    """The event loses its date, which is remembered as the last one.

    Raises:
        DomainError: ``event-transition``, it is neither tentative nor confirmed.
    """
    last = {"last_starts_at": event.starts_at, "last_ends_at": event.ends_at}
    return _become(event, POSTPONED, starts_at=None, ends_at=None, **last)


def reschedule(event: Event, starts_at: datetime, ends_at: datetime, *, status: EventStatus | None = None) -> Event:
    """The event gets another date.

    Args:
        event: a draft, tentative, confirmed or postponed one.
        starts_at: aware.
        ends_at: aware, later.
        status: what it is then, tentative or confirmed; without it a postponed event becomes tentative and
            any other stays what it is.

    Raises:
        DomainError: ``event-transition``, its status has no new date or does not lead to ``status``;
            ``ends-before-start``, ``time-without-zone``.
    """
    target = status or (TENTATIVE if event.status is POSTPONED else event.status)
    if event.status in (CANCELLED, HELD) or target not in (DRAFT, TENTATIVE, CONFIRMED):
        raise _refused(event, "rescheduled")
    if target is event.status:
        return revise(event, replace(event, starts_at=starts_at, ends_at=ends_at))
    return _become(event, target, starts_at=starts_at, ends_at=ends_at)


def cancel(event: Event) -> Event:
    """The event will not be. It keeps its date, or the last one it had: calendars need it to take the entry out.

    Raises:
        DomainError: ``event-transition``, it is neither tentative, confirmed nor postponed; ``date-required``, a
            postponed event never had a date.
    """
    if event.status is not POSTPONED:
        return _become(event, CANCELLED)
    return _become(event, CANCELLED, starts_at=event.last_starts_at, ends_at=event.last_ends_at)


def revive(event: Event, *, status: EventStatus = TENTATIVE) -> Event:
    """A cancelled event will be after all, on its old date, as tentative (the default) or confirmed.

    Raises:
        DomainError: ``event-transition``, it is not cancelled or ``status`` is another one.
    """
    if event.status is not CANCELLED:
        raise _refused(event, "revived")
    return _become(event, status)


def hold(event: Event, now: datetime) -> Event:
    """A confirmed event has taken place.

    Raises:
        DomainError: ``event-transition``, it is not confirmed; ``event-not-started`` at ``now`` (aware).
    """
    held = _become(event, HELD)
    if held.starts_at is None or now < held.starts_at:
        raise DomainError("event-not-started", f"{event.id} has not begun")
    return held


def amend(event: Event, **changes: Any) -> Event:
    """The event with other values of fields; its date and status have steps of their own.

    Raises:
        RulesBroken: ``already-announced``, it would become internal or stop being so, and is no draft any more: who
            has been told of it cannot be untold; and every rule that would not hold.
    """
    changed = replace(event, **changes)
    if changed.internal != event.internal and event.status is not DRAFT:
        raise RulesBroken((BrokenRule("internal", "already-announced", "can be changed only while it is a draft"),))
    return revise(event, changed)


def is_over(event: Event | None, now: datetime) -> bool:
    """Whether an event has taken place by ``now`` (aware): it was held, or was confirmed and has ended."""
    if event is None or event.status not in (CONFIRMED, HELD):
        return False
    return event.status is HELD or (event.ends_at is not None and event.ends_at <= now)


def can_follow(old: EventStatus, new: EventStatus) -> bool:
    """Whether an event that was ``old`` can be ``new`` after any number of steps, none included."""
    reached, ahead = {old}, [old]
    while ahead:
        ahead = [step for status in ahead for step in NEXT[status] if step not in reached]
        reached.update(ahead)
    return new in reached


def _become(event: Event, status: EventStatus, **changes: Any) -> Event:
    if status not in NEXT[event.status]:
        raise _refused(event, str(status))
    return revise(event, replace(event, status=status, **changes))


def _refused(event: Event, wish: str) -> DomainError:
    return DomainError("event-transition", f"an event that is {event.status} cannot be {wish}")
