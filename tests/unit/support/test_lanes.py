"""How the tests are shared among workers, and what a run prints about it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.lanes import BEHIND, LONG, SHARED, WAITING, LanesPlugin, lane, niceness
from tests.support.processes import PROJECT


def report(nodeid: str, start: float, stop: float, worker: str | None) -> pytest.TestReport:
    """A worker's report about a test; None for a test of this process."""
    node: dict[str, Any] = {"node": SimpleNamespace(gateway=SimpleNamespace(id=worker))} if worker else {}
    return cast(pytest.TestReport, SimpleNamespace(nodeid=nodeid, start=start, stop=stop, **node))


@pytest.mark.parametrize("place", [*WAITING, *SHARED, *LONG])
def test_every_place_exists(place: str) -> None:
    """A renamed folder or file would be in no lane, or begin last."""
    assert list(PROJECT.glob(f"{place}*"))


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("tests/chaos/matrix/test_matrix.py::test_cells[embedded]", "proving"),
        ("tests/scenario/test_story.py::test_a_review", "proving"),
        ("tests/integration/system/test_production.py::test_it", "paced"),
        ("tests/integration/routes/test_costs.py::test_it", "routes"),
        ("tests/unit/support/test_lanes.py::test_it[a]", "tests/unit/support/test_lanes.py"),
    ],
)
def test_lane_of_a_test(nodeid: str, name: str) -> None:
    assert lane(nodeid) == name


def test_tests_that_wait_go_before_the_others() -> None:
    assert niceness("tests/integration/system/test_production.py::test_it") == 0
    assert niceness("tests/unit/support/test_lanes.py::test_it") == BEHIND


def test_summary_names_the_longest_lanes_and_the_end_of_each_worker() -> None:
    plugin = LanesPlugin()
    plugin.pytest_runtest_logreport(report("tests/scenario/test_story.py::test_a", 1000.0, 1030.0, "gw0"))
    plugin.pytest_runtest_logreport(report("tests/unit/test_a.py::test_a", 1001.0, 1002.0, "gw1"))
    plugin.pytest_runtest_logreport(report("tests/chaos/points/test_points.py::test_b", 1030.0, 1100.0, "gw0"))
    assert plugin.lines() == ["longest lanes: proving 100 s, tests/unit/test_a.py 1 s", "workers ended after 2, 100 s"]


def test_run_in_one_process_has_no_summary() -> None:
    plugin = LanesPlugin()
    plugin.pytest_runtest_logreport(report("tests/unit/test_a.py::test_a", 1001.0, 1002.0, None))
    assert plugin.lines() == []
