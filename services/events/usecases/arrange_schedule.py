"""Look at the draft board and move what stands on it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from services.events.domain.schedule import Placement
from services.events.domain.schedule_diff import Difference, difference
from services.events.store import schedule_board, schedule_jobs
from services.events.store.schedule_jobs import Job
from services.events.store.schedule_versions import Version
from services.events.usecases.publish_schedule import entries_of
from services.events.usecases.schedule_snapshot import Snapshot, read_snapshot
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Board:
    """The draft, what is published, what publishing would change, and the newest job of the worker."""

    snapshot: Snapshot
    published: Version | None
    difference: Difference
    job: Job | None


def show_board(work: UnitOfWork) -> Board:
    """The draft board, all of one moment.

    Raises:
        Unavailable: the database is away.
    """
    with work.moment() as connection:
        snapshot = read_snapshot(connection)
        job = schedule_jobs.newest(connection)
    before = snapshot.version.entries if snapshot.version else ()
    return Board(snapshot, snapshot.version, difference(before, entries_of(snapshot)), job)


def place_proposal(work: UnitOfWork, placement: Placement, seen: int | None) -> int:
    """Put a proposal where ``placement`` says, also where that breaks a rule: the board then shows the conflict.

    Args:
        placement: of an accepted or scheduled proposal.
        seen: the board's revision that was looked at; None: whatever it is.

    Returns:
        the board's new revision.

    Raises:
        DomainError: ``changed-meanwhile``; ``not-found``, no such proposal, room or slot; ``proposal-not-accepted``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        snapshot = _locked(connection, seen)
        if placement.room_id not in snapshot.rooms or placement.slot_id not in snapshot.slots:
            raise DomainError("not-found", "there is no such room or slot")
        if placement.proposal_id not in snapshot.proposals:
            raise DomainError("proposal-not-accepted", "only a proposal that is accepted can have a place")
        return schedule_board.put(connection, placement)


def take_off(work: UnitOfWork, proposal_id: str, seen: int | None) -> int:
    """Take a proposal from the board; returns the board's revision.

    Raises:
        DomainError: ``changed-meanwhile``; ``not-found``, it is not on the board.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        _locked(connection, seen)
        if not schedule_board.take_off(connection, proposal_id):
            raise DomainError("not-found", "this proposal has no place")
        return schedule_board.revision(connection)


def _locked(connection: Connection, seen: int | None) -> Snapshot:
    current = schedule_board.lock(connection)
    if seen is not None and seen != current:
        raise DomainError("changed-meanwhile", "the timetable was changed after you read it: read it again")
    return read_snapshot(connection)
