"""The real ``tend``: what is due by time happens without a key and without a broker, and not by a wrong clock."""

from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from tests.integration.registration.test_places import register, said, states
from tests.support.clients import rows
from tests.support.clock import ALONE, OFFSET_FILE
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup
from tests.support.waiting import poll_until

OVERDUE = "UPDATE registration SET expires_at = now() - interval '1 minute', hold_until = NULL"
REFUSED = 'troika_final_work_refused_total{service="registration",work="tending"}'


@pytest.fixture
def overdue(client: FlaskClient, installation: TestInstallation) -> TestInstallation:
    """Somebody who did not confirm their address in time."""
    rows(installation.urls["registration"], "UPDATE form SET verification = 'email'")
    register(client, 1)
    rows(installation.urls["registration"], OVERDUE)
    return installation


def test_overdue_registration_expires_and_the_process_drains(
    overdue: TestInstallation, processes: ProcessGroup
) -> None:
    tend = processes.start("tend", "services.registration tend", env=overdue.environment("registration", "tend"))
    poll_until(lambda: states(overdue) == {1: ("expired", None)}, 20, what="the registration has expired")
    assert said(overdue)[-1] == ("expired", "expired")
    assert tend.terminate() == 0


@pytest.mark.parametrize("by_s", [400 * 86_400, -400 * 86_400])
def test_process_with_a_wrong_clock_does_nothing_and_is_not_ready(
    overdue: TestInstallation, processes: ProcessGroup, tmp_path: Path, by_s: int
) -> None:
    offset, port = tmp_path / "tend.clock", free_port()
    offset.write_text(str(by_s))
    wrong = {OFFSET_FILE: str(offset), ALONE: "1", "TROIKA_METRICS_PORT": str(port)}
    environment = overdue.environment("registration", "tend") | wrong
    tend = processes.start("tend", "tests.support.moved registration tend", env=environment)
    address = f"http://127.0.0.1:{port}"
    tend.wait_ready(f"{address}/livez")
    poll_until(lambda: REFUSED in requests.get(f"{address}/metrics", timeout=5).text, 20, what="a turn is refused")
    answer = requests.get(f"{address}/readyz", timeout=5)
    assert (answer.status_code, "clock: " in answer.text) == (503, True)
    assert states(overdue) == {1: ("unverified", None)}
    offset.write_text("0")
    poll_until(lambda: states(overdue) == {1: ("expired", None)}, 20, what="the registration expires by a right clock")
