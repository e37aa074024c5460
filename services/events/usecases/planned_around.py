"""What was planned around a review or a Council session: before it moves, and what was left behind when it did."""

from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.dependents import (
    ANCHOR_KINDS,
    DEPENDENT_KINDS,
    Dependents,
    dependents_of,
    is_moved,
    left_behind,
    room_days_of,
)
from services.events.domain.event import Event, EventKind
from services.events.store import events, resources, rooms
from services.events.store.events import Audience, EventFilter
from shared.store.unit_of_work import UnitOfWork

MAX_EVENTS = 1000
"""Of one kind; many times the side events of one review."""


def dependents_of_change(connection: Connection, old: Event, new: Event) -> Dependents:
    """What was planned around ``old`` and is to be moved too if it becomes ``new``."""
    if old.kind not in ANCHOR_KINDS or not is_moved(old, new):
        return Dependents()
    return dependents_of(old, _planned(connection))


def show_left_behind(work: UnitOfWork, now: datetime) -> tuple[tuple[Event, ...], Dependents]:
    """The reviews and Council sessions that are not over, and what lies ahead around none of their dates.

    Args:
        work: on the database of events.
        now: aware.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        anchors = [event for kind in ANCHOR_KINDS for event in _events(connection, kind, not_over_at=now)]
        lost = left_behind(anchors, _planned(connection), now.date())
    return tuple(event for event in anchors if event.city and event.city.strip().casefold() in lost.cities), lost


def _planned(connection: Connection) -> Dependents:
    found = [event for kind in DEPENDENT_KINDS for event in _events(connection, kind)]
    by_start = sorted((event for event in found if event.starts_at), key=lambda event: (event.starts_at, event.id))
    hotels = tuple(resources.all_hotels(connection))
    return Dependents(tuple(by_start), hotels, room_days_of(rooms.all_rooms(connection)))


def _events(connection: Connection, kind: EventKind, not_over_at: datetime | None = None) -> list[Event]:
    wanted = EventFilter(audience=Audience.COORDINATORS, kind=kind, not_over_at=not_over_at, limit=MAX_EVENTS)
    return events.select(connection, wanted)
