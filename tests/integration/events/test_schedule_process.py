"""The real ``solve``: takes requests and what a killed one left behind, and drains on SIGTERM."""

from datetime import timedelta

import pytest

from services.events.scheduling.service import LEASE, claim_job, request_schedule, show_job
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import system_clock
from tests.integration.events.side_events import Desk
from tests.support.clock import FrozenClock
from tests.support.processes import ProcessGroup
from tests.support.waiting import poll_until


@pytest.mark.parametrize("left_behind", [False, True])
def test_worker_makes_the_timetable_and_drains(
    desk: Desk, work: UnitOfWork, environment: dict[str, str], processes: ProcessGroup, left_behind: bool
) -> None:
    proposal = desk.accepted("One", speakers="A proposer")
    job_id = request_schedule(work, system_clock, "a coordinator")
    if left_behind:
        long_ago = FrozenClock(system_clock() - LEASE - timedelta(seconds=5))
        assert claim_job(work, long_ago) is not None
    worker = processes.start(f"solver-{left_behind}", "services.events solve", env=environment)
    poll_until(lambda: show_job(work, job_id).status == "done", 30.0, what="the job is done")
    assert worker.terminate() == 0
    assert show_job(work, job_id).fence == (2 if left_behind else 1)
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [proposal]
    assert "A proposer" not in worker.log_text()
