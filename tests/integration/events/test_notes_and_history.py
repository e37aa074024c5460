"""Coordinators' notes and the history: permanent, and only coordinators can read them."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from services.events.desk.console import CHANGE_NAMES
from services.events.event.lifecycle import STEPS
from services.events.event.model import EDITED, LOADED, MADE, PUBLISHED, RESOURCE_CHANGED, RESOURCE_MADE
from services.events.loading.service import load_sample
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_id, new_token, token_hash
from tests.integration.events.builders import WEBINAR, rows
from tests.support.clock import FrozenClock
from tests.support.signed_in import enter

Headers = Callable[[str], dict[str, str]]
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
NOTES = f"/v1/events/{WEBINAR}/notes"
SECRET = "zanzibar interpreter asked for"


def _sign_in(client: FlaskClient, key: str) -> None:
    enter(client, key)


def _note_id(page: str) -> str:
    found = re.search(r'name="note_id" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_notes_are_read_with_who_and_when_the_newest_first(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, clock: FrozenClock
) -> None:
    headers = as_role("coordinator")
    for words in ("One.", "Two\nlines.", "Three."):
        made = client.post(NOTES, json={"words": words}, headers=headers)
        assert (made.status_code, (made.json or {})["words"]) == (201, words)
        clock.advance(seconds=60)
    first = client.get(f"{NOTES}?limit=2", headers=headers).json or {}
    rest = client.get(f"{NOTES}?limit=2&cursor={first['next']}", headers=headers).json or {}
    assert [note["words"] for note in first["items"] + rest["items"]] == ["Three.", "Two\nlines.", "One."]
    assert (rest["next"], rest["items"][0]["written_by"]) == ("", "a coordinator")
    assert client.get("/v1/events/upr-review/notes", headers=headers).json == {"items": [], "next": ""}


def test_a_request_sent_twice_is_one_note(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    headers, note = as_role("coordinator"), {"id": new_id(), "words": "Once."}
    answers = [client.post(NOTES, json=note, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    other = client.post(NOTES, json=note | {"words": "Another."}, headers=headers)
    assert (other.status_code, (other.json or {})["code"]) == (409, "already-exists")
    elsewhere = client.post("/v1/events/upr-review/notes", json=note, headers=headers)
    assert elsewhere.status_code == 409
    assert rows(loaded, "SELECT words FROM event_note") == [("Once.",)]


@pytest.mark.parametrize("words", ["", "x" * 4001, "a\0b", " blank ends "])
def test_a_note_that_is_none_is_refused(loaded: UnitOfWork, client: FlaskClient, as_role: Headers, words: str) -> None:
    answer = client.post(NOTES, json={"words": words}, headers=as_role("coordinator"))
    assert (answer.status_code, [f["pointer"] for f in (answer.json or {})["errors"]]) == (422, ["/words"])
    assert rows(loaded, "SELECT count(*)::int FROM event_note") == [(0,)]


def test_what_was_written_stays(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    note = client.post(NOTES, json={"words": "First."}, headers=as_role("coordinator")).json or {}
    for method in ("PATCH", "PUT", "DELETE"):
        answer = client.open(f"{NOTES}/{note['id']}", method=method, json={}, headers=as_role("coordinator"))
        assert answer.status_code in (404, 405)
    with pytest.raises(DatabaseError, match="never changed"), loaded.transaction() as connection:
        connection.execute(text("UPDATE event_note SET words = 'Other.'"))
    assert rows(loaded, "SELECT words FROM event_note") == [("First.",)]


def test_only_coordinators_read_and_write(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, environment: dict[str, str]
) -> None:
    history = f"/v1/events/{WEBINAR}/history"
    for role in ("viewer", "operator", "partner"):
        assert [client.get(path, headers=as_role(role)).status_code for path in (NOTES, history)] == [403, 403]
        assert client.post(NOTES, json={"words": "X"}, headers=as_role(role)).status_code == 403
    assert [client.get(path).status_code for path in (NOTES, history)] == [401, 401]
    assert client.get("/v1/events/none/notes", headers=as_role("coordinator")).status_code == 404
    assert client.get("/v1/events/none/history", headers=as_role("coordinator")).status_code == 404
    assert client.post("/v1/events/none/notes", json={"words": "X"}, headers=as_role("coordinator")).status_code == 404
    key = new_token()
    holder = {"name": "x", "roles": ["coordinator"], "key_sha256": token_hash(key).hex(), "forms": ["upr-review"]}
    with open(environment["TROIKA_ACCESS_FILE"], "w") as file:
        json.dump([holder], file)
    limited = {"Authorization": f"Bearer {key}"}
    assert [client.get(path, headers=limited).status_code for path in (NOTES, history)] == [403, 403]
    assert client.post(NOTES, json={"words": "X"}, headers=limited).status_code == 403


def test_a_note_is_on_no_public_page_in_no_message_and_in_no_log(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, caplog: pytest.LogCaptureFixture, keys: Mapping[str, str]
) -> None:
    headers = as_role("coordinator")
    with caplog.at_level(logging.DEBUG):
        assert client.post(NOTES, json={"words": SECRET}, headers=headers).status_code == 201
        assert client.post(NOTES, json={"words": SECRET, "no": 1}, headers=headers).status_code == 422
        moved = client.post(f"/v1/events/{WEBINAR}/postpone", headers=headers | {"If-Match": "*"})
    assert moved.status_code == 200
    public = (
        "/programme?show=all",
        f"/programme/{WEBINAR}",
        "/programme/series/upr-webinar-wednesday",
        "/calendar/all.ics",
        "/v1/events",
        f"/v1/events/{WEBINAR}",
        "/v1/resources",
        "/-/events/metrics",
    )
    for path in public:
        assert SECRET not in client.get(path).text
    for path in ("/v1/events", f"/v1/events/{WEBINAR}", f"/v1/events/{WEBINAR}/history", "/v1/overview"):
        assert SECRET not in client.get(path, headers=headers).text
    published = b"".join(bytes(body) for (body,) in rows(loaded, "SELECT body FROM outbox"))
    assert (SECRET.encode() in published, WEBINAR.encode() in published) == (False, True)
    assert SECRET not in caplog.text + str([vars(record) for record in caplog.records])
    _sign_in(client, keys["viewer"])
    assert SECRET not in client.get(f"/console/events/{WEBINAR}").text
    _sign_in(client, keys["coordinator"])
    assert SECRET in client.get(f"/console/events/{WEBINAR}").text


def test_the_console_keeps_a_note_once_though_the_button_is_pressed_twice(
    app: Flask, loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    _sign_in(client, keys["coordinator"])
    path = f"/console/events/{WEBINAR}"
    note = {"note_id": _note_id(client.get(path).text), "words": "Two\r\nlines <b>"}
    kept = [client.post(f"{path}/notes", data=note, headers=OWN_SITE) for _ in range(2)]
    assert [(answer.status_code, answer.headers["Location"]) for answer in kept] == [
        (303, f"{path}?done=note#notes")
    ] * 2
    assert rows(loaded, "SELECT words, written_by FROM event_note") == [("Two\nlines <b>", "a coordinator")]
    assert "Two\nlines &lt;b&gt;</p>" in client.get(path).text


@pytest.mark.parametrize("words", ["", "   ", "x" * 4001])
def test_a_note_that_is_none_is_shown_again(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str], words: str
) -> None:
    _sign_in(client, keys["coordinator"])
    note = {"note_id": new_id(), "words": words}
    answer = client.post(f"/console/events/{WEBINAR}/notes", data=note, headers=OWN_SITE)
    assert (answer.status_code, "Write 1 to 4000 characters." in answer.text) == (422, True)
    assert f">\n{words.strip()}</textarea>" in answer.text
    without_id = client.post(f"/console/events/{WEBINAR}/notes", data={"words": "X"}, headers=OWN_SITE)
    assert without_id.status_code == 400
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"/console/events/{WEBINAR}/notes", data=note, headers=foreign).status_code == 403
    assert rows(loaded, "SELECT count(*)::int FROM event_note") == [(0,)]


def test_older_notes_and_changes_are_a_page_on(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, keys: Mapping[str, str]
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    for number in range(12):
        client.post(NOTES, json={"words": f"note {number:02}"}, headers=headers)
        client.patch(f"/v1/events/{WEBINAR}", json={"internal_note": f"{number}"}, headers=headers)
    _sign_in(client, keys["coordinator"])
    page = client.get(f"/console/events/{WEBINAR}").text
    assert ("note 11" in page, "note 01" in page) == (True, False)
    older = re.search(r'href="([^"]+)">Older notes<', page)
    earlier = re.search(r'href="([^"]+)">Earlier<', page)
    assert older is not None
    assert earlier is not None
    rest = client.get(older[1]).text
    assert ("note 01" in rest, "note 00" in rest, "note 02" in rest) == (True, True, False)
    assert "<strong>Loaded</strong>" in client.get(earlier[1]).text


def test_the_history_shows_who_did_what_without_the_values(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, clock: FrozenClock
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    path = "/v1/events/upr-review"
    client.patch(path, json={"join_url": "https://meet.example.org/secret", "internal_note": "X"}, headers=headers)
    client.patch(path, json={"internal_note": "X"}, headers=headers)
    client.post(f"{path}/confirm?dry_run=true", headers=headers)
    client.post(f"{path}/postpone", headers=headers)
    resource = {"id": "brief", "kind": "brief", "title": "B", "url": "https://example.org/b", "event": "upr-review"}
    assert client.post("/v1/resources", json=resource, headers=headers).status_code == 201
    client.patch("/v1/resources/brief", json={"published": True}, headers=headers)
    answer = client.get(f"{path}/history", headers=headers)
    found: list[dict[str, Any]] = (answer.json or {})["items"]
    assert [(c["action"], c["revision"], c["resource_id"], c["fields"], c["changed_by"]) for c in found] == [
        ("resource-changed", 3, "brief", ["published"], "a coordinator"),
        ("resource-made", 3, "brief", [], "a coordinator"),
        ("postpone", 3, None, ["status", "starts_at", "ends_at"], "a coordinator"),
        ("edited", 2, None, ["join_url", "internal_note"], "a coordinator"),
        ("loaded", 1, None, [], "the programme folder"),
    ]
    assert "meet.example.org" not in answer.text
    assert {change["changed_at"] for change in found} == {clock().isoformat()}


def test_the_console_s_actions_are_in_the_history_under_the_same_names(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    _sign_in(client, keys["coordinator"])
    for action, wish in (("attendance", {"mode": "hybrid", "city": "Geneva"}), ("confirm", {})):
        path = f"/console/events/upr-review/change/{action}"
        seen = re.search(r'name="seen" value="([^"]+)"', client.get(path).text)
        assert seen is not None
        done = client.post(path, data=wish | {"seen": seen[1], "go": "do"}, headers=OWN_SITE)
        assert done.status_code == 303
    actions = rows(loaded, "SELECT action, fields FROM event_change WHERE event_id = 'upr-review' ORDER BY number DESC")
    assert actions == [("confirm", ["status"]), ("edited", ["mode"]), ("loaded", [])]
    page = client.get("/console/events/upr-review").text
    assert "<strong>Date confirmed</strong>" in page


def test_every_action_has_words() -> None:
    actions = {MADE, EDITED, LOADED}
    resources = {RESOURCE_MADE, RESOURCE_CHANGED}
    assert set(CHANGE_NAMES) == {*STEPS, *actions, *resources, PUBLISHED}


def test_loading_again_adds_nothing_to_the_history(loaded: UnitOfWork, sample: Any, clock: FrozenClock) -> None:
    before = rows(loaded, "SELECT count(*)::int FROM event_change")
    load_sample(loaded, clock, sample)
    assert rows(loaded, "SELECT count(*)::int FROM event_change") == before


def test_two_notes_at_once_are_two(app: Flask, loaded: UnitOfWork, as_role: Headers) -> None:
    def write(words: str) -> int:
        return app.test_client().post(NOTES, json={"words": words}, headers=as_role("coordinator")).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, [f"note {number}" for number in range(4)])) == [201] * 4
    assert rows(loaded, "SELECT count(*)::int FROM event_note") == [(4,)]
