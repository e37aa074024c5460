"""A rolling upgrade: hosts that run an earlier version are restarted one after the other onto this tree."""

import pytest

from deploy.shape import SERVICES
from tests.cluster.installation import Cluster
from tests.cluster.proof import under_load
from tests.support.processes import PROJECT

pytestmark = pytest.mark.timeout(900)


def test_rolling_upgrade(cluster: Cluster, pytestconfig: pytest.Config) -> None:
    """Migrations and the broker's definitions first, while the earlier version runs; no request fails."""
    version = pytestconfig.getoption("from")
    assert all(host.project != PROJECT for host in cluster.hosts)
    with under_load(cluster, f"rolling upgrade from {version}") as trouble:
        for service in SERVICES:
            cluster.migrate(service, PROJECT)
        cluster.load_definitions()
        for host in cluster.hosts:
            cluster.restart(host, PROJECT)
            trouble.last(3.0)
    assert dict(trouble.visitors.errors()) == {}
