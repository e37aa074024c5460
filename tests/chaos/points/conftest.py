"""Systems with fail points, on each bus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.points.driver import Driver
from tests.chaos.points.work import work_for
from tests.support.fail_points import POINTS
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.proof import Proof
from tests.support.rabbitmq import RabbitNode
from tests.support.rig import Rig
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def covered() -> Iterator[set[str]]:
    """Points at which something has happened, on either bus; printed at the end."""
    points: set[str] = set()
    yield points
    print(f"\nfail points: {len(points)} of {len(POINTS)} covered")


@pytest.fixture
def driver(
    request: pytest.FixtureRequest, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> Iterator[Driver]:
    """A started system on the bus that the test is parametrised with; some messages are retried in any case."""
    urls: tuple[str, ...] = ()
    if request.param == "rabbitmq":
        rabbit: RabbitNode = request.getfixturevalue("rabbit")
        urls = (rabbit.fresh_vhost(),)
    rig = Rig(Stack(processes, make_installation(postgres, tmp_path), urls), tmp_path, ("troubled",))
    rig.start()
    proof = Proof(rig.stack)
    with work_for(rig.stack) as work:
        yield Driver(rig, proof, work)
    proof.close()
