"""Show which of the working groups asked to an event have a representative there, and which have not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.coverage import asked_of, coverage
from services.events.store import contacts, network, roster
from services.events.store.events import Audience
from services.events.store.roster import Representatives
from services.events.usecases.finding import find_event
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    """One asked group: representatives with a seat, those who wait for one, and its last bulletin (aware, or None)."""

    id: str
    title: str
    representatives: int
    waiting: int
    last_mail_at: datetime | None


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """All groups asked to an event, each in one of two lists, sorted by id."""

    event_id: str
    covered: tuple[GroupCoverage, ...]
    missing: tuple[GroupCoverage, ...]


def show_coverage(work: UnitOfWork, event_id: str) -> CoverageReport:
    """Who of the asked groups comes, and who is missing.

    A group is covered when a representative of it is confirmed or waits for a seat.

    Args:
        work: on the database of events.
        event_id: of the event.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Audience.COORDINATORS)
        known = network.all_working_groups(connection)
        titles = {one.id: str(one.title) for one in known if one.active or one.id in event.asked_groups}
        present = roster.representatives(connection, event_id)
        split = coverage(asked_of(event.asked_groups, titles), present)
        groups = _groups(connection, titles, present)
    return CoverageReport(
        event_id,
        tuple(groups[group] for group in split.covered),
        tuple(groups[group] for group in split.missing),
    )


def _groups(
    connection: Connection, titles: Mapping[str, str], present: Mapping[str, Representatives]
) -> Mapping[str, GroupCoverage]:
    last_mails = contacts.last_mails(connection)
    nobody = Representatives()
    return {
        group: GroupCoverage(
            group,
            title,
            present.get(group, nobody).confirmed,
            present.get(group, nobody).waitlisted,
            last_mails.get(group),
        )
        for group, title in titles.items()
    }
