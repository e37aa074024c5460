"""Show and change the draft board, show published timetables, and the queue of requests for a new timetable.

The search runs between two transactions, outside both. If a worker crashes, its lease expires and the job is claimed
again; one that finishes too late has an outdated fencing token, so its result is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from services.events.event.model import Event, Readers
from services.events.event.store import read_events
from services.events.scheduling.model import Proof, Reason, SearchStage, Timetable, TimetableDifference, difference
from services.events.scheduling.preview import PublicationPreview, preview_publication
from services.events.scheduling.snapshot import Snapshot, entries_of, read_snapshot
from services.events.scheduling.store import (
    SolveJob,
    TimetableVersion,
    claim_next_job,
    fail_job,
    finish_job,
    insert_job,
    read_job,
    read_newest_job,
    read_newest_version,
    read_version,
    requeue_expired,
    requeue_job,
)
from services.events.venue.model import Placement
from services.events.venue.store import board_revision, lock_board, place_on_board, remove_from_board, replace_board
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

LEASE = timedelta(seconds=60)
"""Longer than a search including reading and storing."""

LATEST_LEASE = 2 * LEASE
"""A lease that ends later was set by a wrong clock: two clocks that are right differ by seconds."""

MAX_ATTEMPTS = 3
"""Attempts (the worker died, or the board changed) after which a job fails."""

SEED = 1


@dataclass(frozen=True, slots=True)
class Board:
    """The draft, what is published, what publishing would change, and the newest job of the worker."""

    snapshot: Snapshot
    published: TimetableVersion | None
    difference: TimetableDifference
    job: SolveJob | None


def show_board(work: UnitOfWork) -> Board:
    """The draft board, consistent at one time.

    Raises:
        Unavailable: the database is down.
    """
    with work.snapshot() as connection:
        return _read_board(connection)


def show_board_and_publication(work: UnitOfWork, clock: Clock) -> tuple[Board, PublicationPreview]:
    """The draft board, the events that would block publishing it now, and how many people it would reach.

    Raises:
        Unavailable: the database is down.
    """
    with work.snapshot() as connection:
        board = _read_board(connection)
        return board, preview_publication(connection, board.snapshot, clock())


def _read_board(connection: Connection) -> Board:
    snapshot = read_snapshot(connection)
    before = snapshot.version.entries if snapshot.version else ()
    return Board(snapshot, snapshot.version, difference(before, entries_of(snapshot)), read_newest_job(connection))


def place_proposal(work: UnitOfWork, placement: Placement, seen: int | None) -> int:
    """Place a proposal, even if that breaks a rule: the board then shows the conflict.

    Args:
        placement: the place of an accepted or scheduled proposal.
        seen: the board's revision that was read; None for any.

    Returns:
        the board's new revision.

    Raises:
        DomainError: ``edit-conflict``; ``not-found``, no such proposal, room or slot; ``proposal-not-accepted``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        snapshot = _lock_board(connection, seen)
        if placement.room_id not in snapshot.rooms or placement.slot_id not in snapshot.slots:
            raise DomainError("not-found", "there is no such room or slot")
        if placement.proposal_id not in snapshot.proposals:
            raise DomainError("proposal-not-accepted", "only a proposal that is accepted can have a place")
        return place_on_board(connection, placement)


def remove_placement(work: UnitOfWork, proposal_id: str, seen: int | None) -> int:
    """Take a proposal from the board; returns the board's revision.

    Raises:
        DomainError: ``edit-conflict``; ``not-found``, it is not on the board.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        _lock_board(connection, seen)
        if not remove_from_board(connection, proposal_id):
            raise DomainError("not-found", "this proposal has no place")
        return board_revision(connection)


def _lock_board(connection: Connection, seen: int | None) -> Snapshot:
    current = lock_board(connection)
    if seen is not None and seen != current:
        raise DomainError("edit-conflict", "the timetable was changed after you read it: read it again")
    return read_snapshot(connection)


def newest_version(work: UnitOfWork) -> TimetableVersion | None:
    """The timetable in force; None before the first.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return read_newest_version(connection)


