"""List who comes to an event, by pseudonyms, or count them. Names stay with registration."""

from collections.abc import Sequence

from services.events.store import roster
from services.events.store.events import Audience
from services.events.store.grouping import CountedGroup
from services.events.store.roster import Registered, RosterQuery
from services.events.usecases.finding import find_event
from shared.core.clock import Clock
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


def list_roster(work: UnitOfWork, wanted: RosterQuery) -> list[Registered]:
    """At most ``wanted.limit`` registrations of an event, in order of arrival.

    Args:
        work: on the database of events.
        wanted: of which event, with which status, after which registration.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Audience.COORDINATORS)
        return roster.page(connection, wanted)


def count_roster(work: UnitOfWork, wanted: RosterQuery) -> int:
    """How many registrations of an event fit, on all pages.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return roster.count(connection, wanted)


def group_roster(work: UnitOfWork, wanted: RosterQuery, names: Sequence[str], at_least: int) -> list[CountedGroup]:
    """How many registrations of an event have the same values of ``names``, the largest groups first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Audience.COORDINATORS)
        return roster.count_groups(connection, wanted, names, at_least)


def note_roster_taken(work: UnitOfWork, clock: Clock, who: str, event_id: str) -> None:
    """Write down that ``who`` takes an event's roster away as a file.

    Raises:
        Unavailable: the database is away; nobody gets the file.
    """
    with work.transaction() as connection:
        note_deed(connection, Deed(who, "file-taken", "event", event_id), clock())
