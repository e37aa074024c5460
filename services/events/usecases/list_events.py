"""List events by filters, or count them."""

from collections.abc import Sequence

from services.events.domain.event import Event
from services.events.store import event_changes, events
from services.events.store.events import Audience, EventFilter
from services.events.store.grouping import CountedGroup
from shared.store.unit_of_work import UnitOfWork


def list_events(work: UnitOfWork, wanted: EventFilter) -> list[Event]:
    """At most ``wanted.limit`` events in the order that is asked for.

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


def usual_zone(work: UnitOfWork, series: str | None, own: frozenset[str] | None) -> str:
    """The time zone that a new event most likely has: that of the newest event of ``series``, or else of all events.

    Args:
        work: on the database of events.
        series: of the new event; None for none.
        own: the only drafts that may count, by id; None for all.

    Returns:
        an IANA name; empty while there is no event.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        of_series = event_changes.newest_zone(connection, series, own) if series else ""
        return of_series or event_changes.newest_zone(connection, None, own)


def count_events(work: UnitOfWork, wanted: EventFilter) -> int:
    """How many events fit, on all pages.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return events.count(connection, wanted)


def group_events(work: UnitOfWork, wanted: EventFilter, names: Sequence[str], at_least: int) -> list[CountedGroup]:
    """How many events have the same values of ``names``, the largest groups first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return events.count_groups(connection, wanted, names, at_least)
