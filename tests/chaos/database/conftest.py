"""Systems whose database is broken: each on its own PostgreSQL, which waits for the disk."""

from pathlib import Path

import pytest

from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack


@pytest.fixture
def own_installation(own_postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Databases on a server that may be killed."""
    return make_installation(own_postgres, tmp_path)


@pytest.fixture
def own_embedded_stack(own_installation: TestInstallation, processes: ProcessGroup) -> Stack:
    """Everything, the bus too, in databases that may be killed; not started yet."""
    return Stack(processes, own_installation)


@pytest.fixture
def own_rabbit_stack(own_installation: TestInstallation, processes: ProcessGroup, rabbit: RabbitNode) -> Stack:
    """Everything on databases that may be killed, and a RabbitMQ that is well; not started yet."""
    return Stack(processes, own_installation, (rabbit.fresh_vhost(),))
