"""One cluster for all tests: it takes one or two minutes to start."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.installation import Cluster
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the upgrade unless the version to upgrade from is named."""
    return True if collection_path.name == "test_upgrade.py" and not config.getoption("from") else None


@pytest.fixture(scope="session")
def cluster(run_folder: RunFolder, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A running cluster, whose hosts run this tree or the tree of ``--from``."""
    version = pytestconfig.getoption("from")
    made = Cluster(run_folder, _checkout(version, run_folder.part("from")) if version else PROJECT)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def _checkout(version: str, folder: Path) -> Path:
    """The tree of a tag in ``folder``."""
    packed = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "-o", str(packed), version], cwd=PROJECT, check=True)
    subprocess.run(["tar", "-xf", str(packed), "-C", str(folder)], check=True)
    return folder
