"""A proposal form that asks for a proof of work: what solves it, what is refused, and the way of who solves nothing."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.domain.proposal_retention import UNVERIFIED_FOR
from services.events.settings import read_settings
from services.events.usecases.list_proposals import list_sent_again
from services.events.usecases.submit_proposal import MOST_RECEIPTS
from services.events.web import build_app
from services.events.wiring import describe
from shared.core.rights import login
from shared.forms.proof_of_work import new_challenge, proof_keys
from shared.forms.proposal import proposal_slug
from shared.forms.work_asked import CALM, KEPT, LIFETIME, TRIES
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.side_events import Desk, an_answer
from tests.support.clients import together
from tests.support.clock import FrozenClock
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer
from tests.support.working import worked

CHALLENGE = "/v1/proposals/challenge"
PROPOSALS = "/v1/proposals"
PAGE = {"Accept": "text/html"}
SIGNING_KEY = bytes.fromhex("11" * 32)
SECOND = timedelta(seconds=1)
ASKED, SUBMITTED = "proposal.verification-requested.v1", "proposal.submitted.v1"


@pytest.fixture
def clock() -> FrozenClock:
    """The time of the application: the library that checks proofs looks at the machine's as well."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The settings of a form that asks for work."""
    return environment | {"TROIKA_PROPOSAL_PROOF_OF_WORK": "asked"}


@pytest.fixture
def plain(environment: dict[str, str], database: str, clock: FrozenClock) -> Iterator[FlaskClient]:
    """The application of a form that asks for none, on the same database."""
    engine = open_engine(database)
    settings = read_settings(environment | {"TROIKA_PROPOSAL_PROOF_OF_WORK": "off"})
    yield build_app(settings, engine, clock).test_client()
    engine.dispose()


@pytest.fixture
def relay(database: str, postgres: PostgresServer) -> Iterator[UnitOfWork]:
    """Transactions of the relay, by its own login."""
    engine = open_engine(postgres.url(database_of(database), login("events", "relay")))
    yield UnitOfWork(engine, "events")
    engine.dispose()


def proof(client: FlaskClient) -> str:
    """A challenge of the form, solved."""
    return worked(client.get(CHALLENGE).get_json())


def answered(client: FlaskClient, content: dict[str, Any], **headers: str) -> tuple[int, str, str]:
    """Status of the answer, then the proposal's, or code and reason of the refusal."""
    answer = client.post(PROPOSALS, json=content, headers=headers)
    body = answer.get_json()
    return answer.status_code, body.get("code", body["status"]), body.get("detail", "")


def refusal(client: FlaskClient, payload: object) -> str:
    """Why a proof is refused."""
    status, code, reason = answered(client, an_answer("An idea", altcha=payload))
    assert (status, code) == (422, "proof-refused")
    return reason


def listed(desk: Desk) -> list[str]:
    """Titles of what coordinators see."""
    return [one["title"] for one in desk.client.get(PROPOSALS, headers=desk.headers).get_json()["items"]]


def stored(desk: Desk, question: str = "SELECT title FROM proposal ORDER BY id") -> list[Any]:
    """What the database says, in one column."""
    with desk.engine.connect() as connection:
        return list(connection.execute(text(question)).scalars())


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


def test_whoever_has_worked_is_read(desk: Desk) -> None:
    assert answered(desk.client, an_answer("An idea", altcha=proof(desk.client))) == (201, "submitted", "")
    assert listed(desk) == ["An idea"]
    assert [key for key, _ in desk.said_of_proposals()] == [SUBMITTED]
    assert stored(desk, "SELECT form FROM used_challenge") == [proposal_slug()]


def test_challenge_is_used_once(desk: Desk) -> None:
    solved = proof(desk.client)
    assert answered(desk.client, an_answer("An idea", altcha=solved)) == (201, "submitted", "")
    for email in ("proposer@example.org", "bo@example.org"):
        other = an_answer("Another idea", altcha=solved, email=email)
        assert answered(desk.client, other) == (422, "proof-refused", "used")
    assert stored(desk) == ["An idea"]


