"""Backup, restore and drill with the real pgBackRest, as an operator types them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.recovery.backed_up import BackedUpCluster
from tests.support.run_folder import RunFolder


@pytest.fixture(scope="module")
def cluster(run_folder: RunFolder) -> Iterator[BackedUpCluster]:
    made = BackedUpCluster(run_folder)
    made.make()
    made.configure()
    yield made
    made.remove()


def test_backup_restore(cluster: BackedUpCluster) -> None:
    began = datetime.now(UTC)
    print(cluster.troika("backup", "run"))
    print(cluster.troika("backup", "run"))
    print(cluster.troika("backup", "list"))
    print(cluster.troika("backup", "check"))
    print(cluster.troika("restore", "--replace", code=1))
    cluster.stop()
    print(cluster.troika("restore", code=1))
    print(cluster.troika("restore", "--replace"))
    cluster.start()
    print(cluster.execute("events", "SELECT * FROM quarantine"), began)
