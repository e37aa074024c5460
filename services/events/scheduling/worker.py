"""The scheduling worker: takes requests for a new timetable one by one, searches, and stores the result on the board.

Any number may run. On a graceful shutdown (:mod:`shared.runtime.runner`) it ends its search at once and returns the
job; if it is killed, its lease runs out.
"""

import logging
import time

from services.events.scheduling.model import SearchLimits, StopSignal, Timetable
from services.events.scheduling.service import ClaimedJob, claim_job, fail_search, reap_jobs, return_job, store_schedule
from services.events.telemetry import (
    schedule_gap_ratio,
    schedule_proposals,
    schedule_solve_seconds,
    schedule_solves_total,
)
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.runner import Stop

log = logging.getLogger(__name__)

SECONDS = 10.0
IDLE_S = 0.5
RETRY_S = 2.0
CLEANUP_EVERY_S = 5.0


class ScheduleWorker:
    """One worker.

    Args:
        work: the unit of work on the database of events.
        clock: the process's clock, compared with the database's.
        seconds: a search may take.
    """

    def __init__(self, work: UnitOfWork, clock: CheckedClock, seconds: float = SECONDS) -> None:
        self._work = work
        self._clock = clock
        self._seconds = seconds
        self._cleaned_at_s = float("-inf")

    def run(self, stop: Stop) -> None:
        """Work until ``stop``."""
        halt = StopSignal()
        stop.then(halt.stop)
        while not stop:
            try:
                pause_s = 0.0 if self.run_once(halt) else IDLE_S
            except Unavailable as error:
                log.warning("scheduling waits", extra={"reason": error.reason})
                pause_s = RETRY_S
            stop.wait(pause_s)

    def run_once(self, halt: StopSignal | None = None) -> bool:
        """Do one job; False if there was none. Jobs of workers that ended are requeued first, every few seconds."""
        if time.monotonic() - self._cleaned_at_s >= CLEANUP_EVERY_S:
            self._cleaned_at_s = time.monotonic()
            reap_jobs(self._work, self._clock)
        claimed = claim_job(self._work, self._clock)
        if claimed is None:
            return False
        reach("solve.claimed")
        # with the first job: the solver takes 60 MB, and on most days no one asks for a timetable
        from services.events.scheduling.solver import solve

        began = time.monotonic()
        try:
            timetable = solve(claimed.snapshot.problem(), SearchLimits(self._seconds, claimed.job.seed), halt)
        except Exception as error:  # the boundary of one job: the same seed ends the same way when it is tried again
            log.exception("a search for a timetable has failed", extra={"job": claimed.job.id})
            fail_search(self._work, self._clock, claimed, error)
            schedule_solves_total.labels("failed").inc()
            return True
        reach("solve.searched")
        outcome = self._store_outcome(claimed, timetable)
        reach("solve.stored")
        schedule_solve_seconds.observe(time.monotonic() - began)
        schedule_solves_total.labels(outcome).inc()
        log.info("timetable made", extra={"outcome": outcome, "placed": len(timetable.placements)})
        return True

    def _store_outcome(self, claimed: ClaimedJob, timetable: Timetable) -> str:
        if not timetable.finished:
            return_job(self._work, claimed)
            return "returned"
        if not store_schedule(self._work, self._clock, claimed, timetable):
            return "overtaken"
        schedule_proposals.labels("placed").set(len(timetable.placements))
        schedule_proposals.labels("unplaced").set(len(timetable.unplaced))
        schedule_gap_ratio.labels("places").set(timetable.placed.gap)
        schedule_gap_ratio.labels("moves").set(timetable.moves.gap)
        schedule_gap_ratio.labels("wishes").set(timetable.preferences.gap)
        return "done"
