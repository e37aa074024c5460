"""The world on each bus."""

from pathlib import Path

import pytest

from tests.scenario.world import World
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup


@pytest.fixture(params=["embedded", "rabbitmq"])
def world(request: pytest.FixtureRequest, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> World:
    """Not started yet."""
    urls = (request.getfixturevalue("own_rabbit").amqp_url(),) if request.param == "rabbitmq" else ()
    return World(processes, make_installation(postgres, tmp_path), urls)
