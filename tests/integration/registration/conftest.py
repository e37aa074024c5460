"""The registration service on a real PostgreSQL: its application in this process, or its processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.web import load_webinar


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Fresh databases with a webinar of 100 seats, for which addresses are confirmed by mail."""
    made = make_installation(postgres, tmp_path)
    load_webinar(made, capacity=100)
    return made


@pytest.fixture
def service(installation: TestInstallation, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistrationService]:
    """The service, its decider and its cleanup; its clock stands still at the time when the test began.

    What it shows of forms is read anew for each request, so that tests can change forms between two of them.
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
