"""One cluster for all faults of a module."""

from collections.abc import Iterator

import pytest

from tests.support.rabbit_cluster import RabbitCluster
from tests.support.run_folder import RunFolder


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
    """The same for one test, which takes a fresh vhost; all three are repaired for the next."""
    yield three_nodes
    three_nodes.mend()
