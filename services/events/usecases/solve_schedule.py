"""The queue of wishes for a new timetable: ask, claim, store what came of it.

The search itself runs between two transactions and in neither. Whoever dies meanwhile loses the lease, and the job is
taken again; whoever comes too late finds the fence moved and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.events.scheduling.problem import Proof, Reason, Stage, Timetable
from services.events.store import schedule_board, schedule_jobs
from services.events.store.schedule_jobs import Job
from services.events.usecases.schedule_snapshot import Snapshot, read_snapshot
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork

LEASE = timedelta(seconds=60)
"""Longer than a search with all around it."""

MOST_TRIES = 3
"""A job whose worker died so often, or whose board was changed so often meanwhile, is given up."""

SEED = 1


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that is ours, with what it is to solve."""

    job: Job
    snapshot: Snapshot


def ask_for_schedule(work: UnitOfWork, clock: Clock, by: str) -> str:
    """Queue a job; returns its id.

    Raises:
        Unavailable: the database is away.
    """
    job_id = new_id()
    with work.transaction() as connection:
        schedule_jobs.add(connection, job_id, by, SEED, clock())
    return job_id


def show_job(work: UnitOfWork, job_id: str) -> Job:
    """One job.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        job = schedule_jobs.find(connection, job_id)
    if job is None:
        raise DomainError("not-found", "there is no such job")
    return job


def claim_job(work: UnitOfWork, clock: Clock) -> Claimed | None:
    """Take the next job; None if there is none. One that was tried too often fails instead.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        now = clock()
        job = schedule_jobs.claim(connection, now, now + LEASE)
        if job is None:
            return None
        if job.fence > MOST_TRIES:
            schedule_jobs.give_up(connection, job, "was tried too often without coming to an end", now)
            return None
        return Claimed(job, read_snapshot(connection))


def store_schedule(work: UnitOfWork, clock: Clock, claimed: Claimed, made: Timetable) -> bool:
    """Put what was found on the board, unless the board was changed meanwhile: then the job is queued again.

    Returns:
        whether it is on the board now.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        revision = schedule_board.lock(connection)
        snapshot = read_snapshot(connection)
        if revision != claimed.snapshot.revision or snapshot.problem() != claimed.snapshot.problem():
            schedule_jobs.give_back(connection, claimed.job)
            return False
        if not schedule_jobs.finish(connection, claimed.job, report_of(made), clock()):
            return False
        schedule_board.replace_all(connection, made.placements)
        return True


def return_job(work: UnitOfWork, claimed: Claimed) -> None:
    """Give a job back that will not be finished here.

    Raises:
        Unavailable: the database is away; the lease then runs out by itself.
    """
    with work.transaction() as connection:
        schedule_jobs.give_back(connection, claimed.job)


def report_of(made: Timetable) -> Mapping[str, Any]:
    """What is kept of a search, as JSON."""
    return {
        "placed": len(made.placements),
        "unplaced": {name: [_reason(reason) for reason in reasons] for name, reasons in made.unplaced.items()},
        "impossible_wishes": list(made.impossible_wishes),
        "proofs": {name: _proof(proof) for name, proof in made.proofs.items()},
        "places": _stage(made.placed),
        "moves": {"published": made.moves.published, "made": made.moves.made, "least": made.moves.least},
        "wishes": _stage(made.wishes),
        "seconds": round(made.seconds, 3),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "slots": reason.slots}


def _proof(proof: Proof) -> dict[str, Any]:
    return {"argument": str(proof.argument), "others": list(proof.others)}


def _stage(stage: Stage) -> dict[str, float]:
    return {"value": stage.value, "bound": stage.bound, "gap": round(stage.gap, 6)}
