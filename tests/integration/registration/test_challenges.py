"""Proofs of work: the effect of a solved challenge, once and in time; a bad one refuses nothing."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from shared.public_forms.proof_of_work import CALM, KEPT, LIFETIME, TRIES
from tests.support.clients import WEBINAR, answers, rows
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService

CHALLENGE = f"/v1/challenge?form={WEBINAR}"
OURS = "http://localhost:8001"


@pytest.fixture
def service(service: RegistrationService) -> RegistrationService:
    """The service, with a form of two seats on which addresses are not confirmed by mail."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    service.capacity(2)
    return service


def proof(client: FlaskClient) -> str:
    """A challenge of the form, solved."""
    return worked(client.get(CHALLENGE).get_json())


def outcome(service: RegistrationService, number: int, **beside: object) -> str:
    """What becomes of a submission of the participant with this number."""
    answer = service.submit(answers(number, **beside))
    assert answer.status_code == 202, answer.text
    service.decide()
    return str(service.outcome(answer.get_json()["receipt"]))


def used(service: RegistrationService) -> int:
    """How many challenges are known as used."""
    return int(rows(service.url, "SELECT count(*) FROM used_challenge")[0][0])


def test_challenge_is_of_one_form_and_not_stored(client: FlaskClient) -> None:
    answer = client.get(CHALLENGE)
    assert answer.get_json()["parameters"]["data"] == {"form": WEBINAR, "tries": TRIES}
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/v1/challenge?form=no-such-form").status_code == 404
    assert client.get("/v1/challenge").status_code == 422


def test_partners_own_page_may_read_challenges_and_no_other(client: FlaskClient) -> None:
    for origin, allowed in ((OURS, OURS), ("https://other.example", None)):
        for ask in (client.get, client.options):
            answer = ask(CHALLENGE, headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_person_with_a_proof_of_work_is_registered_at_once(service: RegistrationService) -> None:
    """The address is not verified by it, and only the mail to its owner states this."""
    given = [outcome(service, number, altcha=proof(service.client)) for number in (1, 2, 3)]
    assert given == ["confirmed", "confirmed", "waitlisted"]
    assert service.states() == {1: ("confirmed", None), 2: ("confirmed", None), 3: ("waitlisted", 1)}
    assert rows(service.url, "SELECT DISTINCT verified_at FROM registration") == [(None,)]
    assert (service.mailed(), used(service)) == ([], 3)


def test_person_without_a_proof_of_work_confirms_the_address(service: RegistrationService) -> None:
    """A program could else take every seat."""
    assert outcome(service, 1) == "check-your-mail"
    assert (service.states(), service.seats(), service.mailed()) == ({}, (0, 0), ["participant-1@example.org"])
    assert service.confirm("participant-1@example.org") == ["confirmed"]


def test_challenge_is_used_once(service: RegistrationService) -> None:
    """Nor for the same person: each answer costs work. Sixteen in one batch share nothing either."""
    solved = proof(service.client)
    receipts = [service.submit(answers(number, altcha=solved)).get_json()["receipt"] for number in range(16)]
    service.decide()
    assert [service.outcome(receipt) for receipt in receipts] == ["confirmed", *["check-your-mail"] * 15]
    assert outcome(service, 0, altcha=solved, questions="again") == "check-your-mail"
    assert used(service) == 1


def test_repetition_with_its_key_is_answered_as_at_first(service: RegistrationService) -> None:
    """A new proof for the same answers is the same request; the key's promise comes before the challenge."""
    key = {"Idempotency-Key": "a-key-of-the-client"}
    first = service.submit(answers(1, altcha=proof(service.client)), headers=key)
    service.clock.advance(LIFETIME * 2)
    for again in (answers(1, altcha=proof(service.client)), answers(1)):
        assert service.submit(again, headers=key).data == first.data
    service.decide()
    assert service.states() == {1: ("confirmed", None)}


def test_bad_proof_refuses_nothing_and_is_worth_nothing(service: RegistrationService) -> None:
    """Expired, foreign, altered, unsolved, unreadable: as without one."""
    rows(service.url, """INSERT INTO form SELECT (jsonb_populate_record(f, '{"slug": "another"}')).* FROM form f""")
    rows(service.url, "INSERT INTO seat (form) VALUES ('another')")
    foreign = worked(service.client.get("/v1/challenge?form=another").get_json())
    good = json.loads(base64.b64decode(proof(service.client)))
    altered = {**good, "challenge": {**good["challenge"], "signature": "00" * 32}}
    unsolved = {**good, "solution": {"counter": 0, "derivedKey": "00" * 32}}
    bad = [foreign, _sent(altered), _sent(unsolved), "?", {"a": 1}]
    given = [outcome(service, number, altcha=payload) for number, payload in enumerate(bad)]
    assert given == ["check-your-mail"] * 5
    service.clock.advance(LIFETIME)
    assert outcome(service, 5, altcha=_sent(good)) == "check-your-mail"
    assert (service.states(), used(service)) == ({}, 0)


def test_faulty_answers_do_not_use_up_the_work(service: RegistrationService) -> None:
    solved = proof(service.client)
    assert service.submit(answers(1, altcha=solved, email="nobody")).status_code == 422
    assert outcome(service, 1, altcha=solved) == "confirmed"


def test_work_rises_with_the_rush_of_the_form(service: RegistrationService) -> None:
    """Every process counts the same rows; another form stays as it is, and after a minute all is as before."""

    def tries() -> int:
        return int(service.client.get(CHALLENGE).get_json()["parameters"]["data"]["tries"])

    asked = []
    for solved in (CALM - 1, 1, CALM, 10 * CALM):
        _use(service.url, WEBINAR, solved, service.clock())
        _use(service.url, "another", 500, service.clock())
        asked.append(tries())
    assert asked == [TRIES, 2 * TRIES, 4 * TRIES, 8 * TRIES]
    service.clock.advance(timedelta(minutes=1))
    assert tries() == TRIES


def test_used_challenges_are_forgotten_when_they_could_not_be_used_again(service: RegistrationService) -> None:
    outcome(service, 1, altcha=proof(service.client))
    for later, left in ((KEPT, 1), (KEPT + timedelta(seconds=1), 0)):
        service.tend(service.clock() + later)
        assert used(service) == left
    assert KEPT > LIFETIME


def _use(url: str, form: str, count: int, at: datetime) -> None:
    rows(
        url,
        "INSERT INTO used_challenge SELECT gen_random_uuid()::text::bytea, %s, %s FROM generate_series(1, %s)",
        form,
        at,
        count,
    )


def _sent(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
