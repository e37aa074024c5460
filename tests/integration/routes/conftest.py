"""One installation for all tests of routes: they only read, or change what no other test reads."""

from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.integration.routes.asked import path_of
from tests.integration.routes.every import Route, every_route
from tests.integration.routes.house import WHOLE, House, open_house
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def house(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With someone registered in it."""
    with open_house(postgres, tmp_path_factory.mktemp("house")) as opened:
        postgres.keep_databases()
        yield opened


@pytest.fixture(scope="session")
def routes() -> list[Route]:
    """Every route of the three applications."""
    return every_route()


@pytest.fixture(scope="session")
def answered(house: House, routes: list[Route]) -> list[tuple[Route, str, TestResponse]]:
    """What every route answers to someone with every role, and to no one in particular."""
    return [
        (route, key, house.ask(route.service, route.method, path_of(house, route), key=key))
        for route in routes
        for key in (WHOLE, "")
    ]
