"""Coordinators change events: permissions, notifications, and no one overwrites an unseen change."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.events.desk.service import create_event
from services.events.event.store import last_changes, read_event
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_token, token_hash
from tests.integration.events.builders import consume, registered, registration_message, rows
from tests.support.clock import FrozenClock
from tests.unit.events.builders import an_event

Headers = Callable[[str], dict[str, str]]

REVIEW = "upr-review"
NOVEMBER = {"starts_at": "2020-11-09T09:00:00+01:00", "ends_at": "2020-11-09T12:30:00+01:00", "status": "confirmed"}
NEW = {
    "id": "side-event-housing",
    "kind": "side_event",
    "title": "Housing",
    "time_zone": "Europe/Zurich",
    "mode": "in_person",
    "city": "Geneva",
    "starts_at": "2020-05-11T15:00:00+02:00",
    "ends_at": "2020-05-11T16:00:00+02:00",
}


@pytest.fixture
def coordinator(client: FlaskClient, as_role: Headers) -> Callable[..., TestResponse]:
    """Calls a route as a coordinator: method, path, body, tag seen."""

    def call(method: str, path: str, body: Any = None, seen: str | None = None) -> TestResponse:
        headers = as_role("coordinator") | ({"If-Match": f'"{seen}"'} if seen else {})
        return client.open(f"/v1/events{path}", method=method, json=body, headers=headers)

    return call


def _published(work: UnitOfWork) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Type, subject and content of every message since the scenario was loaded."""
    messages = [json.loads(bytes(body)) for (body,) in rows(work, "SELECT body FROM outbox ORDER BY id")]
    of_events = [message for message in messages if ".event." in message["type"]]
    return [(m["type"].removeprefix("org.troika."), m["subject"], m["data"]) for m in of_events][4:]


def test_a_new_event_is_a_draft_and_is_published_when_it_is_announced(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], client: FlaskClient
) -> None:
    made = coordinator("POST", "", NEW)
    assert (made.status_code, made.headers["Location"]) == (201, "/v1/events/side-event-housing")
    assert (made.json or {})["status"] == "draft"
    assert client.get("/v1/events/side-event-housing").status_code == 404
    assert _published(loaded) == []
    announced = coordinator("POST", "/side-event-housing/announce", seen=made.get_etag()[0])
    assert (announced.status_code, (announced.json or {})["change"]) == (200, "published")
    assert client.get("/v1/events/side-event-housing").status_code == 200
    assert [(key, subject) for key, subject, _ in _published(loaded)] == [("event.published.v1", "side-event-housing")]
    assert coordinator("POST", "", NEW).status_code == 409


def test_an_event_begins_as_a_draft(loaded: UnitOfWork, clock: FrozenClock) -> None:
    with pytest.raises(DomainError) as refused:
        create_event(loaded, clock, an_event(id="another"), "somebody")
    assert refused.value.code == "event-transition"
    assert rows(loaded, "SELECT count(*)::int FROM event WHERE id = 'another'") == [(0,)]


def test_rules_of_a_new_event_are_named_by_field(loaded: UnitOfWork, coordinator: Callable[..., TestResponse]) -> None:
    wrong = NEW | {"join_url": "http://plain.example.org", "asked_groups": ["housing"], "ends_at": NEW["starts_at"]}
    answer = coordinator("POST", "", wrong).json or {}
    assert [fault["pointer"] for fault in answer["errors"]] == ["/ends_at", "/join_url"]
    unknown = coordinator("POST", "", NEW | {"asked_groups": ["no-such-group"]}).json or {}
    assert [fault["pointer"] for fault in unknown["errors"]] == ["/asked_groups"]
    assert coordinator("POST", "", NEW | {"status": "confirmed"}).status_code == 422


