"""What the intake is measured against takes registrations, so that `make bench` is not found broken on the day."""

from pathlib import Path

import pytest
import requests

from tests.benchmarks.intake import WAYS, start
from tests.support.clients import SUBMISSIONS, answers
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup


@pytest.mark.parametrize("way", WAYS)
def test_reference_takes_a_registration(
    way: str, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    web = start(processes, make_installation(postgres, tmp_path), way, WAYS[way])
    answer = requests.post(web.url + SUBMISSIONS, json=answers(1), timeout=10)
    assert answer.status_code == 201, answer.text
