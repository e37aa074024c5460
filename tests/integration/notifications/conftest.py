"""A fresh database of the notifications service, with keys and a frozen clock, and partners who are called."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from deploy.shape import PROCESSES
from services.notifications.webhooks.deliverer import DeliveryContext
from shared.db.engine import open_engine
from shared.db.roles import login
from tests.integration.notifications.desk import open_desk
from tests.integration.notifications.office import Office, make_office
from tests.integration.notifications.webhooks import Partners, added
from tests.support.clock import FrozenClock, agreeing
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import PostgresServer


@pytest.fixture
def office(postgres: PostgresServer, clock: FrozenClock) -> Iterator[Office]:
    """The service with an empty database."""
    url = FreshDatabases(postgres)["notifications"]
    engine = open_engine(url, pool_timeout_s=5.0)
    logins = {
        process: open_engine(postgres.url(database_of(url), login("notifications", process)), pool_timeout_s=5.0)
        for process in (*(role for service, role in PROCESSES if service == "notifications"), "operator")
    }
    yield make_office(engine, clock, logins)
    for opened in (engine, *logins.values()):
        opened.dispose()


@pytest.fixture
def client(office: Office, tmp_path: Path) -> FlaskClient:
    """The service's web application on the office's database."""
    return open_desk(office, tmp_path)


@pytest.fixture
def partners() -> Partners:
    """Who is called."""
    return Partners()


@pytest.fixture
def tools(office: Office, partners: Partners) -> DeliveryContext:
    """A deliverer's."""
    work = office.work_of("deliver")
    return DeliveryContext(work, agreeing(office.clock, work), office.vault, partners)


@pytest.fixture
def webhook(client: FlaskClient) -> dict[str, Any]:
    """An address of the partner, with its secret."""
    return added(client)
