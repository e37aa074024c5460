"""One installation for all tests of routes: they only read, or change what no other test reads."""

from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.integration.routes.every_route import Route, every_route
from tests.integration.routes.services_under_test import WHOLE, ServicesUnderTest, open_services
from tests.integration.routes.valid_requests import path_of
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def services(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServicesUnderTest]:
    """With someone registered in it."""
    with open_services(postgres, tmp_path_factory.mktemp("services")) as opened:
        postgres.keep_databases()
        yield opened


@pytest.fixture(scope="session")
def routes() -> list[Route]:
    """Every route of the three applications."""
    return every_route()


@pytest.fixture(scope="session")
def answered(services: ServicesUnderTest, routes: list[Route]) -> list[tuple[Route, str, TestResponse]]:
    """What every route answers to someone with every role, and to no one in particular."""
    return [
        (route, key, services.ask(route.service, route.method, path_of(services, route), key=key))
        for route in routes
        for key in (WHOLE, "")
    ]
