"""The list of buses: a test that asks for ``bus`` runs on each, with the same result."""

from collections.abc import Callable

import pytest

from tests.contract.buses import Bus, bare_rabbitmq, embedded_bus, limited_rabbitmq
from tests.support.postgres import PostgresServer
from tests.support.rabbitmq import RabbitNode

BUSES = ("embedded", "rabbitmq", "rabbitmq-with-limits")


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest, postgres: PostgresServer, rabbit: RabbitNode) -> Bus:
    """Each bus, empty."""
    return _make(request.param, postgres, rabbit)


@pytest.fixture(params=[name for name in BUSES if name != "rabbitmq"])
def limited_bus(request: pytest.FixtureRequest, postgres: PostgresServer, rabbit: RabbitNode) -> Bus:
    """Each bus that gives up on a message which kills its consumers, empty: enough where its limits change nothing."""
    return _make(request.param, postgres, rabbit)


def _make(name: str, postgres: PostgresServer, rabbit: RabbitNode) -> Bus:
    makers: dict[str, Callable[[], Bus]] = {
        "embedded": lambda: embedded_bus(postgres),
        "rabbitmq": lambda: bare_rabbitmq(rabbit),
        "rabbitmq-with-limits": lambda: limited_rabbitmq(rabbit),
    }
    return makers[name]()
