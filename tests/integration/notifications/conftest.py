"""A fresh database of the notifications service, with keys and a frozen clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.notifications.wiring import MIGRATIONS
from shared.store.engine import open_engine
from shared.store.migrate import migrate
from tests.integration.notifications.desk import open_desk
from tests.integration.notifications.office import Office, make_office
from tests.support.clock import FrozenClock
from tests.support.postgres import PostgresServer


@pytest.fixture
def office(postgres: PostgresServer, clock: FrozenClock) -> Iterator[Office]:
    """The service with an empty database."""
    template = postgres.make_template("template_notifications", _prepare)
    engine = open_engine(postgres.fresh_database(template), pool_timeout_s=5.0)
    yield make_office(engine, clock)
    engine.dispose()


@pytest.fixture
def client(office: Office, tmp_path: Path) -> FlaskClient:
    """The service's web application on the office's database."""
    return open_desk(office, tmp_path)


def _prepare(url: str) -> None:
    engine = open_engine(url, statement_timeout_ms=0)
    migrate(engine, MIGRATIONS)
    engine.dispose()
