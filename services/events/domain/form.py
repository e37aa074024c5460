"""Forms as registration published them, and whether one is open: by the same rule as there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.events.domain.event import Event, EventStatus
from shared.i18n.content import Text

WORKING_GROUP = "working_group"
OPEN_STATUSES = frozenset({EventStatus.TENTATIVE, EventStatus.CONFIRMED})
OPEN_UNTIL_THE_END = frozenset({"interest"})
"""Kinds of form that people may fill while the event is on."""


@dataclass(frozen=True, slots=True)
class Form:
    """Attributes:
    id: its slug.
    event: slug of the event that it registers for; None for none.
    open: the coordinators' switch.
    opens_at, closes_at: their hours; None for no bound.
    closes_hours_before: how long before the start of the event the guest list closes; 0 if it does not.
    """

    id: str
    revision: int
    kind: str
    event: str | None
    title: Text
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    closes_hours_before: int


def is_open(form: Form, event: Event | None, now: datetime) -> bool:
    """Whether ``form`` takes registrations at ``now``.

    Args:
        form: as last published.
        event: the event that the form registers for; None if there is none, or it is not known.
        now: aware.
    """
    if not form.open or (form.opens_at and now < form.opens_at) or (form.closes_at and form.closes_at <= now):
        return False
    if form.event is None:
        return True
    return event is not None and event.status in OPEN_STATUSES and not _is_too_late(form, event, now)


def _is_too_late(form: Form, event: Event, now: datetime) -> bool:
    until = event.ends_at if form.kind in OPEN_UNTIL_THE_END and event.ends_at else event.starts_at
    if until is not None and until <= now:
        return True
    if event.starts_at is None or not form.closes_hours_before:
        return False
    return event.starts_at - timedelta(hours=form.closes_hours_before) <= now