@pytest.mark.parametrize("far", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_date_that_some_time_zone_does_not_have_is_refused(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], far: str
) -> None:
    field = "starts_at" if far.startswith("0") else "ends_at"
    made = coordinator("POST", "", NEW | {field: far})
    assert (made.status_code, [fault["pointer"] for fault in (made.json or {})["errors"]]) == (422, [f"/{field}"])
    for query in ("?dry_run=true", ""):
        moved = coordinator("POST", f"/{REVIEW}/reschedule{query}", NOVEMBER | {field: far}, seen="1")
        assert (moved.status_code, "must be in the years 1945 to 2999" in moved.text) == (409, True)
    assert _published(loaded) == []


def test_the_second_act_is_published_at_once_with_the_whole_state(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], clock: FrozenClock
) -> None:
    assert coordinator("POST", f"/{REVIEW}/postpone", seen="1").status_code == 200
    moved = coordinator("POST", f"/{REVIEW}/reschedule", NOVEMBER, seen="2").json or {}
    assert (moved["event"]["status"], moved["event"]["starts_at_local"]) == ("confirmed", "2020-11-09T09:00:00+01:00")
    postponed, rescheduled = _published(loaded)
    assert postponed[:2] == rescheduled[:2] == ("event.changed.v1", REVIEW)
    assert (postponed[2]["status"], postponed[2]["starts_at"], postponed[2]["revision"]) == ("postponed", None, 2)
    assert (rescheduled[2]["starts_at"], rescheduled[2]["revision"]) == ("2020-11-09T08:00:00Z", 3)
    with loaded.transaction() as connection:
        assert last_changes(connection, [REVIEW]) == {REVIEW: clock()}


@pytest.mark.parametrize("way", [("cancel", "revive"), ("postpone", "cancel")])
def test_ways_through_the_life_of_an_event(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], way: tuple[str, ...]
) -> None:
    statuses = [coordinator("POST", f"/{REVIEW}/{step}", seen=str(n)).status_code for n, step in enumerate(way, 1)]
    assert statuses == [200, 200]
    assert len(_published(loaded)) == 2


def test_a_dry_run_counts_people_and_changes_nothing(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse]
) -> None:
    one_person = registered(1, event_id=REVIEW).person_ref
    consume(
        loaded,
        [
            registration_message(registered(1, event_id=REVIEW, form_kind="delegation")),
            registration_message(registered(2, event_id=REVIEW, person_ref=one_person, language="fr")),
            registration_message(registered(3, event_id=REVIEW, status="waitlisted", language="ar")),
            registration_message(registered(4, event_id=REVIEW, status="cancelled")),
            registration_message(registered(5, event_id=REVIEW, form_kind="interest", language="ru")),
            registration_message(registered(6)),
        ],
    )
    tried = coordinator("POST", f"/{REVIEW}/reschedule?dry_run=true", NOVEMBER).json or {}
    assert tried["audience"] == {
        "people": 2,
        "by_status": {"cancelled": 1, "confirmed": 2, "waitlisted": 1},
        "by_form_kind": {"delegation": 1, "interest": 1, "webinar": 2},
        "by_language": {"ar": 1, "en": 1, "fr": 1},
    }
    assert (tried["dry_run"], tried["change"], tried["differs"]) == (
        True,
        "changed",
        ["starts_at", "ends_at", "status"],
    )
    assert _published(loaded) == []
    assert rows(loaded, f"SELECT revision, status FROM event WHERE id = '{REVIEW}'") == [(1, "tentative")]
    remote = coordinator("PATCH", f"/{REVIEW}?dry_run=true", {"mode": "hybrid"}).json or {}
    assert (remote["audience"]["people"], remote["audience"]["by_language"]["ru"]) == (3, 1)


def test_changes_within_a_minute_share_their_mails(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])
    found = []
    for seen, body in enumerate(({"place": "Room 1"}, {"title": "Another"}, {"place": None}), 1):
        found.append(coordinator("PATCH", f"/{REVIEW}", body, seen=str(seen)).json or {})
        clock.advance(timedelta(seconds=30))
    assert [(one["audience"]["people"], one["notice"]["fields"]) for one in found] == [
        (1, ["place"]),
        (1, ["place", "title"]),
        (1, ["title"]),
    ]
    clock.advance(timedelta(seconds=30))
    history = (coordinator("GET", f"/{REVIEW}/history").json or {})["items"]
    shown = {"state": "due", "due_at": found[2]["notice"]["due_at"], "fields": ["title"], "mails_sent": 0}
    assert [line["notice"] for line in history] == [shown, shown, shown, None]


