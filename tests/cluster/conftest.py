"""One cluster for all tests: it takes a minute or two to start."""

from collections.abc import Iterator

import pytest

from tests.cluster.installation import Cluster
from tests.support.run_folder import RunFolder


@pytest.fixture(scope="session")
def cluster(run_folder: RunFolder) -> Iterator[Cluster]:
    """A running one."""
    made = Cluster(run_folder)
    try:
        made.start()
        yield made
    finally:
        made.remove()