def test_challenge_of_many_at_once_is_used_once(app: Flask, desk: Desk, environment: dict[str, str]) -> None:
    """Two applications with a database in common, sixteen people, one piece of work."""
    engine = open_engine(environment["EVENTS_DATABASE_URL"])
    apps, solved = (app, build_app(read_settings(environment), engine, desk.clock)), proof(desk.client)

    def propose(number: int) -> tuple[int, str]:
        content = an_answer(f"Idea {number}", email=f"proposer-{number}@example.org", altcha=solved)
        return answered(apps[number % 2].test_client(), content)[::2]

    outcomes = together(16, propose)
    engine.dispose()
    assert sorted(outcomes) == [(201, "")] + [(422, "used")] * 15
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


def test_whoever_has_not_worked_confirms_the_address_before_coordinators_see_it(desk: Desk) -> None:
    answer = desk.client.post(PROPOSALS, json=an_answer("An idea"))
    proposal, message = answer.get_json()["id"], answer.get_json()["message"]
    assert (answer.status_code, answer.get_json()["status"]) == (201, "unverified")
    assert "once you have pressed the button" in message
    assert (listed(desk), desk.decide(proposal, "accept").status_code) == ([], 404)
    for path in (f"{PROPOSALS}/{proposal}", f"{PROPOSALS}/{proposal}/history"):
        assert desk.client.get(path, headers=desk.headers).status_code == 404
    ((key, told),) = desk.said_of_proposals()
    assert (key, told["status"], told["sealed"]["address"]) == (ASKED, "unverified", "proposer@example.org")

    done = desk.client.post(desk.link(proposal), data={"action": "confirm"})
    assert (done.status_code, listed(desk)) == (303, ["An idea"])
    assert [(key, said["revision"]) for key, said in desk.said_of_proposals()] == [(ASKED, 1), (SUBMITTED, 2)]
    shown = list_sent_again(UnitOfWork(desk.engine, "events"), [proposal])
    assert (shown, desk.decide(proposal, "accept").status_code) == ({}, 200)


def test_link_of_an_unconfirmed_proposal_shows_nothing_of_it_and_does_nothing_else(desk: Desk) -> None:
    """Whoever gets the mail may never have heard of it: a stranger's words must not reach them by it."""
    proposal = desk.propose("A stranger's words")
    link = desk.link(proposal)
    shown = [desk.client.get(link + more) for more in ("", "?ask=edit", "?ask=erase", "/my-data.json")]
    acted = [desk.client.post(link, data={"action": name}) for name in ("withdraw", "send-again", "erase")]
    for answer in shown + acted[:1] + acted[2:]:
        assert "Is this your proposal?" in answer.text
        assert "stranger" not in answer.text
    assert stored(desk, "SELECT status FROM proposal") == ["unverified"]
    assert listed(desk) == []


def test_reading_the_link_confirms_nothing_and_pressing_twice_confirms_once(desk: Desk) -> None:
    link = desk.link(desk.propose("An idea"))
    desk.client.get(link)
    desk.client.head(link)
    assert listed(desk) == []
    for _ in range(2):
        assert desk.client.post(link, data={"action": "confirm"}).status_code == 303
    assert stored(desk, "SELECT revision FROM proposal") == [2]
    assert [key for key, _ in desk.said_of_proposals()] == [ASKED, SUBMITTED]


def test_one_link_is_enough_for_all_that_waits_for_the_address(desk: Desk) -> None:
    """An address is asked once a day, and it may be a stranger who has used that up."""
    first = desk.propose("First")
    for number in range(MOST_RECEIPTS + 1):
        desk.propose(f"Idea {number}", email="Proposer@Example.org")
    desk.propose("Another's", email="bo@example.org")
    desk.client.post(desk.link(first), data={"action": "confirm"})
    assert listed(desk) == ["First", *(f"Idea {number}" for number in range(MOST_RECEIPTS + 1))]


