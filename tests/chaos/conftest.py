"""Whole systems on each bus, for tests that break them."""

from pathlib import Path

import pytest

from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack

IN_EVERY_RUN = ("test_points.py", "test_matrix.py", "test_many_waiting.py")
"""The files with a short variant, which `make test` runs."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test` leaves out what needs minutes; a file that the command line names is run."""
    left_out = collection_path.name.startswith("test_") and collection_path.name not in IN_EVERY_RUN
    return True if left_out and config.getoption("chaos") != "full" else None


@pytest.fixture
def rabbit_stack(own_rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> Stack:
    """Everything on a separate RabbitMQ; not started yet."""
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
