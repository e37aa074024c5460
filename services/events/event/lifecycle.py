"""The state machine of an event, the steps by the names that coordinators use, and what loading it again means. Pure.

Every change of status goes through here and through ``revise``.

draft → tentative → confirmed → held
             ↕           ↕
         postponed, cancelled

A postponed event can be cancelled too; it keeps its last date, by which calendars find the entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from services.events.event.model import Event, EventStatus, revise
from services.events.rules import BrokenRule, RulesBroken
from shared.runtime.errors import DomainError

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

EventStep = Callable[[Event, datetime], Event]
"""An event after the step at a given time (aware). Pure; raises DomainError if it is not allowed."""

STEPS = ("announce", "confirm", "postpone", "reschedule", "cancel", "revive", "hold")

PublishedChange = Literal["published", "changed", "none"]
"""The change to publish: something new, something that differs from what was published, or nothing."""


def announce(event: Event) -> Event:
    """A draft becomes tentative and so visible. It needs a date.

    Raises:
        DomainError: ``event-transition``, it is no draft; ``date-required``, ``city-required``.
    """
    if event.status is not DRAFT:
        raise _refused(event, "announced")
    return _become(event, TENTATIVE)


def confirm(event: Event) -> Event:
    """Confirm the date of a tentative event.

    Raises:
        DomainError: ``event-transition``, it is not tentative.
    """
    if event.status is not TENTATIVE:
        raise _refused(event, "confirmed")
    return _become(event, CONFIRMED)


def postpone(event: Event) -> Event:
    """Remove the event's date, and keep it as the last date.

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
    """Cancel the event. It keeps its date, or its last one: calendars need the date to remove the entry.

    Raises:
        DomainError: ``event-transition``, it is neither tentative, confirmed nor postponed; ``date-required``, a
            postponed event never had a date.
    """
    if event.status is not POSTPONED:
        return _become(event, CANCELLED)
    return _become(event, CANCELLED, starts_at=event.last_starts_at, ends_at=event.last_ends_at)


def revive(event: Event, *, status: EventStatus = TENTATIVE) -> Event:
    """Revive a cancelled event on its old date, as tentative (the default) or confirmed.

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
    """Return the event with changed fields; other steps change its date and status.

    Raises:
        RulesBroken: ``already-announced``, ``internal`` would change although the event is no longer a draft and people
            were notified; and every broken rule.
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
    """Whether an event that was ``old`` can be ``new`` after any number of steps, none included.

    Nothing follows ``HELD``, and ``DRAFT`` follows nothing; every other status can follow in some steps.
    """
    return new is old or (old is not HELD and new is not DRAFT)


def _become(event: Event, status: EventStatus, **changes: Any) -> Event:
    if status not in NEXT[event.status]:
        raise _refused(event, str(status))
    return revise(event, replace(event, status=status, **changes))


def _refused(event: Event, wanted: str) -> DomainError:
    return DomainError("event-transition", f"an event that is {event.status} cannot be {wanted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWish:
    """One of ``STEPS``. ``reschedule`` needs both datetimes (aware); it and ``revive`` take a status."""

    name: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: EventStatus | None = None


def step_of(wanted: StepWish) -> EventStep:
    """The step that ``wanted`` names.

    Raises:
        DomainError: ``unknown-step``; ``date-required``, it moves the event and has no date.
    """
    if wanted.name == "reschedule":
        return _reschedule(wanted)
    plain: Mapping[str, EventStep] = {
        "announce": lambda event, _: announce(event),
        "confirm": lambda event, _: confirm(event),
        "postpone": lambda event, _: postpone(event),
        "cancel": lambda event, _: cancel(event),
        "revive": lambda event, _: revive(event, status=wanted.status or EventStatus.TENTATIVE),
        "hold": hold,
    }
    if wanted.name not in plain:
        raise DomainError("unknown-step", f"there is no step {wanted.name[:40]!r}")
    return plain[wanted.name]


def edit(changes: Mapping[str, Any]) -> EventStep:
    """The step that gives an event other values of fields; other steps change its date and status."""
    return lambda event, _: amend(event, **changes)


def with_series_permit(step: EventStep, permit: Callable[[str], None]) -> EventStep:
    """``step``, but first ``permit`` is called with the series to which it adds the event.

    It raises if that is forbidden.
    """

    def taken(old: Event, now: datetime) -> Event:
        new = step(old, now)
        if new.series is not None and new.series != old.series:
            permit(new.series)
        return new

    return taken


def _reschedule(wanted: StepWish) -> EventStep:
    starts_at, ends_at = wanted.starts_at, wanted.ends_at
    if starts_at is None or ends_at is None:
        raise DomainError("date-required", "a new date has a start and an end")
    return lambda event, _: reschedule(event, starts_at, ends_at, status=wanted.status)


def merge_loaded(old: Event | None, new: Event) -> tuple[Event, PublishedChange]:
    """The event to store when ``new`` was read from a folder and ``old`` is what is stored, and the change to publish.

    The event may differ from ``old`` although the change is ``none``: a draft, an internal note, or whether the event
    is internal, which a folder may change at any time, because an operator may notice it late. A date
    that ``old`` loses by being postponed is remembered.

    Raises:
        DomainError: ``event-transition``, what is stored cannot lead to the status in the folder (a
            published event does not become a draft, a held one nothing else).
    """
    shown = new.status is not EventStatus.DRAFT
    if old is None:
        return replace(new, revision=1), "published" if shown else "none"
    if not can_follow(old.status, new.status):
        raise DomainError("event-transition", f"{new.id} is {old.status} and cannot become {new.status}")
    event = revise(old, _remembering(old, new))
    if old.status is EventStatus.DRAFT and shown:
        return event, "published"
    return event, "none" if event.revision == old.revision else "changed"


def _remembering(old: Event, new: Event) -> Event:
    """``new`` with the last date that is known of it."""
    if new.last_starts_at is not None:
        return new
    if new.status is EventStatus.POSTPONED and old.starts_at is not None:
        return replace(new, last_starts_at=old.starts_at, last_ends_at=old.ends_at)
    return replace(new, last_starts_at=old.last_starts_at, last_ends_at=old.last_ends_at)
