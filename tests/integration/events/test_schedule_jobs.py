"""One worker at a time makes a timetable, and a dead or late one does not change the board."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.events.scheduling.model import SearchLimits, StopSignal
from services.events.scheduling.service import (
    LEASE,
    MAX_ATTEMPTS,
    claim_job,
    reap_jobs,
    request_schedule,
    show_job,
    store_schedule,
)
from services.events.scheduling.worker import ScheduleWorker
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.side_events import Desk
from tests.support.clock import FrozenClock, agreeing, wrong
from tests.support.timetable_instances import solve

NOON = "2020-05-06-1300"


def test_job_of_a_dead_worker_is_taken_again_and_the_dead_one_changes_nothing(
    desk: Desk, work: UnitOfWork, clock: FrozenClock
) -> None:
    desk.accepted("One")
    job_id = request_schedule(work, clock, "a coordinator")
    first = claim_job(work, clock)
    assert first is not None
    assert claim_job(work, clock) is None
    clock.advance(LEASE + timedelta(seconds=1))
    assert reap_jobs(work, agreeing(clock, work)) == 1
    second = claim_job(work, clock)
    assert second is not None
    assert (second.job.id, second.job.fence) == (job_id, 2)
    made = solve(second.snapshot.problem(), SearchLimits(2.0))
    assert not store_schedule(work, clock, first, replace(made, placements=()))
    assert show_job(work, job_id).status == "running"
    assert store_schedule(work, clock, second, made)
    assert (show_job(work, job_id).status, len(desk.board().get_json()["placements"])) == ("done", 1)


def test_job_that_kills_its_workers_is_given_up(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    job_id = request_schedule(work, clock, "a coordinator")
    for _ in range(MAX_ATTEMPTS):
        assert claim_job(work, clock) is not None
        clock.advance(LEASE + timedelta(seconds=1))
        assert reap_jobs(work, agreeing(clock, work)) == 1
    assert claim_job(work, clock) is None
    assert (show_job(work, job_id).status, show_job(work, job_id).reason != "") == ("failed", True)


class BrokenSignal(StopSignal):
    """Makes every search raise."""

    def __bool__(self) -> bool:
        raise KeyError("a proposal")


def test_job_whose_search_fails_ends_with_the_cause(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    desk.accepted("One")
    job_id = request_schedule(work, clock, "a coordinator")
    assert ScheduleWorker(work, agreeing(clock, work)).run_once(BrokenSignal())
    job = show_job(work, job_id)
    assert (job.status, job.reason) == ("failed", "the search ended with an error: KeyError")


@pytest.mark.parametrize("ahead", [timedelta(days=30), timedelta(days=-30)], ids=["ahead", "behind"])
def test_job_claimed_by_a_wrong_clock_is_taken_over(
    desk: Desk, work: UnitOfWork, clock: FrozenClock, ahead: timedelta
) -> None:
    desk.accepted("One")
    job_id = request_schedule(work, clock, "a coordinator")
    assert claim_job(work, wrong(clock, work, ahead)) is not None
    assert ScheduleWorker(work, agreeing(clock, work), 2.0).run_once()
    assert (show_job(work, job_id).status, show_job(work, job_id).fence) == ("done", 2)


@pytest.mark.parametrize("ahead", [timedelta(days=30), timedelta(days=-30)], ids=["ahead", "behind"])
def test_worker_with_a_wrong_clock_takes_no_job_of_another(
    desk: Desk, work: UnitOfWork, clock: FrozenClock, ahead: timedelta
) -> None:
    job_id = request_schedule(work, clock, "a coordinator")
    assert claim_job(work, clock) is not None
    assert not ScheduleWorker(work, wrong(clock, work, ahead), 2.0).run_once()
    assert (show_job(work, job_id).status, show_job(work, job_id).fence) == ("running", 1)


def test_concurrently_changed_board_is_not_overwritten(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    proposal = desk.accepted("One")
    job_id = request_schedule(work, clock, "a coordinator")
    claimed = claim_job(work, clock)
    assert claimed is not None
    made = solve(claimed.snapshot.problem(), SearchLimits(2.0))
    desk.put(proposal, "small-salon", NOON)
    assert not store_schedule(work, clock, claimed, made)
    assert show_job(work, job_id).status == "queued"
    assert desk.board().get_json()["placements"][0]["room"] == "small-salon"


def test_stopping_worker_gives_its_job_back(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    desk.accepted("One")
    job_id = request_schedule(work, clock, "a coordinator")
    halt = StopSignal()
    halt.stop()
    assert ScheduleWorker(work, agreeing(clock, work), 2.0).run_once(halt)
    assert (show_job(work, job_id).status, desk.board().get_json()["placements"]) == ("queued", [])
