"""Responses of the intake: to valid submissions, to invalid ones, and to known addresses."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService

ADDRESS = "participant-1@example.org"


def stored(installation: TestInstallation) -> int:
    """How many submissions there are."""
    return int(rows(installation.urls["registration"], "SELECT count(*) FROM submission")[0][0])


def test_submission_is_answered_with_its_receipt_and_code(service: RegistrationService) -> None:
    """202; no one is registered by it, no seat is taken, and no message goes out before it is decided."""
    answer = service.submit(answers(1))
    content = answer.get_json()
    assert (answer.status_code, sorted(content)) == (202, ["code", "message", "next", "receipt", "status"])
    assert (content["status"], len(content["code"]), len(content["receipt"])) == ("received", 4, 32)
    assert answer.headers["Location"] == f"/v1/receipts/{content['receipt']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert rows(service.url, "SELECT kind, state, code FROM submission") == [
        ("submission", "received", content["code"])
    ]
    assert service.client.get(answer.headers["Location"]).get_json()["status"] == "received"
    assert (service.seats(), service.messages(), service.states()) == ((0, 0), [], {})


def test_confirmed_submission_is_a_registration_with_its_message(service: RegistrationService) -> None:
    """One row, one message, one line of the history, one seat."""
    identity = service.enrol(answers(1, access_needs="step-free access", partner="example-partner"))
    assert rows(service.url, "SELECT status, partner, country, revision, capacity_then FROM registration") == [
        ("confirmed", "example-partner", "CH", 1, 100)
    ]
    assert [message["subject"] for message in service.messages("registration.confirmed")] == [identity]
    assert rows(service.url, "SELECT revision, status, reason FROM registration_change") == [
        (1, "confirmed", "registered")
    ]
    assert service.seats() == (1, 0)
    assert rows(service.url, "SELECT count(*) FROM submission WHERE body IS NOT NULL") == [(0,)]


def test_what_was_typed_is_readable_for_no_one_until_it_is_decided(service: RegistrationService) -> None:
    """Neither in the row nor in a log: a dump of the queue holds no address."""
    service.submit(answers(1, name="Canary-Name", email="canary@example.org", access_needs="Canary-needs"))
    [(whole, body)] = rows(service.url, "SELECT s::text, s.body FROM submission s")
    assert ("anary" in whole, b"anary" in bytes(body)) == (False, False)


def test_sealed_answer_is_readable_nowhere(service: RegistrationService) -> None:
    """Access needs are nowhere in clear: not in the candidate, not in the row, not in the message."""
    service.submit(answers(1, access_needs="wheelchair-canary-7F3A"))
    service.decide()
    candidate = rows(service.url, "SELECT c::text, sealed IS NOT NULL FROM candidate c")
    service.confirm(ADDRESS)
    found = rows(service.url, "SELECT r::text, sealed IS NOT NULL FROM registration r")
    assert (candidate[0][1], found[0][1]) == (True, True)
    everything = str([candidate, found, service.messages()])
    for disguise in ("canary-7F3A", b"canary-7F3A".hex()):
        assert disguise not in everything


def test_message_holds_no_personal_data_in_clear(service: RegistrationService) -> None:
    """Name, address, organisation and questions do not leave the service but sealed."""
    content = answers(1, name="Canary-Name", email="canary-address@example.org", organisation="Canary-Organisation")
    service.enrol({**content, "questions": "Canary-Question"})
    assert len(service.messages()) == 2
    assert "canary" not in str(service.messages()).lower()


def test_answer_to_a_hidden_question_is_refused(client: FlaskClient, installation: TestInstallation) -> None:
    """As JSON and as a page; the empty answers that a browser without a script sends for all questions are fine."""
    hidden = answers(1, representative=True)
    refused = client.post(SUBMISSIONS, json=hidden)
    assert refused.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in refused.get_json()["errors"]] == [
        ("/representative", "not-asked")
    ]
    sent = {name: "yes" if value is True else value for name, value in hidden.items()}
    page = client.post(SUBMISSIONS, data=sent, headers={"Accept": "text/html"})
    assert (page.status_code, "Leave it empty, or change that answer" in page.text) == (422, True)
    for empty in ("", "no"):
        data = sent | {"working_group": "", "representative": empty}
        assert client.post(SUBMISSIONS, data=data, headers={"Accept": "text/html"}).status_code == 202
    assert stored(installation) == 2


def test_address_in_other_case_is_the_same_person(service: RegistrationService) -> None:
    """Case and form of an address make neither a second candidate nor a second seat."""
    for address in ("someone@example.org", "Someone@Example.org", "  someone@EXAMPLE.ORG "):
        assert service.submit(answers(1, email=address)).status_code == 202
    service.decide()
    assert set(service.confirm(service.mailed()[0])) <= {"confirmed", "changed"}
    assert service.seats() == (1, 0)


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
    answer = client.post(SUBMISSIONS, data=body, content_type=media_type)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"


def test_faulty_fields_named_by_pointer(client: FlaskClient, installation: TestInstallation) -> None:
    """Every fault at once, each with its JSON pointer; nothing stored."""
    answer = client.post(SUBMISSIONS, json={"email": "nowhere", "country": "XX", "surprise": 1, "consent": False})
    pointers = {fault["pointer"] for fault in answer.get_json()["errors"]}
    assert answer.status_code == 422
    assert pointers == {"/name", "/email", "/country", "/consent", "/surprise"}
    assert stored(installation) == 0


def test_unknown_form_refused(client: FlaskClient) -> None:
    """404 with its own code."""
    answer = client.post("/v1/forms/no-such-form/submissions", json=answers(1))
    assert (answer.status_code, answer.get_json()["code"]) == (404, "form-unknown")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE form SET open = false", "closed"),
        ("UPDATE event_copy SET status = 'cancelled'", "cancelled"),
        ("UPDATE event_copy SET status = 'postponed', starts_at = NULL", "postponed"),
        ("UPDATE event_copy SET mode = 'hybrid', starts_at = now() - interval '1 minute'", "begun"),
        (
            "UPDATE form SET open_until = 'start'; UPDATE event_copy SET starts_at = now() - interval '1 minute'",
            "begun",
        ),
        ("UPDATE event_copy SET starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'", "held"),
        ("DELETE FROM event_copy", "not-open"),
        ("UPDATE seat SET word = 'full'", "full"),
    ],
)
def test_closed_form_refused(client: FlaskClient, installation: TestInstallation, change: str, reason: str) -> None:
    """409 and the reason."""
    rows(installation.urls["registration"], change)
    answer = client.post(SUBMISSIONS, json=answers(1))
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["detail"]) == (409, "form-closed", reason)
    assert stored(installation) == 0


def test_people_register_and_join_while_an_online_event_is_on(service: RegistrationService) -> None:
    """Seat and mail come at once; the form says that the event has begun."""
    begins_at = service.clock() - timedelta(minutes=1)
    rows(service.url, "UPDATE event_copy SET starts_at = %s, ends_at = %s", begins_at, begins_at + timedelta(hours=1))
    frame = service.client.get(f"/embed/{WEBINAR}").text
    assert "This event has begun. You can still register and join." in frame
    service.enrol(answers(1))
    assert service.seats() == (1, 0)
    service.clock.advance(timedelta(hours=1))
    assert "This event is over" in service.client.get(f"/embed/{WEBINAR}").text


def test_closed_page_names_who_to_ask_and_when_registration_opens(service: RegistrationService) -> None:
    opens_at = service.clock() + timedelta(days=3)
    rows(service.url, "UPDATE form SET opens_at = %s, contact = 'desk@example.org'", opens_at)
    page = service.client.get(f"/embed/{WEBINAR}").text
    wanted = ("Registration opens on ", str(opens_at.year), "Organiser: ", "desk@example.org", 'href="/my?lang=en"')
    assert [text for text in wanted if text not in page] == []


def test_what_came_after_closing_makes_no_candidate(service: RegistrationService) -> None:
    """A form may be shown for a second after it has closed: the decider judges by when it was received."""
    service.submit(answers(1))
    rows(service.url, "UPDATE form SET closes_at = %s", service.clock())
    rows(service.url, "UPDATE submission SET received_at = %s", service.clock())
    service.decide()
    assert rows(service.url, "SELECT outcome FROM submission") == [("check-your-mail",)]
    assert (rows(service.url, "SELECT count(*) FROM candidate"), service.mailed()) == ([(0,)], [])


def test_honeypot_takes_the_proof_of_work_and_nothing_else(client: FlaskClient, installation: TestInstallation) -> None:
    """A program that fills the invisible field gets an answer like any other; so does a person whose browser did."""
    proof = worked(client.get(f"/v1/challenge?form={WEBINAR}").get_json())
    genuine = client.post(SUBMISSIONS, json=answers(1))
    honeypot_filled = client.post(SUBMISSIONS, json=answers(2, website="https://example.org", altcha=proof))
    assert shape(honeypot_filled) == shape(genuine)
    assert rows(installation.urls["registration"], "SELECT challenge IS NULL FROM submission") == [(True,), (True,)]


def shape(answer: Any) -> tuple[Any, ...]:
    """All that a client can see, without what is another one each time."""
    content = answer.get_json()
    once = {name: len(content[name]) for name in ("receipt", "code")}
    headers = {name: value for name, value in answer.headers if name not in ("X-Correlation-Id", "Date")}
    return answer.status_code, content | once, headers | {"Location": len(headers["Location"])}


def test_plain_form_answered_with_a_page(client: FlaskClient, installation: TestInstallation) -> None:
    """Without a script: the receipt as a page, faults in the form itself, what was typed kept."""
    good = client.post(SUBMISSIONS, data={**answers(1), "consent": "on"}, headers={"Accept": "text/html"})
    bad = client.post(SUBMISSIONS, data={"name": "Kept <b>"}, headers={"Accept": "text/html"})
    assert (good.status_code, good.mimetype) == (202, "text/html")
    assert (ADDRESS in good.text, 'href="/receipts/' in good.text) == (True, True)
    assert bad.status_code == 422
    assert "Kept &lt;b&gt;" in bad.get_data(as_text=True)
    assert stored(installation) == 1


def test_full_queue_and_missing_decider_are_an_outage(client: FlaskClient, service: RegistrationService) -> None:
    """503 with ``Retry-After``, and nothing is stored that no one could open."""
    rows(service.url, "DELETE FROM decider_key")
    answer = client.post(SUBMISSIONS, json=answers(1))
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    page = client.post(SUBMISSIONS, data={**answers(1), "consent": "on"}, headers={"Accept": "text/html"})
    assert (page.status_code, "participant-1@example.org" in page.text) == (503, True)
    assert rows(service.url, "SELECT count(*) FROM submission") == [(0,)]


BUDGET = 20_000
"""Bytes: less than the empty table with its indexes uses, and enough for about ten submissions."""


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided submissions may use little of the disk."""
    monkeypatch.setattr("services.registration.intake.form_view.MAX_QUEUE_BYTES", BUDGET)


