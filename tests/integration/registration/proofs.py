"""A form that asks for work: its challenges, and answers with and without a proof."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.store.engine import open_engine
from tests.support.clients import REGISTRATIONS, WEBINAR, rows
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation
from tests.support.working import worked

CHALLENGE = f"/v1/challenge?form={WEBINAR}"


@pytest.fixture
def hand() -> FrozenClock:
    """The time of the application."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def client(installation: TestInstallation, hand: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The application, with a form of two seats that asks for work and for no confirmation of the address."""
    for name, value in installation.environment("registration").items():
        monkeypatch.setenv(name, value)
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET proof_of_work = 'asked', verification = 'none'")
    rows(url, "UPDATE seat SET capacity = 2")
    engine = open_engine(url)
    yield build_app(read_settings(), engine, clock=hand).test_client()
    engine.dispose()


def proof(client: FlaskClient) -> str:
    """A challenge of the form, solved."""
    return worked(client.get(CHALLENGE).get_json())


def refused(client: FlaskClient, content: dict[str, Any], **headers: str) -> tuple[int, str, str]:
    """Status, code and reason of the answer to a registration."""
    answer = client.post(REGISTRATIONS, json=content, headers=headers)
    body = answer.get_json()
    return answer.status_code, body.get("code", ""), body.get("detail", "")


def used(installation: TestInstallation) -> int:
    """How many challenges are known as used."""
    return int(rows(installation.urls["registration"], "SELECT count(*) FROM used_challenge")[0][0])