def test_address_that_nobody_confirms_is_forgotten(desk: Desk, relay: UnitOfWork) -> None:
    proposal = desk.propose("An idea")
    desk.client.post(PROPOSALS, json=an_answer("Proven", altcha=proof(desk.client)))
    link = desk.link(proposal)
    for later, left in ((UNVERIFIED_FOR - SECOND, "An idea"), (SECOND, "")):
        desk.clock.advance(later)
        forget_old(desk, relay)
        assert stored(desk) == [left, "Proven"]
    assert desk.client.post(link, data={"action": "confirm"}).status_code == 404
    assert stored(desk, "SELECT type FROM outbox ORDER BY id")[-1] == "org.troika.proposal.erased.v1"
    assert stored(desk, "SELECT count(*) FROM outbox WHERE blanked_at IS NOT NULL") == [1]
    assert listed(desk) == ["Proven"]


def test_link_ends_with_its_time_before_anybody_cleans_up(desk: Desk) -> None:
    link = desk.link(desk.propose("An idea"))
    desk.clock.advance(UNVERIFIED_FOR)
    assert desk.client.post(link, data={"action": "confirm"}).status_code == 404
    assert listed(desk) == []


def test_strangers_without_work_use_up_nothing_of_the_address(desk: Desk) -> None:
    """Neither its receipts nor what it may send in a day."""
    for number in range(25):
        desk.propose(f"A stranger's {number}")
    desk.client.post(PROPOSALS, json=an_answer("The owner's", altcha=proof(desk.client)))
    assert listed(desk) == ["The owner's"]
    assert [key for key, _ in desk.said_of_proposals()] == [ASKED] * MOST_RECEIPTS + [SUBMITTED]


def test_answer_without_work_tells_nothing_of_the_address(desk: Desk) -> None:
    """New, known and trapped: the same status and sentence."""
    desk.client.post(PROPOSALS, json=an_answer("An idea", altcha=proof(desk.client)))
    contents = (
        an_answer("New", email="bo@example.org"),
        an_answer("Known"),
        an_answer("Trapped", website="https://example.org"),
    )
    said = [desk.client.post(PROPOSALS, json=content).get_json() | {"id": ""} for content in contents]
    assert said[0] == said[1] == said[2]
    trapped = an_answer("Trapped", website="https://example.org", altcha=proof(desk.client))
    assert answered(desk.client, trapped) == (201, "submitted", "")


def test_page_without_a_script_works(desk: Desk) -> None:
    form = an_answer("An idea") | {"consent": "yes", "lang": "fr", "altcha": ""}
    answer = desk.client.post(PROPOSALS, data=form, headers=PAGE)
    assert (answer.status_code, "confirmez votre adresse" in answer.text) == (201, True)
    assert stored(desk, "SELECT status FROM proposal") == ["unverified"]


def test_page_is_shown_again_when_its_proof_has_run_out(desk: Desk) -> None:
    form = an_answer("An idea") | {"consent": "yes", "lang": "en", "altcha": proof(desk.client)}
    desk.clock.advance(LIFETIME)
    answer = desk.client.post(PROPOSALS, data=form, headers=PAGE)
    assert answer.status_code == 422
    assert "The check against robots had run out." in answer.text
    assert 'value="An idea"' in answer.text
    assert form["altcha"] not in answer.text


def test_used_challenges_are_forgotten_when_they_could_not_be_used_again(desk: Desk, relay: UnitOfWork) -> None:
    desk.client.post(PROPOSALS, json=an_answer("An idea", altcha=proof(desk.client)))
    for later, left in ((KEPT, 1), (SECOND, 0)):
        desk.clock.advance(later)
        forget_old(desk, relay)
        assert len(stored(desk, "SELECT id FROM used_challenge")) == left


def forget_old(desk: Desk, relay: UnitOfWork) -> None:
    """What the relay does every few seconds."""
    forget = describe().forget
    assert forget is not None
    forget(relay, desk.clock())


def _use(desk: Desk, form: str, count: int) -> None:
    question = text(
        "INSERT INTO used_challenge"
        " SELECT CAST(gen_random_uuid()::text AS bytea), :form, :at FROM generate_series(1, :count)"
    )
    with desk.engine.begin() as connection:
        connection.execute(question, {"form": form, "at": desk.clock(), "count": count})


def _sent(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
