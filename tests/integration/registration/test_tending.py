"""The real ``tend``: scheduled work runs without a key and a broker, and not with a wrong clock."""

from pathlib import Path

import pytest
import requests

from tests.support.clients import answers, rows
from tests.support.clock import ALONE, OFFSET_FILE
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup
from tests.support.registration_service import RegistrationService
from tests.support.waiting import poll_until

OVERDUE = "UPDATE candidate SET received_at = received_at - interval '15 days'"
SEATS = "SELECT form, confirmed, waiting, offered FROM seat ORDER BY form"
PROMOTIONS = "SELECT count(*) FROM promotion"
REFUSED = 'troika_final_work_refused_total{service="registration",work="promotion"}'


@pytest.fixture
def overdue(service: RegistrationService) -> TestInstallation:
    """Someone who has not confirmed in time."""
    service.submit(answers(1))
    service.decide()
    rows(service.url, OVERDUE)
    assert waiting(service.installation) == 1
    return service.installation


def waiting(installation: TestInstallation) -> int:
    """How many candidates there are."""
    return int(rows(installation.urls["registration"], "SELECT count(*) FROM candidate")[0][0])


def test_overdue_candidate_goes_and_the_process_shuts_down_in_order(
    overdue: TestInstallation, processes: ProcessGroup
) -> None:
    tend = processes.start("tend", "services.registration tend", env=overdue.environment("registration", "tend"))
    poll_until(lambda: waiting(overdue) == 0, 20, what="the candidate is deleted")
    assert tend.terminate() == 0


@pytest.mark.parametrize("by_s", [400 * 86_400, -400 * 86_400])
def test_process_with_a_wrong_clock_does_nothing_and_is_not_ready(
    overdue: TestInstallation, processes: ProcessGroup, tmp_path: Path, by_s: int
) -> None:
    offset, port = tmp_path / "tend.clock", free_port()
    offset.write_text(str(by_s))
    wrong = {OFFSET_FILE: str(offset), ALONE: "1", "TROIKA_METRICS_PORT": str(port)}
    environment = overdue.environment("registration", "tend") | wrong
    tend = processes.start("tend", "tests.support.shifted_clock registration tend", env=environment)
    address = f"http://127.0.0.1:{port}"
    tend.wait_ready(f"{address}/livez")
    poll_until(lambda: REFUSED in requests.get(f"{address}/metrics", timeout=5).text, 20, what="a tick is refused")
    answer = requests.get(f"{address}/readyz", timeout=5)
    assert (answer.status_code, "clock: " in answer.text) == (503, True)
    assert waiting(overdue) == 1
    offset.write_text("0")
    poll_until(lambda: waiting(overdue) == 0, 20, what="the candidate is deleted by a right clock")


def test_form_with_wrong_counts_does_not_block_the_others(
    overdue: TestInstallation, service: RegistrationService
) -> None:
    """One person more is counted than waits: the counts stay for the audit to find, and cleanup continues."""
    url = overdue.urls["registration"]
    rows(url, "UPDATE seat SET waiting = waiting + 1")
    before = rows(url, SEATS)
    service.tend()
    assert (rows(url, SEATS), rows(url, PROMOTIONS), waiting(overdue)) == (before, [(0,)], 0)