def test_a_change_that_is_put_back_in_time_notifies_no_one(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])
    coordinator("PATCH", f"/{REVIEW}", {"place": "Room 1"}, seen="1")
    in_time = coordinator("PATCH", f"/{REVIEW}?dry_run=true", {"place": None}).json or {}
    assert (in_time["notice"]["state"], in_time["audience"]["people"]) == ("withdrawn", 0)
    clock.advance(timedelta(minutes=1))
    late = coordinator("PATCH", f"/{REVIEW}", {"place": None}, seen="2").json or {}
    assert (late["notice"]["state"], late["notice"]["fields"], late["audience"]["people"]) == ("waiting", ["place"], 1)


def test_a_change_names_what_exists(loaded: UnitOfWork, coordinator: Callable[..., TestResponse]) -> None:
    for wrong, pointer in (({"asked_groups": ["no-such-group"]}, "/asked_groups"), ({"series": "none"}, "/series")):
        for path in (f"/{REVIEW}", f"/{REVIEW}?dry_run=true"):
            answer = coordinator("PATCH", path, wrong, seen="1")
            assert (answer.status_code, [f["pointer"] for f in (answer.json or {})["errors"]]) == (422, [pointer])
    assert coordinator("PATCH", f"/{REVIEW}", {"asked_groups": ["*"]}, seen="1").status_code == 200


def test_what_participants_do_not_see_reaches_no_one(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse]
) -> None:
    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])
    tried = coordinator("PATCH", f"/{REVIEW}?dry_run=true", {"internal_note": "X"}).json or {}
    assert (tried["change"], tried["differs"], tried["audience"]["people"]) == ("none", [], 0)
    assert tried["audience"]["by_status"] == {}


def test_a_change_needs_the_state_that_was_seen(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], client: FlaskClient, as_role: Headers
) -> None:
    assert coordinator("POST", f"/{REVIEW}/confirm").status_code == 428
    assert coordinator("POST", f"/{REVIEW}/confirm", seen="7").status_code == 412
    draft = client.get("/v1/events/upr-cities-training", headers=as_role("coordinator"))
    first, second = (
        coordinator("PATCH", "/upr-cities-training", {"title": title}, seen=draft.get_etag()[0])
        for title in ("One", "Two")
    )
    assert (first.status_code, second.status_code) == (200, 412)
    again = coordinator("PATCH", "/upr-cities-training", {"title": "Two"}, seen=first.get_etag()[0])
    assert (again.status_code, (again.json or {})["change"]) == (200, "none")
    assert _published(loaded) == []


def test_of_two_concurrent_coordinators_one_gets_an_edit_conflict(
    app: Flask, loaded: UnitOfWork, as_role: Headers
) -> None:
    def confirm(title: str) -> int:
        headers = as_role("coordinator") | {"If-Match": '"1"'}
        return app.test_client().patch(f"/v1/events/{REVIEW}", json={"title": title}, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:  # as many as there are connections
        statuses = sorted(pool.map(confirm, [f"Title {number}" for number in range(8)]))
    assert statuses == [200] + [412] * 7
    assert [data["revision"] for _, _, data in _published(loaded)] == [2]


def test_without_the_lock_both_would_win(loaded: UnitOfWork) -> None:
    """The negative control: two that read without the lock see the same revision."""
    with loaded.transaction() as first, loaded.transaction() as second:
        seen = [read_event(connection, REVIEW) for connection in (first, second)]
    assert [event.revision for event in seen if event] == [1, 1]


def test_steps_that_are_not_allowed_are_refused_and_not_published(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse]
) -> None:
    codes = [
        (coordinator("POST", f"/{event}/{step}", seen="1").json or {})["code"]
        for event, step in ((REVIEW, "revive"), (REVIEW, "reschedule"), ("upr-cities-training", "announce"))
    ]
    assert codes == ["event-transition", "date-required", "date-required"]
    assert coordinator("POST", f"/{REVIEW}/explode", seen="1").status_code in (404, 405)
    assert coordinator("POST", "/no-such-event/confirm", seen="1").status_code == 404
    assert _published(loaded) == []


