"""Erasing whoever proposed a side event, by their link and by a coordinator."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.events.side_events import Desk
from tests.integration.events.test_own_proposal import NOON
from tests.integration.registration.test_erasing import everything_in

CANARY = "zqcanary"
ERASE = {"action": "erase", "lang": "ru"}
ANSWERS = {
    "name": f"{CANARY}-name",
    "email": f"{CANARY}@example.org",
    "organisation": f"{CANARY}-organisation",
    "summary": f"{CANARY}-summary",
    "speakers": f"{CANARY}-speaker",
}


def _rows(desk: Desk, query: str) -> list[tuple[Any, ...]]:
    with desk.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _url(desk: Desk) -> str:
    return desk.engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize("verb", ["", "return", "decline", "accept"])
def test_link_asks_first_and_then_leaves_a_tombstone(desk: Desk, verb: str) -> None:
    proposal = desk.propose(f"{CANARY}-title", **ANSWERS)
    path = desk.link(proposal)
    if verb:
        desk.decide(proposal, verb, f"{CANARY}-note")
    before = everything_in(_url(desk))
    assert CANARY in before
    assert 'name="action" value="erase"' in desk.client.get(f"{path}?ask=erase").text
    assert everything_in(_url(desk)) == before
    answer = desk.client.post(path, data=ERASE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/p/erased?lang=ru")
    assert "Ваши данные стёрты" in desk.client.get(answer.headers["Location"]).text
    assert CANARY not in everything_in(_url(desk))
    ended = "declined" if verb == "decline" else "withdrawn"
    assert _rows(desk, "SELECT status, person_ref, contact, token_hash, title FROM proposal") == [
        (ended, None, None, None, "")
    ]
    assert [key for key, _ in _said(desk)][-1] == "org.troika.proposal.erased.v1"
    assert (desk.client.get(path).status_code, desk.client.post(path, data=ERASE).status_code) == (404, 404)
    assert desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).status_code == 404


def _said(desk: Desk) -> list[tuple[str, int]]:
    found = _rows(
        desk, "SELECT type, octet_length(body) FROM outbox WHERE subject IN (SELECT id::text FROM proposal) ORDER BY id"
    )
    assert [key for key, size in found[:-1] if size] == []
    return [(key, size) for key, size in found]


def test_place_is_given_up_and_the_next_version_leaves_it_out(desk: Desk) -> None:
    proposal = desk.accepted("Housing", **ANSWERS)
    other = desk.accepted("Health")
    path = desk.link(proposal)
    desk.put(proposal, "garden-room", NOON)
    assert desk.publish().status_code == 201
    desk.client.post(path, data=ERASE)
    assert _rows(desk, "SELECT count(*) FROM placement") == [(0,)]
    event = "SELECT status, title FROM event WHERE kind = 'side_event' AND title = 'Housing'"
    assert _rows(desk, event) == [("confirmed", "Housing")]
    desk.put(other, "garden-room", NOON)
    assert desk.publish().status_code == 201
    assert _rows(desk, event) == [("cancelled", "Housing")]


def test_coordinator_erases_with_a_reason(desk: Desk) -> None:
    proposal = desk.propose("Housing", **ANSWERS)
    path = f"/v1/proposals/{proposal}/erasure"
    assert desk.client.post(path, json={"reason": f"{CANARY} asked"}, headers=desk.headers).status_code == 422
    assert desk.client.post(path, json={"reason": "asked"}).status_code == 401
    answers = [desk.client.post(path, json={"reason": "asked"}, headers=desk.headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()
    last = answers[0].get_json()["items"][-1]
    assert (last["status"], last["note"]) == ("withdrawn", "Erased: whoever proposed it asked for it")
    assert CANARY not in everything_in(_url(desk))
    unknown = path.replace(proposal, "019a0000-0000-7000-8000-000000000000")
    assert desk.client.post(unknown, json={"reason": "asked"}, headers=desk.headers).status_code == 404
    assert desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"] == []


def test_my_data_is_everything_and_changes_nothing(desk: Desk) -> None:
    proposal = desk.propose("Housing", **ANSWERS)
    path, before = desk.link(proposal), everything_in(_url(desk))
    answer = desk.client.get(f"{path}/my-data.json")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    held = json.loads(answer.text)
    assert (held["proposal"]["id"], held["answers"]["name"]) == (proposal, f"{CANARY}-name")
    assert [value for value in ANSWERS.values() if value not in answer.text] == []
    assert everything_in(_url(desk)) == before
    assert desk.client.get("/p/unknown/my-data.json").status_code == 404