def newest_with_events(work: UnitOfWork) -> tuple[TimetableVersion | None, Mapping[str, Event]]:
    """The timetable in force, and its public side events as they are now, by id: they may change after publication.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        version = read_newest_version(connection)
        if version is None:
            return None, {}
        return version, read_events(connection, [entry.event_id for entry in version.entries], Readers.PUBLIC)


def show_version(work: UnitOfWork, number: int) -> TimetableVersion:
    """One version.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        version = read_version(connection, number)
    if version is None:
        raise DomainError("not-found", f"there is no version {number}")
    return version


def compare_versions(work: UnitOfWork, old: int, new: int) -> TimetableDifference:
    """What changes from version ``old`` to version ``new``.

    Raises:
        DomainError: ``not-found``, one of them is not there.
        Unavailable: the database is down.
    """
    return difference(show_version(work, old).entries, show_version(work, new).entries)


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job claimed by this worker, with its problem."""

    job: SolveJob
    snapshot: Snapshot


def request_schedule(work: UnitOfWork, clock: Clock, by: str) -> str:
    """Queue a job; returns its id.

    Raises:
        Unavailable: the database is down.
    """
    job_id = new_id()
    with work.transaction() as connection:
        insert_job(connection, job_id, by, SEED, clock())
    return job_id


def show_job(work: UnitOfWork, job_id: str) -> SolveJob:
    """One job.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        job = read_job(connection, job_id)
    if job is None:
        raise DomainError("not-found", "there is no such job")
    return job


def claim_job(work: UnitOfWork, clock: Clock) -> ClaimedJob | None:
    """Take the next job; None if there is none. One that was tried too often fails instead.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        now = clock()
        job = claim_next_job(connection, now + LEASE)
        if job is None:
            return None
        if job.fence > MAX_ATTEMPTS:
            fail_job(connection, job, "was tried too often without finishing", now)
            return None
        return ClaimedJob(job, read_snapshot(connection))


def fail_search(work: UnitOfWork, clock: Clock, claimed: ClaimedJob, error: Exception) -> bool:
    """End a job whose search raised ``error``, with the kind of the error as its reason; False if it is another's now.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return fail_job(connection, claimed.job, f"the search ended with an error: {type(error).__name__}", clock())


def reap_jobs(work: UnitOfWork, clock: CheckedClock) -> int:
    """Requeue jobs of workers that ended; returns their number. A worker whose clock is wrong changes nothing.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        now = clock.compared_now("leases", connection)
        return 0 if now is None else requeue_expired(connection, now, now + LATEST_LEASE)


def store_schedule(work: UnitOfWork, clock: Clock, claimed: ClaimedJob, timetable: Timetable) -> bool:
    """Store the result on the board; if the board has changed since, queue the job again.

    Returns:
        whether it is on the board now.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        revision = lock_board(connection)
        snapshot = read_snapshot(connection)
        if revision != claimed.snapshot.revision or snapshot.problem() != claimed.snapshot.problem():
            requeue_job(connection, claimed.job)
            return False
        if not finish_job(connection, claimed.job, report_of(timetable), clock()):
            return False
        replace_board(connection, timetable.placements)
        return True


def return_job(work: UnitOfWork, claimed: ClaimedJob) -> None:
    """Return a job that this worker will not finish.

    Raises:
        Unavailable: the database is down; the lease then runs out by itself.
    """
    with work.transaction() as connection:
        requeue_job(connection, claimed.job)


def report_of(timetable: Timetable) -> Mapping[str, Any]:
    """The report of a search, as JSON."""
    return {
        "placed": len(timetable.placements),
        "unplaced": {name: [_reason(reason) for reason in reasons] for name, reasons in timetable.unplaced.items()},
        "impossible_wishes": list(timetable.impossible_preferences),
        "proofs": {name: _proof(proof) for name, proof in timetable.proofs.items()},
        "places": _stage(timetable.placed),
        "moves": {"published": timetable.moves.published, "made": timetable.moves.made, "least": timetable.moves.least},
        "wishes": _stage(timetable.preferences),
        "seconds": round(timetable.seconds, 3),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "slots": reason.slots}


def _proof(proof: Proof) -> dict[str, Any]:
    return {"argument": str(proof.argument), "others": list(proof.others)}


def _stage(stage: SearchStage) -> dict[str, float]:
    return {"value": stage.value, "bound": stage.bound, "gap": round(stage.gap, 6)}
