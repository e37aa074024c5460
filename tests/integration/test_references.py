"""The references of the intake's benchmarks accept submissions, so that `make bench` works."""

from pathlib import Path

import pytest
import requests

from tests.benchmarks.implementations import ACCEPTS, FLOORS, Implementation, start
from tests.benchmarks.intake_adapter import ACCEPTED, PATH
from tests.support.clients import answers, rows
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup


@pytest.mark.parametrize("way", [*FLOORS, ACCEPTS], ids=lambda way: way.name)
def test_reference_takes_a_submission(
    way: Implementation, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    run = start(processes, make_installation(postgres, tmp_path), way)
    answer = requests.post(run.web.url + PATH, json=answers(1), timeout=10)
    assert answer.status_code == ACCEPTED, answer.text
    if way.floor:
        stored = rows(run.installation.urls["registration"], "SELECT name, email, consent FROM floor")
        assert stored == [("Participant 1", "participant-1@example.org", True)]
