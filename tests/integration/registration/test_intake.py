"""What the intake answers: to what is right, to what is wrong, and to who is there already."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation


def test_registration_stored_with_its_message(client: FlaskClient, installation: TestInstallation) -> None:
    """201, one row, one message, one line of the audit trail, one seat."""
    answer = client.post(REGISTRATIONS, json=answers(1, access_needs="step-free access", partner="example-partner"))
    assert answer.status_code == 201
    assert set(answer.get_json()) == {"id", "status", "message"}
    url = installation.urls["registration"]
    assert rows(url, "SELECT status, partner, country, revision, capacity_then FROM registration") == [
        ("confirmed", "example-partner", "CH", 1, 100)
    ]
    assert rows(url, "SELECT type, subject::text FROM outbox") == [
        ("org.troika.registration.confirmed.v1", answer.get_json()["id"])
    ]
    assert rows(url, "SELECT revision, status, reason FROM registration_change") == [(1, "confirmed", "registered")]
    assert rows(url, "SELECT confirmed, waiting FROM seat") == [(1, 0)]


def test_sealed_answer_not_readable(client: FlaskClient, installation: TestInstallation) -> None:
    """Access needs stand nowhere in clear: not in the row, not in the message."""
    client.post(REGISTRATIONS, json=answers(1, access_needs="wheelchair-canary-7F3A"))
    whole = rows(installation.urls["registration"], "SELECT r::text FROM registration r")[0][0]
    message = bytes(rows(installation.urls["registration"], "SELECT body FROM outbox")[0][0])
    assert rows(installation.urls["registration"], "SELECT sealed IS NOT NULL FROM registration") == [(True,)]
    assert b"canary-7F3A" not in message
    assert "canary-7F3A" not in whole
    assert b"canary-7F3A".hex() not in whole


def test_message_holds_no_personal_data_in_clear(client: FlaskClient, installation: TestInstallation) -> None:
    """Name, address, organisation and questions do not leave the service but sealed."""
    filled = answers(1, name="Canary-Name", email="canary-address@example.org", organisation="Canary-Organisation")
    client.post(REGISTRATIONS, json={**filled, "questions": "Canary-Question"})
    body = bytes(rows(installation.urls["registration"], "SELECT body FROM outbox")[0][0]).decode()
    assert "canary" not in body.lower()


def test_answer_to_a_hidden_question_is_refused(client: FlaskClient, installation: TestInstallation) -> None:
    """As JSON and as a page; the empty answers that a browser without a script sends for all questions are fine."""
    hidden = answers(1, representative=True)
    refused = client.post(REGISTRATIONS, json=hidden)
    assert refused.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in refused.get_json()["errors"]] == [
        ("/representative", "not-asked")
    ]
    sent = {name: "yes" if value is True else value for name, value in hidden.items()}
    page = client.post(REGISTRATIONS, data=sent, headers={"Accept": "text/html"})
    assert (page.status_code, "Leave it empty, or change that answer" in page.text) == (422, True)
    for empty in ("", "no"):
        data = sent | {"working_group": "", "representative": empty}
        assert client.post(REGISTRATIONS, data=data, headers={"Accept": "text/html"}).status_code == 201
    assert rows(installation.urls["registration"], "SELECT count(*) FROM registration") == [(1,)]


def test_duplicate_answered_as_new(client: FlaskClient, installation: TestInstallation) -> None:
    """Same status, same headers, same words; only the owner of the address hears of it, and once a day."""
    first, second, third = (client.post(REGISTRATIONS, json=answers(1)) for _ in range(3))
    assert {answer.status_code for answer in (first, second, third)} == {201}
    assert shape(first) == shape(second) == shape(third)
    url = installation.urls["registration"]
    assert rows(url, "SELECT count(*), max(attempts) FROM registration") == [(1, 1)]
    assert rows(url, "SELECT type FROM outbox ORDER BY id") == [
        ("org.troika.registration.confirmed.v1",),
        ("org.troika.registration.attempt-repeated.v1",),
    ]


def test_duplicate_in_other_case_is_the_same_person(client: FlaskClient, installation: TestInstallation) -> None:
    """Case and form of an address make no second seat."""
    for address in ("someone@example.org", "Someone@Example.org", "  someone@EXAMPLE.ORG "):
        assert client.post(REGISTRATIONS, json=answers(1, email=address)).status_code == 201
    assert rows(installation.urls["registration"], "SELECT confirmed FROM seat") == [(1,)]


def shape(answer: Any) -> tuple[Any, ...]:
    """All that a client can see, without ids."""
    content = answer.get_json()
    headers = {name: value for name, value in answer.headers if name not in ("X-Correlation-Id", "Date")}
    return answer.status_code, {**content, "id": len(content["id"])}, headers


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"[]", "application/json", 400, "malformed"),
        (b'{"name": NaN}', "application/json", 400, "malformed"),
        (b"[" * 60_000, "application/json", 400, "malformed"),
        (b'{"name": ' * 980 + b"1" + b"}" * 980, "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b"name=a", "text/plain", 415, "wrong-media-type"),
        (b"", "", 415, "wrong-media-type"),
        (b"x" * 70_000, "application/json", 413, "too-large"),
        (b"{}", "application/json", 422, "invalid"),
    ],
)
def test_bad_body_refused(client: FlaskClient, body: bytes, media_type: str, status: int, code: str) -> None:
    """Each kind of bad body has its own answer, as a problem (RFC 9457)."""
    answer = client.post(REGISTRATIONS, data=body, content_type=media_type)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"


def test_faulty_fields_named_by_pointer(client: FlaskClient, installation: TestInstallation) -> None:
    """Every fault at once, each with its JSON pointer; nothing stored."""
    answer = client.post(REGISTRATIONS, json={"email": "nowhere", "country": "XX", "surprise": 1, "consent": False})
    pointers = {fault["pointer"] for fault in answer.get_json()["errors"]}
    assert answer.status_code == 422
    assert pointers == {"/name", "/email", "/country", "/consent", "/surprise"}
    assert rows(installation.urls["registration"], "SELECT count(*) FROM registration") == [(0,)]


def test_unknown_form_refused(client: FlaskClient) -> None:
    """404 with its own code."""
    answer = client.post("/v1/forms/no-such-form/registrations", json=answers(1))
    assert (answer.status_code, answer.get_json()["code"]) == (404, "form-unknown")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE form SET open = false", "closed"),
        ("UPDATE event_copy SET status = 'cancelled'", "cancelled"),
        ("UPDATE event_copy SET status = 'postponed', starts_at = NULL", "postponed"),
        ("UPDATE event_copy SET starts_at = now() - interval '1 minute'", "held"),
        ("DELETE FROM event_copy", "not-open"),
        ("UPDATE seat SET capacity = 0; UPDATE form SET waiting_list = false", "full"),
    ],
)
def test_closed_form_refused(client: FlaskClient, installation: TestInstallation, change: str, reason: str) -> None:
    """409 and the reason, at once: it is read under the lock of the seats."""
    for statement in change.split("; "):
        rows(installation.urls["registration"], statement)
    answer = client.post(REGISTRATIONS, json=answers(1))
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["detail"]) == (409, "form-closed", reason)


def test_trap_field_stores_nothing(client: FlaskClient, installation: TestInstallation) -> None:
    """A program that fills the invisible field gets an answer like any other."""
    genuine = client.post(REGISTRATIONS, json=answers(1))
    trapped = client.post(REGISTRATIONS, json=answers(2, website="https://example.org"))
    assert shape(trapped) == shape(genuine)
    assert rows(installation.urls["registration"], "SELECT count(*) FROM registration") == [(1,)]


def test_plain_form_answered_with_a_page(client: FlaskClient, installation: TestInstallation) -> None:
    """Without a script: the result as a page, faults in the form itself, what was typed kept."""
    good = client.post(REGISTRATIONS, data={**answers(1), "consent": "on"}, headers={"Accept": "text/html"})
    bad = client.post(REGISTRATIONS, data={"name": "Kept <b>"}, headers={"Accept": "text/html"})
    assert (good.status_code, good.mimetype) == (201, "text/html")
    assert bad.status_code == 422
    assert "Kept &lt;b&gt;" in bad.get_data(as_text=True)
    assert rows(installation.urls["registration"], "SELECT count(*) FROM registration") == [(1,)]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:8001", True),
        ("http://localhost:8001.evil.example", False),
        ("http://LOCALHOST:8001", False),
        ("http://localhost:8002", False),
        ("https://localhost:8001", False),
        ("http://localhost:8001/", False),
        ("http://sub.localhost:8001", False),
        ("http://localhost.evil.example.org:8001", False),
        ("HTTP://localhost:8001", False),
        ("http://localhost.:8001", False),
        ("http://localhost", False),
        ("http://user@localhost:8001", False),
        ("http://localhost:8001, http://localhost:8001", False),
        ("*", False),
        ("null", False),
    ],
)
def test_origin_allowed_to_the_letter(client: FlaskClient, origin: str, allowed: bool) -> None:
    """Exactly the partner's origins may read an answer, and never with credentials."""
    for answer in (
        client.options(REGISTRATIONS, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
        client.post(REGISTRATIONS, json=answers(1), headers={"Origin": origin}),
        client.post(REGISTRATIONS, json={}, headers={"Origin": origin}),
        client.get(f"/v1/forms/{WEBINAR}", headers={"Origin": origin}),
    ):
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert int(answer.headers.get("Access-Control-Max-Age", 0)) <= 600
        assert "Origin" in answer.headers["Vary"]


def test_frame_allowed_to_the_partner_only(client: FlaskClient) -> None:
    """``frame-ancestors`` names the partner's origins; without a partner nobody may frame the form."""
    with_partner = client.get(f"/embed/{WEBINAR}?partner=example-partner")
    without = client.get(f"/embed/{WEBINAR}")
    foreign = client.get(f"/embed/{WEBINAR}?partner=example-partner-fr")
    assert with_partner.headers["Content-Security-Policy"].endswith("frame-ancestors http://localhost:8001")
    assert "X-Frame-Options" not in with_partner.headers
    for page in (without, foreign):
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert page.headers["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in with_partner.headers


def test_public_form_tells_no_number(client: FlaskClient) -> None:
    """Seats are a word; how many there are or are taken is nobody's business."""
    content = client.get(f"/v1/forms/{WEBINAR}").get_json()
    assert (content["open"], content["seats"], content["event"]) == (True, "open", WEBINAR)
    assert "100" not in json.dumps(content)
