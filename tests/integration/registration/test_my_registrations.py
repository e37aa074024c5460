"""*My registrations*: a mail with the link to all registrations of an address, which anyone may request."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from werkzeug.test import TestResponse

from tests.integration.registration.enumeration import ADDRESS, WAYS, Place, seen
from tests.integration.registration.test_enumeration import STORED, start_over
from tests.support.clients import answers, rows
from tests.support.registration_service import RegistrationService
from tests.support.statements import statements

OWNER = "participant-1@example.org"
SPACING = timedelta(minutes=5)


def ask(service: RegistrationService, address: str, **fields: str) -> TestResponse:
    """Send the form, from another client network than those who submit."""
    headers = {"X-Forwarded-For": "198.51.100.7"}
    return service.client.post("/my", data={"email": address, "lang": "en", **fields}, headers=headers)


def links(service: RegistrationService) -> list[tuple[str, bool]]:
    """(address, whether something waits for confirmation) of every mail with a confirmation link, in order."""
    pending = [one["data"]["pending"] for one in service.messages("confirmation.wanted.v1")]
    return list(zip(service.mailed(), pending, strict=True))


@pytest.fixture
def registered(service: RegistrationService) -> RegistrationService:
    """Someone is registered, and has had the mail to confirm it."""
    service.enrol(answers(1))
    assert links(service) == [(OWNER, True)]
    return service


def test_answer_row_and_statements_are_equal_for_every_address(service: RegistrationService) -> None:
    """New, registered, pending, blocked, or with as many candidates as may wait."""
    place, given = Place(service), dict[str, Any]()
    ask(service, "first-of-all@example.org")
    for way, prepare in WAYS.items():
        start_over(place, ())
        prepare(place)
        with statements(service.engine) as run:
            answer = ask(service, ADDRESS)
        given[way] = {"answer": seen(answer), "row": rows(service.url, STORED), "statements": run}
    assert given["new"]["answer"][0] == "303 SEE OTHER"
    assert given["new"]["row"][0][0] == "send-list"
    assert sum("INSERT INTO submission" in statement for statement in given["new"]["statements"]) == 1
    for part, expected in given["new"].items():
        assert {way: given[way][part] for way in WAYS} == dict.fromkeys(WAYS, expected)


def test_owner_gets_a_link_to_all_their_registrations(registered: RegistrationService) -> None:
    """The page lists them, and mails what opens one of them: that is on no page."""
    service = registered
    page = service.client.get(ask(service, OWNER).headers["Location"])
    assert (page.status_code, "Check your e-mail" in page.text) == (200, True)
    service.decide()
    assert links(service) == [(OWNER, True), (OWNER, False)]
    token = service.confirmation_token(OWNER)
    shown = service.client.get(f"/c/{token}?lang=en").text
    assert ("Participant 1" in shown, 'value="send-link"' in shown, "/r/" in shown) == (True, True, False)
    [(registration,)] = rows(service.url, "SELECT id::text FROM registration")
    before = len(service.boxes("registration.link-requested"))
    service.press(token, action="send-link", registration=registration)
    [box] = service.boxes("registration.link-requested")[before:]
    assert box["address"] == OWNER
    assert service.client.get(f"/r/{box['token']}").status_code == 200


def test_pending_answers_are_mailed_as_such(service: RegistrationService) -> None:
    service.submit(answers(1))
    service.decide()
    ask(service, OWNER)
    service.clock.advance(SPACING)
    service.decide()
    assert links(service) == [(OWNER, True), (OWNER, True)]


def test_no_one_else_gets_a_mail(registered: RegistrationService) -> None:
    """Neither who is unknown nor who has cancelled, is blocked or erased."""
    service = registered
    service.register(2, 3, 4)
    service.cancel(2)
    Place(service).block("participant-3@example.org")
    ask(service, "participant-4@example.org")
    service.own(service.own_token(4), "erase")
    before = links(service)
    for number in (2, 3, 4, 5):
        ask(service, f"participant-{number}@example.org")
    service.clock.advance(timedelta(days=1))
    service.decide()
    assert links(service) == before


def test_mails_are_spaced_and_none_is_dropped(registered: RegistrationService) -> None:
    """Requested a hundred times: one at once, and one more after the spacing, also when cleanup ran in between."""
    service = registered
    for _ in range(100):
        ask(service, OWNER)
        service.decide()
    ask(service, OWNER)
    service.decide()
    assert links(service)[1:] == [(OWNER, False)]
    ask(service, OWNER)
    service.decide()
    rows(service.url, "UPDATE mailbox SET next_mail_at = next_mail_at + interval '3 hours'")
    service.clock.advance(timedelta(hours=2))
    service.tend()
    service.clock.advance(timedelta(hours=2))
    service.decide()
    assert links(service)[1:] == [(OWNER, False)] * 2


def test_owner_who_wants_no_such_mail_gets_none(registered: RegistrationService) -> None:
    """A person who switches it on again later is not sent what was requested weeks before."""
    service = registered
    token = service.confirmation_token(OWNER)
    service.press(token, action="mute")
    ask(service, OWNER)
    service.decide()
    assert links(service) == [(OWNER, True)]
    service.clock.advance(timedelta(days=15))
    service.tend()
    rows(service.url, "UPDATE mailbox SET muted_at = NULL")
    service.decide()
    assert links(service) == [(OWNER, True)]


def test_mail_goes_to_the_address_as_it_was_registered(registered: RegistrationService) -> None:
    service = registered
    ask(service, OWNER.upper())
    service.decide()
    assert links(service) == [(OWNER, True), (OWNER, False)]


@pytest.mark.parametrize("typed", ["", "nobody", "a@b", "x" * 300 + "@example.org", '"><script>alert(1)</script>'])
def test_what_is_no_address_is_shown_again(service: RegistrationService, typed: str) -> None:
    answer = ask(service, typed)
    assert (answer.status_code, "<script>alert" in answer.text) == (422, False)
    assert 'aria-invalid="true"' in answer.text
    assert rows(service.url, "SELECT count(*) FROM submission") == [(0,)]


def test_program_that_fills_every_field_is_answered_the_same_and_stores_nothing(service: RegistrationService) -> None:
    assert seen(ask(service, OWNER, website="https://spam.example.org")) == seen(ask(service, OWNER))
    assert rows(service.url, "SELECT count(*) FROM submission") == [(1,)]


def test_what_cannot_be_stored_can_be_sent_again(service: RegistrationService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registration.intake.form_view.MAX_QUEUE_BYTES", -1)
    answer = ask(service, OWNER)
    assert (answer.status_code, f'value="{OWNER}"' in answer.text) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("kind", ["confirm", "cancel", "erase", "send-link", "mute"])
def test_forms_can_store_no_command(service: RegistrationService, kind: str) -> None:
    """They may name the kind of a row, and not the link that every command needs."""
    url = service.installation.url("registration", "forms").replace("postgresql+psycopg", "postgresql")
    statement = """
        INSERT INTO submission (receipt_hash, kind, form, form_revision, fingerprint, code, body, decider_key)
        VALUES (sha256('a'), %s, 'upr-webinar-10', 1, sha256('b'), 'K7QM', 'body', '12345678')
    """
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(statement, (kind,))


@pytest.mark.parametrize(
    "path", ["/embed/upr-webinar-10", "/receipts/of-nobody", "/r/of-nobody", "/c/of-nobody", "/my?sent=1"]
)
def test_pages_without_a_link_lead_there(service: RegistrationService, path: str) -> None:
    page = service.client.get(path, query_string={"lang": "en"}) if "?" not in path else service.client.get(path)
    assert ('href="/my?lang=en"' in page.text) != path.startswith("/my")
