"""Responses made outside of the views can be read by partners' pages too, and by no other."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import SUBMISSIONS, answers

OURS, FOREIGN = "http://localhost:8001", "http://localhost:8001.example.org"
Ask = Callable[[FlaskClient, dict[str, str]], Any]

OUTSIDE: dict[str, tuple[int, Ask]] = {
    "too large": (413, lambda client, headers: client.post(SUBMISSIONS, data=b"x" * 70_000, headers=headers)),
    "neither JSON nor a form": (415, lambda client, headers: client.post(SUBMISSIONS, data=b"x", headers=headers)),
    "no JSON": (
        400,
        lambda client, headers: client.post(SUBMISSIONS, data=b"{", content_type="application/json", headers=headers),
    ),
    "no such form": (
        404,
        lambda client, headers: client.post("/v1/forms/no-such-form/submissions", json={}, headers=headers),
    ),
    "no such method": (405, lambda client, headers: client.put(SUBMISSIONS, json={}, headers=headers)),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_refusal_outside_of_a_view_can_be_read_by_partners_alone(client: FlaskClient, what: str) -> None:
    """Also when this process has never read the form. Another site is refused before anything is read."""
    status, ask = OUTSIDE[what]
    for origin, allowed in ((OURS, OURS), (FOREIGN, None)):
        answer = ask(client, {"Origin": origin})
        expected = 403 if origin == FOREIGN and status in (400, 415) else status
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (expected, allowed)
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in ask(client, {}).headers


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One from one address."""
    monkeypatch.setenv("TROIKA_LIMIT_INTAKE", "1 per minute")


@pytest.mark.usefixtures("few")
def test_who_is_not_let_in_can_read_when_to_come_again(client: FlaskClient) -> None:
    """503 of the admission control for a request that waited too long, 429 for a client that comes too often."""
    headers = {"Origin": OURS, "X-Forwarded-For": "203.0.113.1"}
    assert client.post(SUBMISSIONS, json=answers(1), headers=headers).status_code == 202
    too_late = client.post(SUBMISSIONS, json=answers(1), headers={**headers, "X-Request-Start": "t=1"})
    too_often = client.post(SUBMISSIONS, json=answers(1), headers=headers)
    for answer, status in ((too_late, 503), (too_often, 429)):
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert int(answer.headers["Retry-After"]) >= 1
