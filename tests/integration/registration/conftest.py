"""The registration service on a real PostgreSQL: its application in this process, or its processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.store.engine import open_engine
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.web import load_webinar


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Fresh databases with a webinar of 100 seats."""
    made = make_installation(postgres, tmp_path)
    load_webinar(made, capacity=100)
    return made


@pytest.fixture
def client(installation: TestInstallation, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The application, asked directly."""
    for name, value in installation.environment("registration").items():
        monkeypatch.setenv(name, value)
    engine = open_engine(installation.url("registration", "web"))
    yield build_app(read_settings(), engine).test_client()
    engine.dispose()


@pytest.fixture
def coordinator(installation: TestInstallation) -> dict[str, Any]:
    """Headers of a coordinator's requests."""
    return {"Authorization": f"Bearer {installation.secrets.coordinator_key}"}
