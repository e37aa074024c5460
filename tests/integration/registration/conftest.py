"""The registration service on a real PostgreSQL: its application in this process, or its processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from deploy.local.installation import SAMPLE
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.web import load_folder, load_webinar

EVENT = """
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, ends_at, time_zone, status, mode)
    VALUES (%s, 1, %s, jsonb_build_object('en', %s::text), '{}', %s, %s, 'Europe/Zurich', 'confirmed', 'in_person')
"""
GROUP = (
    "INSERT INTO working_group_copy (id, revision, title) VALUES ('housing', 1, jsonb_build_object('en', 'Housing'))"
)


@pytest.fixture(scope="session")
def with_webinar(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """A webinar of 100 seats, for which addresses are confirmed by mail: to be copied."""
    made = make_installation(postgres, tmp_path_factory.mktemp("webinar"))
    load_webinar(made, capacity=100)
    made.urls.keep()
    return made


@pytest.fixture(scope="session")
def with_all_forms(with_webinar: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """All forms of the sample, with their events and a working group, and no message waiting: to be copied."""
    installation = with_webinar.copy(tmp_path_factory.mktemp("all-forms"))
    load_folder(installation, SAMPLE)
    url, now = installation.urls["registration"], datetime.now(UTC)
    rows(url, EVENT, "upr-review", "review", "The review", now + timedelta(days=70), now + timedelta(days=71))
    rows(url, EVENT, "review-press-conference", "press_conference", "Press", now + timedelta(days=70), None)
    rows(url, EVENT, "council-session-43", "council_session", "Session", now - timedelta(3), now + timedelta(20))
    rows(url, GROUP)
    rows(url, "DELETE FROM outbox")  # the messages of the forms
    installation.urls.keep()
    return installation


@pytest.fixture
def installation(with_webinar: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test: with the webinar, and no other form."""
    return with_webinar.copy(tmp_path)


@pytest.fixture
def service(installation: TestInstallation, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistrationService]:
    """The service, its decider and its cleanup; its clock is frozen at the start of the test.

    Forms are read again for each request, so that tests can change forms between two of them.
    """
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 0.0)
    with open_registration(installation) as opened:
        yield opened


@pytest.fixture
def client(service: RegistrationService) -> FlaskClient:
    """The application, asked directly."""
    return service.client


@pytest.fixture
def coordinator(installation: TestInstallation) -> dict[str, Any]:
    """Headers of a coordinator's requests."""
    return {"Authorization": f"Bearer {installation.secrets.coordinator_key}"}