@pytest.mark.usefixtures("small_budget")
def test_decided_submissions_do_not_use_up_the_disk_of_the_queue(service: RegistrationService) -> None:
    """Their receipts stay for days, and a table on the disk does not become smaller."""
    for first in range(0, 40, 8):
        given = [service.submit(answers(number)) for number in range(first, first + 8)]
        assert {answer.status_code for answer in given} == {202}
        service.decide()
    assert rows(service.url, "SELECT count(*), pg_total_relation_size('submission') > %s FROM submission", BUDGET) == [
        (40, True)
    ]


@pytest.mark.usefixtures("small_budget")
def test_undecided_submissions_that_use_all_their_disk_stop_further_ones_and_no_cancellation(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.register(1)
    token, cancel = service.own_token(1), {"action": "cancel", "revision": "1"}
    given = [service.submit(answers(number)) for number in range(2, 32)]
    accepted = [answer.status_code for answer in given].count(202)
    assert [answer.status_code for answer in given] == [202] * accepted + [503] * (30 - accepted)
    assert 5 < accepted < 25
    assert int(given[-1].headers["Retry-After"]) > 0
    assert service.client.post(f"/r/{token}", data=cancel).status_code == 303
    assert rows(service.url, "SELECT kind FROM submission WHERE state = 'received' AND kind <> 'submission'") == [
        ("cancel",)
    ]
    monkeypatch.setattr("services.registration.intake.form_view.COMMANDS_RESERVE_BYTES", 0)
    assert service.client.post(f"/r/{token}", data=cancel).status_code == 503
    service.decide()
    assert service.submit(answers(32)).status_code == 202


FILL = """
    INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, code, body, decider_key, state, decided_at)
    SELECT sha256(number::text::bytea), 'upr-webinar-10', 1, sha256('content'), 'K7QM',
        CASE WHEN mod(number, 4) = 0 THEN decode(repeat('5a', 1200), 'hex') END, '12345678',
        CASE WHEN mod(number, 4) = 0 THEN 'received' ELSE 'decided' END, CASE WHEN mod(number, 4) > 0 THEN now() END
    FROM generate_series(1, 24000) AS number
"""


def test_disk_that_undecided_submissions_use_is_estimated_in_a_large_table(service: RegistrationService) -> None:
    """From a sample of it: 6,000 of 24,000 rows are undecided."""
    rows(service.url, FILL)
    [(blocks, whole, estimate)] = rows(
        service.url,
        "SELECT pg_relation_size('submission') / 8192, pg_total_relation_size('submission'), undecided_bytes(0)",
    )
    assert blocks > 2 * 512
    assert estimate == pytest.approx(6000 * (1000 + 1204), rel=0.1)
    assert rows(service.url, "SELECT undecided_bytes(%s)", whole) == [(0,)]


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
        client.options(SUBMISSIONS, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
        client.post(SUBMISSIONS, json=answers(1), headers={"Origin": origin}),
        client.post(SUBMISSIONS, json={}, headers={"Origin": origin}),
        client.get(f"/v1/forms/{WEBINAR}", headers={"Origin": origin}),
    ):
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert int(answer.headers.get("Access-Control-Max-Age", 0)) <= 600
        assert "Origin" in answer.headers["Vary"]


def test_frame_allowed_to_the_partner_only(client: FlaskClient) -> None:
    """``frame-ancestors`` names the partner's origins; without a partner no one may frame the form."""
    with_partner = client.get(f"/embed/{WEBINAR}?partner=example-partner")
    without = client.get(f"/embed/{WEBINAR}")
    foreign = client.get(f"/embed/{WEBINAR}?partner=example-partner-fr")
    assert with_partner.headers["Content-Security-Policy"].endswith("frame-ancestors http://localhost:8001")
    assert "X-Frame-Options" not in with_partner.headers
    for page in (without, foreign):
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert page.headers["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in with_partner.headers


def test_public_form_reveals_no_number(client: FlaskClient) -> None:
    """Seats are a word; how many there are or are taken is no one's business."""
    content = client.get(f"/v1/forms/{WEBINAR}").get_json()
    assert (content["open"], content["seats"], content["event"]) == (True, "open", WEBINAR)
    assert "100" not in json.dumps(content)
