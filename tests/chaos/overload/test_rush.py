"""A conference's rush on one form, at three times its usual size."""

from pathlib import Path

import pytest

from tests.chaos.overload.requests import person
from tests.chaos.overload.throttled_service import assert_answers_true, let_in_at_last, report, start_site
from tests.support.installation import make_installation
from tests.support.open_loop import fire
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.schedules import rush

FOLDS = 3


@pytest.mark.timeout(300)
def test_threefold_rush_is_served(postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> None:
    """2,910 people in 17 seconds, 402 of them in the first: whom the machine has no time for comes again."""
    site = start_site(processes, make_installation(postgres, tmp_path))
    load = fire(site.url, rush(FOLDS), person)
    print(report("rush", load))
    loads = let_in_at_last(site, load, 20)
    assert_answers_true(site, *loads)
    assert len(site.stored()) == len(load.shots)
