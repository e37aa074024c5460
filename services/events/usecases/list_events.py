"""List events by filters, in order of their start."""

from services.events.domain.event import Event
from services.events.store import events
from services.events.store.events import Audience, EventFilter
from shared.store.unit_of_work import UnitOfWork


def list_events(work: UnitOfWork, wanted: EventFilter) -> list[Event]:
    """At most ``wanted.limit`` events by start, then id; those without a date come last.

    Args:
        work: on the database of events.
        wanted: which ones, for whom, and after which event.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return events.select(connection, wanted)


def has_events(work: UnitOfWork) -> bool:
    """Whether there is an event, a draft too, that is not one of the system itself.

    Raises:
        Unavailable: the database is away.
    """
    return bool(list_events(work, EventFilter(audience=Audience.COORDINATORS, limit=1)))
