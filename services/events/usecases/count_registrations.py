"""Count the registrations of events by status."""

from collections.abc import Mapping, Sequence

from services.events.store import counts
from services.events.store.counts import Counts
from services.events.store.events import Audience
from services.events.usecases.finding import find_event
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
