"""A proposal form that asks for work: its challenges, answers with and without a proof, and what is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.wiring import describe
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.side_events import Desk
from tests.support.clock import FrozenClock
from tests.support.working import worked

CHALLENGE = "/v1/proposals/challenge"
PROPOSALS = "/v1/proposals"
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FrozenClock:
    """The time of the application: the library that checks proofs looks at the machine's as well."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The settings of a form that asks for work."""
    return environment | {"TROIKA_PROPOSAL_PROOF_OF_WORK": "asked"}


def proof(client: FlaskClient) -> str:
    """A challenge of the form, solved."""
    return worked(client.get(CHALLENGE).get_json())


def answered(client: FlaskClient, content: dict[str, Any], **headers: str) -> tuple[int, str, str]:
    """Status of the answer, then the proposal's, or code and reason of the refusal."""
    answer = client.post(PROPOSALS, json=content, headers=headers)
    body = answer.get_json()
    return answer.status_code, body.get("code", body["status"]), body.get("detail", "")


def listed(desk: Desk) -> list[str]:
    """Titles of what coordinators see."""
    return [one["title"] for one in desk.client.get(PROPOSALS, headers=desk.headers).get_json()["items"]]


def stored(desk: Desk, question: str = "SELECT title FROM proposal ORDER BY id") -> list[Any]:
    """What the database says, in one column."""
    with desk.engine.connect() as connection:
        return list(connection.execute(text(question)).scalars())


def forget_old(desk: Desk, relay: UnitOfWork) -> None:
    """What the relay does every few seconds."""
    forget = describe().forget
    assert forget is not None
    forget(relay, desk.clock())
