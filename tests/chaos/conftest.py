"""Whole systems to be broken, on each bus."""

from pathlib import Path

import pytest

from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack


@pytest.fixture
def rabbit_stack(own_rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> Stack:
    """Everything on a RabbitMQ of its own; not started yet."""
    return Stack(processes, make_installation(postgres, tmp_path), (own_rabbit.amqp_url(),))


@pytest.fixture
def embedded_stack(postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> Stack:
    """Everything on the embedded bus; not started yet."""
    return Stack(processes, make_installation(postgres, tmp_path))


@pytest.fixture(params=["embedded", "rabbitmq"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Both, one after the other."""
    name = "embedded_stack" if request.param == "embedded" else "rabbit_stack"
    made: Stack = request.getfixturevalue(name)
    return made
