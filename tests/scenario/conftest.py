"""The scenario system on each bus."""

from pathlib import Path

import pytest

from tests.scenario.scenario_system import ScenarioSystem
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup


@pytest.fixture(params=["embedded", "rabbitmq"])
def system(
    request: pytest.FixtureRequest, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> ScenarioSystem:
    """Not started yet."""
    urls = (request.getfixturevalue("own_rabbit").amqp_url(),) if request.param == "rabbitmq" else ()
    return ScenarioSystem(processes, make_installation(postgres, tmp_path), urls)
