"""Forms that ask for a proof of work: what solves it, what is refused, and the way of those who can solve nothing."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.web import build_app
from services.registration.wiring import describe
from shared.forms.work_asked import CALM, KEPT, LIFETIME, TRIES
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.registration.test_places import said, states
from tests.integration.registration.test_verification import click
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows, together
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


def test_form_says_where_its_challenges_are(client: FlaskClient) -> None:
    assert client.get(f"/v1/forms/{WEBINAR}").get_json()["proof_of_work"] == {"challenge": CHALLENGE}
    answer = client.get(CHALLENGE, headers={"Origin": "http://localhost:8010"})
    parameters = answer.get_json()["parameters"]
    assert parameters["data"] == {"form": WEBINAR, "tries": TRIES}
    assert answer.headers["Cache-Control"] == "no-store"


def test_partners_own_page_may_read_challenges_and_no_other(
    client: FlaskClient, installation: TestInstallation
) -> None:
    ((origins,),) = rows(
        installation.urls["registration"], "SELECT origins FROM partner WHERE slug = 'example-partner'"
    )
    for origin, allowed in ((origins[0], origins[0]), ("https://other.example", None)):
        for ask in (client.get, client.options):
            answer = ask(CHALLENGE, headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_form_that_asks_for_none_has_no_challenges(client: FlaskClient, installation: TestInstallation) -> None:
    rows(installation.urls["registration"], "UPDATE form SET proof_of_work = 'off'")
    assert client.get(CHALLENGE).status_code == 404
    assert client.get(f"/v1/forms/{WEBINAR}").get_json()["proof_of_work"] is None
    assert client.get("/v1/challenge?form=no-such-form").status_code == 404
    assert client.get("/v1/challenge").status_code == 422


def test_form_that_asks_for_none_takes_what_it_took(client: FlaskClient, installation: TestInstallation) -> None:
    rows(installation.urls["registration"], "UPDATE form SET proof_of_work = 'off'")
    answer = client.post(REGISTRATIONS, json=answers(1, altcha="whatever"))
    assert (answer.status_code, answer.get_json()["status"]) == (201, "confirmed")
    assert used(installation) == 0


def test_whoever_has_worked_gets_a_seat(client: FlaskClient, installation: TestInstallation) -> None:
    answer = client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)))
    assert (answer.status_code, answer.get_json()["status"]) == (201, "confirmed")
    assert states(installation) == {1: ("confirmed", None)}
    assert used(installation) == 1


def test_challenge_is_used_once(client: FlaskClient, installation: TestInstallation) -> None:
    solved = proof(client)
    assert refused(client, answers(1, altcha=solved))[0] == 201
    assert refused(client, answers(2, altcha=solved)) == (422, "proof-refused", "used")
    # nor for the same person: each answer costs work, or somebody could ask who is registered for one piece of it
    assert refused(client, answers(1, altcha=solved)) == (422, "proof-refused", "used")
    assert states(installation) == {1: ("confirmed", None)}


def test_challenge_of_many_at_once_is_used_once(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Two applications with a database in common, sixteen people, one piece of work."""
    engine = open_engine(installation.urls["registration"])
    apps = (client.application, build_app(read_settings(), engine, clock=hand))
    solved = proof(client)

    def register(number: int) -> tuple[int, str]:
        return refused(apps[number % 2].test_client(), answers(number, altcha=solved))[::2]

    outcomes = together(16, register)
    engine.dispose()
    assert sorted(outcomes) == [(201, "")] + [(422, "used")] * 15
    assert used(installation) == 1


def test_repetition_with_its_key_is_answered_as_at_first(client: FlaskClient, hand: FrozenClock) -> None:
    """The promise of the key comes before the challenge, which is used and over by then."""
    content, key = answers(1, altcha=proof(client)), {"Idempotency-Key": "a-key-of-the-client"}
    first = client.post(REGISTRATIONS, json=content, headers=key)
    hand.advance(LIFETIME * 2)
    assert client.post(REGISTRATIONS, json=content, headers=key).data == first.data
    assert client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)), headers=key).data == first.data
    assert client.post(REGISTRATIONS, json=answers(1), headers=key).data == first.data