def test_a_viewer_changes_nothing(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    headers = as_role("viewer") | {"If-Match": "*"}
    answers = (
        client.post("/v1/events", json=NEW, headers=headers),
        client.patch(f"/v1/events/{REVIEW}", json={"title": "X"}, headers=headers),
        client.post(f"/v1/events/{REVIEW}/confirm", headers=headers),
    )
    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_a_key_limited_to_forms_touches_only_events_of_their_names(
    environment: dict[str, str], client: FlaskClient, loaded: UnitOfWork, keys: Mapping[str, str]
) -> None:
    key = new_token()
    holder = {"name": "one", "roles": ["coordinator"], "key_sha256": token_hash(key).hex(), "forms": [REVIEW]}
    with open(environment["TROIKA_ACCESS_FILE"], "w") as file:
        json.dump([holder], file)
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    statuses = {
        event: client.post(f"/v1/events/{event}/postpone", headers=headers).status_code
        for event in (REVIEW, "review-press-conference")
    }
    assert statuses == {REVIEW: 200, "review-press-conference": 403}
    assert client.post("/v1/events", json=NEW, headers=headers).status_code == 403


def test_a_key_limited_to_forms_touches_only_resources_of_their_events(
    environment: dict[str, str], client: FlaskClient, loaded: UnitOfWork, as_role: Headers
) -> None:
    key, resource = new_token(), {"kind": "brief", "title": "Brief", "url": "https://example.org/brief"}
    everything = as_role("coordinator")
    for name, event in (("own", REVIEW), ("other", "review-press-conference")):
        made = client.post("/v1/resources", json=resource | {"id": name, "event": event}, headers=everything)
        assert made.status_code == 201
    holder = {"name": "one", "roles": ["coordinator"], "key_sha256": token_hash(key).hex(), "forms": [REVIEW]}
    with open(environment["TROIKA_ACCESS_FILE"], "w") as file:
        json.dump([holder], file)
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    changes = [("own", {"title": "X"}), ("other", {"title": "X"}), ("own", {"event": "review-press-conference"})]
    answers = [client.patch(f"/v1/resources/{name}", json=change, headers=headers) for name, change in changes]
    assert [answer.status_code for answer in answers] == [200, 403, 403]


def test_change_of_an_event_that_is_over_reaches_no_one(
    loaded: UnitOfWork, coordinator: Callable[..., TestResponse], clock: FrozenClock
) -> None:
    """Its change is published and in the history; only a date to come is news."""
    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])

    def people(method: str, path: str, body: Any = None) -> Any:
        return (coordinator(method, f"/{REVIEW}{path}?dry_run=true", body).json or {})["audience"]["people"]

    changes: list[tuple[str, str, Any]] = [
        ("PATCH", "", {"city": "Bern"}),
        ("POST", "/confirm", None),
        ("POST", "/cancel", None),
    ]
    assert [people(*change) for change in changes] == [1, 1, 1]
    clock.set(datetime(2020, 5, 12, tzinfo=UTC))
    assert [people(*change) for change in changes] == [0, 0, 0]
    assert [people("POST", "/postpone"), people("POST", "/reschedule", NOVEMBER)] == [1, 1]
    done = coordinator("PATCH", f"/{REVIEW}", {"city": "Bern"}, seen="1").json or {}
    assert (done["change"], done["audience"]["people"], len(_published(loaded))) == ("changed", 0, 1)
