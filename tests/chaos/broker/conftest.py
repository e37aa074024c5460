"""A cluster for all faults of a module, and which faults a run is for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.broker.faults import FAULTS, LEADER_KILLED
from tests.support.rabbit_cluster import RabbitCluster
from tests.support.run_folder import RunFolder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What takes minutes and has no short variant is for `make chaos`."""
    return True if collection_path.name == "test_thawed.py" and config.getoption("chaos") != "full" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every fault in `make chaos`; the one that happens most in `make test`."""
    if "fault" in metafunc.fixturenames:
        faults = FAULTS if metafunc.config.getoption("chaos") == "full" else (LEADER_KILLED,)
        metafunc.parametrize("fault", faults, ids=[fault.name for fault in faults])


@pytest.fixture(scope="module")
def three_nodes(run_folder: RunFolder) -> Iterator[RabbitCluster]:
    """Three nodes with Khepri."""
    three = RabbitCluster(run_folder)
    three.start()
    yield three
    three.remove()


@pytest.fixture(scope="module")
def confirmed() -> list[int]:
    """How many messages were confirmed, fault by fault, none of them lost or doubled."""
    return []


@pytest.fixture
def cluster(three_nodes: RabbitCluster) -> Iterator[RabbitCluster]:
    """The same for one test, which takes a vhost of its own; all three are well again for the next."""
    yield three_nodes
    three_nodes.mend()
