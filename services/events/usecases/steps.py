"""The steps of an event's life by the names that coordinators use, each ready to be tried on an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.events.domain import lifecycle
from services.events.domain.event import Event, EventStatus
from shared.core.errors import DomainError

Step = Callable[[Event, datetime], Event]
"""What an event becomes at a moment (aware). Pure: raises DomainError where it may not."""

STEPS = ("announce", "confirm", "postpone", "reschedule", "cancel", "revive", "hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWish:
    """One of ``STEPS``. ``reschedule`` needs both moments (aware); it and ``revive`` take a status."""

    name: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: EventStatus | None = None


def step_of(wish: StepWish) -> Step:
    """The step that ``wish`` names.

    Raises:
        DomainError: ``unknown-step``; ``date-required``, it moves the event and has no date.
    """
    if wish.name == "reschedule":
        return _reschedule(wish)
    plain: Mapping[str, Step] = {
        "announce": lambda event, _: lifecycle.announce(event),
        "confirm": lambda event, _: lifecycle.confirm(event),
        "postpone": lambda event, _: lifecycle.postpone(event),
        "cancel": lambda event, _: lifecycle.cancel(event),
        "revive": lambda event, _: lifecycle.revive(event, status=wish.status or EventStatus.TENTATIVE),
        "hold": lifecycle.hold,
    }
    if wish.name not in plain:
        raise DomainError("unknown-step", f"there is no step {wish.name[:40]!r}")
    return plain[wish.name]


def edit(changes: Mapping[str, Any]) -> Step:
    """The step that gives an event other values of fields; its date and status have steps of their own."""
    return lambda event, _: lifecycle.amend(event, **changes)


def joining(step: Step, permit: Callable[[str], None]) -> Step:
    """``step``, but ``permit`` is asked about a series to which it adds the event, and raises where it may not."""

    def taken(old: Event, now: datetime) -> Event:
        new = step(old, now)
        if new.series is not None and new.series != old.series:
            permit(new.series)
        return new

    return taken


def _reschedule(wish: StepWish) -> Step:
    starts_at, ends_at = wish.starts_at, wish.ends_at
    if starts_at is None or ends_at is None:
        raise DomainError("date-required", "a new date has a start and an end")
    return lambda event, _: lifecycle.reschedule(event, starts_at, ends_at, status=wish.status)
