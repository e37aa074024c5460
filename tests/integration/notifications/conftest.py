"""A fresh database of the notifications service, with keys, a frozen clock, and partners with webhooks."""

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
from tests.integration.notifications.notification_service import NotificationService, make_notification_service
from tests.integration.notifications.webhooks import Partners, added
from tests.support.clock import FrozenClock, agreeing
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import PostgresServer


@pytest.fixture
def notifications(postgres: PostgresServer, clock: FrozenClock) -> Iterator[NotificationService]:
    """The service with an empty database."""
    url = FreshDatabases(postgres)["notifications"]
    engine = open_engine(url, pool_timeout_s=5.0)
    logins = {
        process: open_engine(postgres.url(database_of(url), login("notifications", process)), pool_timeout_s=5.0)
        for process in (*(role for owner, role in PROCESSES if owner == "notifications"), "operator")
    }
    yield make_notification_service(engine, clock, logins)
    for opened in (engine, *logins.values()):
        opened.dispose()


@pytest.fixture
def client(notifications: NotificationService, tmp_path: Path) -> FlaskClient:
    """The service's web application on the same database."""
    return open_desk(notifications, tmp_path)


@pytest.fixture
def partners() -> Partners:
    """Who is called."""
    return Partners()


@pytest.fixture
def tools(notifications: NotificationService, partners: Partners) -> DeliveryContext:
    """A deliverer's."""
    work = notifications.work_of("deliver")
    return DeliveryContext(work, agreeing(notifications.clock, work), notifications.vault, partners)


@pytest.fixture
def webhook(client: FlaskClient) -> dict[str, Any]:
    """An address of the partner, with its secret."""
    return added(client)
