"""A private system on each bus, with servers that may be killed."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.chaos.points.table import APART, Bus, all_cells
from tests.chaos.volume.storm import Storm
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.rig import Rig
from tests.support.stack import Stack


@pytest.fixture
def people(pytestconfig: pytest.Config) -> int | None:
    """How many people the command line asks for."""
    asked: int | None = pytestconfig.getoption("chaos_people")
    return asked


@pytest.fixture
def ledger(pytestconfig: pytest.Config) -> Path | None:
    """Where the command line wants a line to be added."""
    asked: Path | None = pytestconfig.getoption("chaos_ledger")
    return asked


@pytest.fixture
def storm(
    request: pytest.FixtureRequest,
    own_postgres: PostgresServer,
    processes: ProcessGroup,
    tmp_path: Path,
    chaos_seed: int,
    pytestconfig: pytest.Config,
) -> Iterator[Storm]:
    """A started system on the bus that the test is parametrised with, to which nothing has happened yet."""
    bus: Bus = request.param
    rabbit: RabbitNode | None = request.getfixturevalue("own_rabbit") if bus == "rabbitmq" else None
    urls = (rabbit.fresh_vhost(),) if rabbit is not None else ()
    rig = Rig(Stack(processes, make_installation(own_postgres, tmp_path), urls), tmp_path)
    rig.start()
    cells = [cell for cell in all_cells() if cell.bus == bus and cell.program not in APART]
    made = Storm(rig, own_postgres, rabbit, cells, Random(f"{chaos_seed}/{bus}"), pytestconfig.getoption("chaos_calm"))
    yield made
    made.end()
