"""Challenges of forms: where they are, each good once and in time, dearer in a rush, then forgotten."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.forms.work_asked import CALM, KEPT, LIFETIME, TRIES
from shared.store.engine import open_engine
from tests.integration.registration.proofs import CHALLENGE, proof, refused, used
from tests.integration.registration.proofs import client as client
from tests.integration.registration.proofs import hand as hand
from tests.integration.registration.test_places import said, states
from tests.integration.registration.test_verification import keep_house
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows, together
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation
from tests.support.working import worked


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
        keep_house(installation, hand() + later)
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
