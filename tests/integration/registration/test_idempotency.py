"""The same key, the same answer: a repeated request gets the first answer, and nothing happens twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import COPY_KEY, SUBMISSIONS, answers, rows, together
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

ROUNDS = 5
THREADS = 50


def stored(installation: TestInstallation) -> int:
    """How many submissions there are."""
    return int(rows(installation.urls["registration"], "SELECT count(*) FROM submission")[0][0])


def test_key_with_other_content_refused(client: FlaskClient, installation: TestInstallation) -> None:
    """422 and nothing stored: a key belongs to one request."""
    headers = {"Idempotency-Key": "one-key-only"}
    assert client.post(SUBMISSIONS, json=answers(1), headers=headers).status_code == 202
    other = client.post(SUBMISSIONS, json=answers(2), headers=headers)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-mismatch")
    assert stored(installation) == 1


def test_key_is_of_one_form(client: FlaskClient, service: RegistrationService) -> None:
    """Two forms of two partners may meet in a key."""
    rows(service.url, """INSERT INTO form SELECT (jsonb_populate_record(f, '{"slug": "other"}')).* FROM form f""")
    rows(service.url, "INSERT INTO seat (form) VALUES ('other')")
    rows(service.url, COPY_KEY, "other")
    headers = {"Idempotency-Key": "one-key-only"}
    given = [service.submit(answers(1), form, headers).get_json() for form in ("upr-webinar-10", "other")]
    assert len({answer["receipt"] for answer in given}) == 2


def test_key_replayed_after_the_form_closed(service: RegistrationService) -> None:
    """A submission that was answered 202 is answered so again, though no one else can submit any more."""
    headers = {"Idempotency-Key": "before-it-closed"}
    first = service.submit(answers(1), headers=headers)
    for change in ("UPDATE form SET open = false", "UPDATE form SET open = true; UPDATE seat SET word = 'full'"):
        rows(service.url, change)
        again = service.submit(answers(1), headers=headers)
        assert (again.status_code, again.data) == (202, first.data)
        assert service.submit(answers(2), headers=headers).get_json()["code"] == "form-closed"
        assert service.submit(answers(2)).get_json()["code"] == "form-closed"
    assert rows(service.url, "SELECT count(*) FROM submission") == [(1,)]


def test_key_of_wrong_shape_refused(client: FlaskClient) -> None:
    """A key that anyone might guess or that cannot be stored is no key."""
    for key in ("short", "with space inside", "x" * 201):
        assert client.post(SUBMISSIONS, json=answers(1), headers={"Idempotency-Key": key}).status_code == 400


def test_key_after_the_decision_gets_the_same_answer(service: RegistrationService) -> None:
    """Also once someone has confirmed: the repetition makes neither a candidate nor a mail."""
    headers = {"Idempotency-Key": "a-key-of-the-client"}
    first = service.submit(answers(1), headers=headers)
    service.decide()
    assert service.confirm("participant-1@example.org") == ["confirmed"]
    again = service.submit(answers(1), headers=headers)
    service.decide()
    assert (again.status_code, again.data) == (202, first.data)
    assert rows(service.url, "SELECT count(*) FROM submission WHERE kind = 'submission'") == [(1,)]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert service.mailed() == ["participant-1@example.org"]


def test_key_from_many_threads_is_one_submission(service: RegistrationService) -> None:
    """Fifty at once, several times: one row, one mail, fifty equal answers each."""
    for number in range(ROUNDS):
        headers = {"Idempotency-Key": f"key-of-repetition-{number}"}

        def post(_thread: int, number: int = number, headers: dict[str, str] = headers) -> tuple[int, bytes]:
            answer = service.app.test_client().post(SUBMISSIONS, json=answers(number), headers=headers)
            return answer.status_code, answer.data

        given = together(THREADS, post)
        assert {status for status, _ in given} == {202}
        assert len({body for _, body in given}) == 1
    service.decide()
    assert rows(service.url, "SELECT count(*), count(DISTINCT receipt_hash) FROM submission") == [(ROUNDS, ROUNDS)]
    assert sorted(service.mailed()) == [f"participant-{number}@example.org" for number in range(ROUNDS)]


@pytest.mark.parametrize("keys", [["first-key", "second-key"], ["", ""]], ids=["two keys", "no key"])
def test_same_answers_twice_are_one_candidate_and_one_mail(service: RegistrationService, keys: list[str]) -> None:
    """A browser without a script sends no key; after two presses the same answers wait once."""
    for key in keys:
        assert service.submit(answers(1), headers={"Idempotency-Key": key} if key else {}).status_code == 202
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM submission") == [(2,)]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(1,)]
    assert service.mailed() == ["participant-1@example.org"]


def test_pages_pressed_twice_at_once_wait_once(service: RegistrationService) -> None:
    page = {"Accept": "text/html"}

    def press(_number: int) -> Any:
        content = {**answers(1), "consent": "on"}
        return service.app.test_client().post(SUBMISSIONS, data=content, headers=page).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(press, range(2))) == [202, 202]
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(1,)]
    assert service.mailed() == ["participant-1@example.org"]