def test_expired_foreign_altered_and_unsolved_are_refused(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    rows(
        installation.urls["registration"],
        'INSERT INTO form SELECT (jsonb_populate_record(f, \'{"slug": "another"}\')).* FROM form f',
    )
    rows(installation.urls["registration"], "INSERT INTO seat (form) VALUES ('another')")
    foreign = worked(client.get("/v1/challenge?form=another").get_json())
    good = json.loads(base64.b64decode(proof(client)))
    altered = {**good, "challenge": {**good["challenge"], "signature": "00" * 32}}
    unsolved = {**good, "solution": {"counter": 0, "derivedKey": "00" * 32}}

    assert refused(client, answers(1, altcha=foreign)) == (422, "proof-refused", "foreign")
    assert refused(client, answers(1, altcha=_sent(altered))) == (422, "proof-refused", "altered")
    assert refused(client, answers(1, altcha=_sent(unsolved))) == (422, "proof-refused", "unsolved")
    assert refused(client, answers(1, altcha="?")) == (422, "proof-refused", "unreadable")
    assert refused(client, answers(1, altcha={"a": 1})) == (422, "proof-refused", "unreadable")
    hand.advance(LIFETIME)
    assert refused(client, answers(1, altcha=_sent(good))) == (422, "proof-refused", "expired")
    assert states(installation) == {}
    assert said(installation) == []


def test_refused_proof_can_be_read_by_the_partners_page(client: FlaskClient, installation: TestInstallation) -> None:
    ((origins,),) = rows(
        installation.urls["registration"], "SELECT origins FROM partner WHERE slug = 'example-partner'"
    )
    answer = client.post(REGISTRATIONS, json=answers(1, altcha="?"), headers={"Origin": origins[0]})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (422, origins[0])


def test_faulty_answers_do_not_use_up_the_work(client: FlaskClient) -> None:
    solved = proof(client)
    assert refused(client, answers(1, altcha=solved, email="nobody"))[1] == "invalid"
    assert refused(client, answers(1, altcha=solved))[0] == 201


def test_whoever_has_not_worked_confirms_the_address_and_holds_no_seat(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Also where addresses need no confirmation: a program could else take every seat, or keep it for a day."""
    for number in (1, 2, 3):
        answer = client.post(REGISTRATIONS, json=answers(number))
        assert (answer.status_code, answer.get_json()["status"]) == (201, "unverified")
    url = installation.urls["registration"]
    assert rows(url, "SELECT DISTINCT status, hold_until, expires_at FROM registration") == [
        ("unverified", None, hand() + timedelta(days=8))
    ]
    assert rows(url, "SELECT confirmed, waiting FROM seat") == [(0, 0)]
    assert said(installation) == [("verification-requested", "unverified")] * 3

    for number in (4, 5):
        assert (
            client.post(REGISTRATIONS, json=answers(number, altcha=proof(client))).get_json()["status"] == "confirmed"
        )
    click(client, installation, 2)
    assert states(installation) == {
        1: ("unverified", None),
        2: ("waitlisted", 1),
        3: ("unverified", None),
        4: ("confirmed", None),
        5: ("confirmed", None),
    }


def test_where_addresses_are_confirmed_only_work_holds_a_seat(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET verification = 'email'")
    client.post(REGISTRATIONS, json=answers(1))
    client.post(REGISTRATIONS, json=answers(2, altcha=proof(client)))
    assert rows(url, "SELECT email, hold_until FROM registration ORDER BY email") == [
        ("participant-1@example.org", None),
        ("participant-2@example.org", hand() + timedelta(days=1)),
    ]


def test_answer_without_work_tells_nothing_of_the_address(client: FlaskClient) -> None:
    """New, known and trapped: the same status and sentence, as with work."""
    client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)))
    new, known, trapped = (
        client.post(REGISTRATIONS, json=content).get_json()
        for content in (answers(2), answers(1), answers(3, website="https://example.org"))
    )
    assert new | {"id": ""} == known | {"id": ""} == trapped | {"id": ""}
    again, fresh = (client.post(REGISTRATIONS, json=answers(n, altcha=proof(client))).get_json() for n in (1, 4))
    assert again | {"id": ""} == fresh | {"id": ""}


def test_page_without_a_script_works(client: FlaskClient, installation: TestInstallation) -> None:
    page = client.get(f"/embed/{WEBINAR}?partner=example-partner").get_data(as_text=True)
    assert f'data-challenge="{CHALLENGE}"' in page
    assert "<noscript>" in page
    answer = client.post(REGISTRATIONS, data={**_fields(1), "lang": "fr"}, headers={"Accept": "text/html"})
    assert (answer.status_code, "confirmez votre adresse" in answer.get_data(as_text=True)) == (201, True)
    assert states(installation) == {1: ("unverified", None)}


def test_plain_form_with_a_widget_of_another_is_shown_again_when_its_proof_has_run_out(
    client: FlaskClient, hand: FrozenClock
) -> None:
    solved = proof(client)
    hand.advance(LIFETIME)
    answer = client.post(REGISTRATIONS, data={**_fields(1), "altcha": solved}, headers={"Accept": "text/html"})
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "The check against robots had run out." in page, "Participant 1" in page) == (
        422,
        True,
        True,
    )


def test_work_rises_with_the_rush_of_the_form_alike_in_every_process(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both count the same rows; another form stays as it is, and after a minute all is as before."""

    def tries(asked: FlaskClient, now: datetime) -> int:
        monkeypatch.setattr("services.registration.api.tools.VIEW_KEPT_S", 0.0)
        hand.set(now)
        return int(asked.get(CHALLENGE).get_json()["parameters"]["data"]["tries"])

    began, url = hand(), installation.urls["registration"]
    engine = open_engine(url)
    other = build_app(read_settings(), engine, clock=hand).test_client()
    asked = []
    for solved in (CALM - 1, 1, CALM, 10 * CALM):
        _use(url, WEBINAR, solved, began)
        _use(url, "another", 500, began)
        asked.append((tries(client, began), tries(other, began)))
    engine.dispose()
    assert asked == [(TRIES, TRIES), (2 * TRIES, 2 * TRIES), (4 * TRIES, 4 * TRIES), (8 * TRIES, 8 * TRIES)]
    assert tries(client, began + timedelta(minutes=1)) == TRIES


def test_used_challenges_are_forgotten_when_they_could_not_be_used_again(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)))
    for later, left in ((KEPT, 1), (KEPT + timedelta(seconds=1), 0)):
        forget, engine = describe().forget, open_engine(installation.urls["registration"])
        assert forget is not None
        forget(UnitOfWork(engine, "registration"), hand() + later)
        engine.dispose()
        assert used(installation) == left
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


def _fields(number: int) -> dict[str, str]:
    """The form as a browser sends it."""
    return {
        "name": f"Participant {number}",
        "email": f"participant-{number}@example.org",
        "language": "en",
        "consent": "yes",
    }
