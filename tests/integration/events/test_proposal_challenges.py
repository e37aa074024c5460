"""Challenges of the proposal form: where they are, each good once and in time, dearer in a rush, then forgotten."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.settings import read_settings
from services.events.web import build_app
from shared.public_forms.proof_of_work import new_challenge, proof_keys
from shared.public_forms.proposal import proposal_slug
from shared.public_forms.work_asked import CALM, KEPT, LIFETIME, TRIES
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.proposal_proofs import (
    CHALLENGE,
    PROPOSALS,
    SECOND,
    answered,
    forget_old,
    listed,
    proof,
    stored,
)
from tests.integration.events.proposal_proofs import clock as clock
from tests.integration.events.proposal_proofs import environment as environment
from tests.integration.events.side_events import Desk, an_answer
from tests.support.clients import together
from tests.support.clock import FrozenClock
from tests.support.working import worked

SIGNING_KEY = bytes.fromhex("11" * 32)


@pytest.fixture
def plain(environment: dict[str, str], database: str, clock: FrozenClock) -> Iterator[FlaskClient]:
    """The application of a form that asks for none, on the same database."""
    engine = open_engine(database)
    settings = read_settings(environment | {"TROIKA_PROPOSAL_PROOF_OF_WORK": "off"})
    yield build_app(settings, engine, clock).test_client()
    engine.dispose()


def refusal(client: FlaskClient, payload: object) -> str:
    """Why a proof is refused."""
    status, code, reason = answered(client, an_answer("An idea", altcha=payload))
    assert (status, code) == (422, "proof-refused")
    return reason


def test_form_says_where_its_challenges_are(desk: Desk) -> None:
    page = desk.client.get("/propose?lang=en").text
    assert f'data-challenge="{CHALLENGE}"' in page
    assert "<noscript>" in page
    answer = desk.client.get(CHALLENGE)
    assert answer.get_json()["parameters"]["data"] == {"form": "side-event-proposal", "tries": TRIES}
    assert answer.headers["Cache-Control"] == "no-store"


def test_form_that_asks_for_none_has_no_challenges_and_takes_what_it_took(plain: FlaskClient, desk: Desk) -> None:
    assert plain.get(CHALLENGE).status_code == 404
    assert "data-challenge" not in plain.get("/propose").text
    assert answered(plain, an_answer("An idea", altcha="whatever")) == (201, "submitted", "")
    assert listed(desk) == ["An idea"]
    assert stored(desk, "SELECT id FROM used_challenge") == []


def test_challenge_is_used_once(desk: Desk) -> None:
    solved = proof(desk.client)
    assert answered(desk.client, an_answer("An idea", altcha=solved)) == (201, "submitted", "")
    for email in ("proposer@example.org", "bo@example.org"):
        other = an_answer("Another idea", altcha=solved, email=email)
        assert answered(desk.client, other) == (422, "proof-refused", "used")
    assert stored(desk) == ["An idea"]


def test_challenge_of_many_at_once_is_used_once(app: Flask, desk: Desk, environment: dict[str, str]) -> None:
    """Two applications with a database in common, as many people as both have connections, one piece of work."""
    engine = open_engine(environment["EVENTS_DATABASE_URL"])
    apps, solved = (app, build_app(read_settings(environment), engine, desk.clock)), proof(desk.client)

    def propose(number: int) -> tuple[int, str]:
        content = an_answer(f"Idea {number}", email=f"proposer-{number}@example.org", altcha=solved)
        return answered(apps[number % 2].test_client(), content)[::2]

    outcomes = together(8, propose)
    engine.dispose()
    assert sorted(outcomes) == [(201, "")] + [(422, "used")] * 7
    assert (len(stored(desk)), len(stored(desk, "SELECT id FROM used_challenge"))) == (1, 1)


def test_challenge_is_not_used_up_by_what_is_not_stored(desk: Desk) -> None:
    solved = proof(desk.client)
    assert answered(desk.client, an_answer("An idea", altcha=solved, email="nobody"))[1] == "invalid"
    both = {"preferred_days": ["2020-05-11"], "unavailable_days": ["2020-05-11"]}
    assert answered(desk.client, an_answer("An idea", altcha=solved, **both))[0] == 422
    assert answered(desk.client, an_answer("An idea", altcha=solved)) == (201, "submitted", "")


def test_repetition_with_its_key_is_answered_as_at_first(desk: Desk) -> None:
    """The promise of the key comes before the challenge, which is used and over by then."""
    key = {"Idempotency-Key": "a-key-of-the-client"}
    content = an_answer("An idea", altcha=proof(desk.client))
    first = desk.client.post(PROPOSALS, json=content, headers=key)
    desk.clock.advance(LIFETIME * 2)
    for again in (content, an_answer("An idea"), an_answer("An idea", altcha="?")):
        assert desk.client.post(PROPOSALS, json=again, headers=key).data == first.data
    unproven = {"Idempotency-Key": "another-key-of-the-client"}
    asked = desk.client.post(PROPOSALS, json=an_answer("Another"), headers=unproven)
    desk.client.post(desk.link(asked.get_json()["id"]), data={"action": "confirm"})
    assert desk.client.post(PROPOSALS, json=an_answer("Another"), headers=unproven).data == asked.data


def test_expired_foreign_altered_and_unsolved_are_refused(desk: Desk) -> None:
    good = json.loads(base64.b64decode(proof(desk.client)))
    foreign = new_challenge(proof_keys([SIGNING_KEY], "events"), "another-form", 0, desk.clock())
    elsewhere = new_challenge(proof_keys([SIGNING_KEY], "registration"), proposal_slug(), 0, desk.clock())
    altered = {**good, "challenge": {**good["challenge"], "signature": "00" * 32}}
    unsolved = {**good, "solution": {"counter": 0, "derivedKey": "00" * 32}}
    assert refusal(desk.client, worked(foreign)) == "foreign"
    assert refusal(desk.client, worked(elsewhere)) == "altered"
    assert refusal(desk.client, _sent(altered)) == "altered"
    assert refusal(desk.client, _sent(unsolved)) == "unsolved"
    assert [refusal(desk.client, sent) for sent in ("?", {"a": 1})] == ["unreadable"] * 2
    desk.clock.advance(LIFETIME)
    assert refusal(desk.client, _sent(good)) == "expired"
    assert (stored(desk), desk.said_of_proposals()) == ([], [])


def test_work_rises_with_the_rush_alike_in_every_process(desk: Desk, environment: dict[str, str]) -> None:
    """Both count the same rows; other forms count for nothing, and after a minute all is as before."""
    engine = open_engine(environment["EVENTS_DATABASE_URL"])
    other = build_app(read_settings(environment), engine, desk.clock).test_client()

    def tries(client: FlaskClient) -> int:
        return int(client.get(CHALLENGE).get_json()["parameters"]["data"]["tries"])

    asked = []
    for solved in (CALM - 1, 1, CALM, 10 * CALM):
        _use(desk, proposal_slug(), solved)
        _use(desk, "another", 500)
        asked.append((tries(desk.client), tries(other)))
    assert asked == [(TRIES, TRIES), (2 * TRIES, 2 * TRIES), (4 * TRIES, 4 * TRIES), (8 * TRIES, 8 * TRIES)]
    desk.clock.advance(timedelta(minutes=1))
    assert (tries(desk.client), tries(other)) == (TRIES, TRIES)
    engine.dispose()


def test_used_challenges_are_forgotten_when_they_could_not_be_used_again(desk: Desk, relay: UnitOfWork) -> None:
    desk.client.post(PROPOSALS, json=an_answer("An idea", altcha=proof(desk.client)))
    for later, left in ((KEPT, 1), (SECOND, 0)):
        desk.clock.advance(later)
        forget_old(desk, relay)
        assert len(stored(desk, "SELECT id FROM used_challenge")) == left


def _use(desk: Desk, form: str, count: int) -> None:
    question = text(
        "INSERT INTO used_challenge"
        " SELECT CAST(gen_random_uuid()::text AS bytea), :form, :at FROM generate_series(1, :count)"
    )
    with desk.engine.begin() as connection:
        connection.execute(question, {"form": form, "at": desk.clock(), "count": count})


def _sent(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
