"""Count the registrations of events by status."""

from collections.abc import Mapping, Sequence

from services.events.domain.event import Event
from services.events.store import counts
from services.events.store.counts import Counts
from services.events.store.events import BY_NUMBER, Audience
from services.events.usecases.finding import find_event
from services.events.usecases.positions import event_key
from shared.store.unit_of_work import UnitOfWork


def count_registrations(work: UnitOfWork, event_id: str) -> Counts:
    """How many registrations of one event are confirmed, waitlisted and cancelled.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, event_id, Audience.COORDINATORS)
        return counts.counts_of(connection, [event_id])[event_id]


def count_each(work: UnitOfWork, event_ids: Sequence[str]) -> Mapping[str, Counts]:
    """The counts of each of ``event_ids``, by id; zeros where nobody has registered.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return counts.counts_of(connection, event_ids)


def event_place(work: UnitOfWork, event: Event, sort: str) -> tuple[str, str]:
    """Where ``event`` stands in the order ``sort``, for a cursor; its registrations are counted only if that needs it.

    Raises:
        Unavailable: the database is away.
    """
    by_number = sort.removeprefix("-") in BY_NUMBER
    return event_key(event, sort, count_each(work, [event.id])[event.id] if by_number else Counts())
