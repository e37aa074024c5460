"""The system's own events, such as the canary's: they take registrations, and nobody else ever meets them."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.events.domain.event import Event
from services.events.loading.folder import Loaded, read_folder
from services.events.store import events, roster, tallies
from services.events.usecases.load_sample import load_sample
from services.events.usecases.note_registration import note_registration, tallied
from shared.core.errors import SettingsError
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    hear,
    mail_message,
    registered,
    registration_message,
    rows,
)
from tests.integration.events.test_roll_up import WAITING
from tests.support.clock import FrozenClock
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

Headers = Callable[[str], dict[str, str]]
CANARY = "canary"
TITLE = "a program registers here"
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
EVERYWHERE = (
    "/programme",
    "/programme?show=all",
    "/calendar/all.ics",
    "/calendar/kind/webinar.ics",
    "/calendar/working-group/health.ics",
    "/v1/events",
    "/v1/events?kind=webinar",
    "/v1/events?q=canary",
    "/v1/resources",
)
TALLIES = "SELECT dimension, name, registrations FROM tally WHERE internal = {} AND registrations <> 0 ORDER BY 1, 2"


@pytest.fixture
def canary(loaded: UnitOfWork, clock: FrozenClock) -> UnitOfWork:
    """The scenario with the canary's programme beside it, and somebody on both."""
    load_sample(loaded, clock, read_folder(PROJECT / "deploy" / "operations" / "canary_programme"))
    hear(
        loaded,
        [
            registration_message(registered(1, country="CH", working_group="housing", representative=True)),
            registration_message(_on_canary(2)),
            registration_message(_on_canary(3, form_kind="delegation", attend=WEBINAR)),
            registration_message(_on_canary(4, form_kind="working_group", working_group="health")),
            mail_message(90, 4, NOON),
        ],
    )
    return loaded


def _on_canary(number: int, **changes: Any) -> Any:
    return registered(number, **{"event_id": CANARY, "form": CANARY, "partner": None, "country": "MX"} | changes)


def _set(work: UnitOfWork, clock: FrozenClock, sample: Loaded, event_id: str, **changes: Any) -> None:
    """Load the scenario again, one event of it changed."""
    changed = [_changed(event, changes) if event.id == event_id else event for event in sample.events]
    load_sample(work, clock, _with_events(sample, changed))


def _changed(event: Event, changes: Mapping[str, Any]) -> Event:
    return type(event)(**{name: getattr(event, name) for name in Event.__slots__} | dict(changes))


def _with_events(sample: Loaded, changed: list[Event]) -> Loaded:
    return type(sample)(sample.series, sample.working_groups, tuple(changed), sample.consultations)


def test_the_public_meets_no_internal_event_anywhere(canary: UnitOfWork, client: FlaskClient) -> None:
    with canary.transaction() as connection:
        connection.execute(
            text("UPDATE event SET series = 'upr-webinar-wednesday', asked_groups = '{*}' WHERE id = 'canary'")
        )
    series = ("/programme/series/upr-webinar-wednesday", "/calendar/series/upr-webinar-wednesday.ics")
    for path in (*EVERYWHERE, *series):
        answer = client.get(path)
        assert (answer.status_code, TITLE in answer.text, CANARY in answer.text.replace("q=canary", "")) == (
            200,
            False,
            False,
        ), path
    for path in ("/programme/canary", "/v1/events/canary"):
        assert client.get(path).status_code == 404
    with canary.transaction() as connection:
        connection.execute(text("UPDATE event SET internal = false WHERE id = 'canary'"))
    for path in ("/programme", "/calendar/all.ics", "/v1/events", *series):
        assert TITLE in client.get(path).text, f"what would leak is there: {path}"


def test_registration_is_told_of_it_as_of_any_other(canary: UnitOfWork) -> None:
    said = [json.loads(bytes(body)) for (body,) in rows(canary, "SELECT body FROM outbox WHERE subject = 'canary'")]
    assert [(m["type"], m["data"]["id"], m["data"]["status"]) for m in said] == [
        ("org.troika.event.published.v1", CANARY, "confirmed")
    ]
    assert "internal" not in said[0]["data"]


@pytest.mark.parametrize("role", ["coordinator", "operator"])
def test_who_may_asks_for_internal_events(canary: UnitOfWork, client: FlaskClient, as_role: Headers, role: str) -> None:
    headers = as_role(role)
    listed = client.get("/v1/events?internal=true", headers=headers).json or {}
    assert [(event["id"], event["internal"]) for event in listed["items"]] == [(CANARY, True)]
    numbers = client.get("/v1/overview?internal=true", headers=headers).json or {}
    assert [(event["id"], event["confirmed"]) for event in numbers["events"]] == [(CANARY, 2)]
    assert (numbers["by_country"], numbers["by_partner"]) == ({"MX": 3}, {})
    assert numbers["travellers"] == {"people": 1, "not_in": [{"event": WEBINAR, "people": 1}]}
    assert {group["id"]: group["members"] for group in numbers["working_groups"]}["health"] == 1


def test_others_may_not(canary: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    for path in ("/v1/events?internal=true", "/v1/overview?internal=true"):
        statuses = {role: client.get(path, headers=as_role(role)).status_code for role in ("viewer", "partner")}
        assert (statuses, client.get(path).status_code) == ({"viewer": 403, "partner": 403}, 401)
    statuses = {
        role: client.get("/v1/overview", headers=as_role(role)).status_code
        for role in ("viewer", "coordinator", "operator", "partner")
    }
    assert statuses == {"viewer": 200, "coordinator": 200, "operator": 403, "partner": 403}
    assert client.get("/v1/overview").status_code == 401


def test_coordinators_numbers_are_of_people(canary: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    headers = as_role("coordinator")
    assert CANARY not in client.get("/v1/events?limit=200", headers=headers).text
    numbers = client.get("/v1/overview", headers=headers).json or {}
    assert CANARY not in [event["id"] for event in numbers["events"]]
    assert (numbers["by_form_kind"], numbers["by_country"]) == ({"webinar": 1}, {"CH": 1})
    assert (numbers["by_day"], numbers["by_partner"]) == ({"2020-03-02": 1}, {"example-partner": 1})
    assert numbers["travellers"] == {"people": 0, "not_in": []}
    health = next(group for group in numbers["working_groups"] if group["id"] == "health")
    assert (health["members"], health["last_mail_at"], health["mailed_this_month"]) == (0, None, False)


def test_the_console_shows_it_where_it_is_asked_for(
    canary: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    client.post("/console/sign-in", data={"key": keys["coordinator"]}, headers=OWN_SITE)
    for path in ("/console", "/console?show=all", "/console/overview", "/console/groups", "/console/geneva"):
        assert TITLE not in client.get(path).text
    assert "Nobody is missing." in client.get(f"/console/geneva?not_in={WEBINAR}").text
    page = client.get("/console?internal=true").text
    assert (TITLE in page, "43rd session" in page) == (True, False)
    assert ">Internal</span>" in client.get("/console/events/canary").text


def test_a_viewer_does_not_ask_for_it(canary: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]) -> None:
    client.post("/console/sign-in", data={"key": keys["viewer"]}, headers=OWN_SITE)
    assert client.get("/console?internal=true").status_code == 403
    assert "internal=true" not in client.get("/console").text


def test_what_belongs_to_it_is_never_public(canary: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    slides = {
        "id": "canary-slides",
        "kind": "slides",
        "title": "Slides",
        "url": "https://example.org/s",
        "event": CANARY,
    }
    headers = as_role("coordinator")
    refused = client.post("/v1/resources", json=slides | {"published": True}, headers=headers)
    assert (refused.status_code, [fault["pointer"] for fault in (refused.json or {})["errors"]]) == (
        422,
        ["/published"],
    )
    assert client.post("/v1/resources", json=slides, headers=headers).status_code == 201
    with canary.transaction() as connection:
        connection.execute(text("UPDATE resource SET published = true, announced = true WHERE id = 'canary-slides'"))
    assert "canary-slides" not in client.get("/v1/resources").text
    assert "canary-slides" in client.get("/v1/resources", headers=headers).text


def test_whether_it_is_internal_is_decided_while_it_is_a_draft(
    canary: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    draft = {"id": "probe", "kind": "webinar", "title": "Probe", "time_zone": "UTC", "mode": "online", "internal": True}
    assert (client.post("/v1/events", json=draft, headers=headers).json or {})["internal"] is True
    assert client.patch("/v1/events/probe", json={"internal": False}, headers=headers).status_code == 200
    for event, value in ((CANARY, False), (WEBINAR, True)):
        answer = client.patch(f"/v1/events/{event}", json={"internal": value}, headers=headers)
        assert (answer.status_code, [f["pointer"] for f in (answer.json or {})["errors"]]) == (422, ["/internal"])


def test_a_folder_moves_the_numbers_there_and_back(canary: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    before = rows(canary, TALLIES.format("false"))
    _set(canary, clock, sample, WEBINAR, internal=True)
    assert rows(canary, TALLIES.format("false")) == []
    assert ("country", "CH", 1) in rows(canary, TALLIES.format("true"))
    hear(canary, [registration_message(registered(1, country="FR", revision=2))])
    assert ("country", "FR", 1) in rows(canary, TALLIES.format("true"))
    hear(canary, [registration_message(registered(1, country="CH", revision=3))])
    _set(canary, clock, sample, WEBINAR, internal=False)
    assert rows(canary, TALLIES.format("false")) == before


def test_the_month_of_a_group_follows(canary: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    contacts = "SELECT working_group FROM group_contact ORDER BY 1"
    hear(canary, [mail_message(91, 1, NOON)])
    assert rows(canary, contacts) == [("housing",)]
    _set(canary, clock, sample, WEBINAR, internal=True)
    assert rows(canary, contacts) == []
    _set(canary, clock, sample, WEBINAR, internal=False)
    assert rows(canary, contacts) == [("housing",)]


def test_a_registration_that_came_before_its_event_is_counted_apart_afterwards(
    loaded: UnitOfWork, clock: FrozenClock
) -> None:
    hear(loaded, [registration_message(_on_canary(1))])
    assert ("country", "MX", 1) in rows(loaded, TALLIES.format("false"))
    load_sample(loaded, clock, read_folder(PROJECT / "deploy" / "operations" / "canary_programme"))
    assert rows(loaded, TALLIES.format("false")) == []
    assert ("country", "MX", 1) in rows(loaded, TALLIES.format("true"))


def test_the_numbers_follow_a_new_event_and_a_draft_that_is_edited(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    hear(loaded, [registration_message(_on_canary(1, event_id="probe"))])
    headers = as_role("coordinator") | {"If-Match": "*"}
    draft = {"id": "probe", "kind": "webinar", "title": "Probe", "time_zone": "UTC", "mode": "online", "internal": True}
    assert client.post("/v1/events", json=draft, headers=headers).status_code == 201
    assert (rows(loaded, TALLIES.format("false")), len(rows(loaded, TALLIES.format("true")))) == ([], 3)
    assert client.patch("/v1/events/probe", json={"internal": False}, headers=headers).status_code == 200
    assert (len(rows(loaded, TALLIES.format("false"))), rows(loaded, TALLIES.format("true"))) == (3, [])


def test_a_registration_noted_while_its_event_becomes_internal_is_counted_where_it_belongs(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with loaded.transaction() as connection:
            note_registration(connection, registered(1))
            flip = pool.submit(_set, loaded, clock, sample, WEBINAR, internal=True)
            poll_until(lambda: rows(loaded, WAITING) == [(1,)], 5, what="the folder to wait for the registration")
        flip.result(5)
    assert rows(loaded, TALLIES.format("false")) == []
    assert len(rows(loaded, TALLIES.format("true"))) == 3


def test_without_the_lock_it_would_be_counted_as_another_s(loaded: UnitOfWork) -> None:
    """The negative control: the same steps, interleaved as the lock forbids."""
    with loaded.transaction() as first, loaded.transaction() as second:
        roster.add(first, registered(1))
        tallies.more(first, sorted(tallied(registered(1))), WEBINAR)
        second.execute(text("UPDATE event SET internal = true WHERE id = :id"), {"id": WEBINAR})
        assert list(roster.live_of(second, WEBINAR)) == []
    assert len(rows(loaded, TALLIES.format("false"))) == 3


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.sampled_from(["confirm", "cancel", "internal", "other"]), max_size=8))
def test_any_deeds_leave_the_numbers_of_the_roster(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded, deeds: list[str]
) -> None:
    with loaded.transaction() as connection:
        connection.execute(text("TRUNCATE roster, event_count, tally, inbox"))
        connection.execute(text("UPDATE event SET internal = false"))
    for revision, deed in enumerate(deeds, start=1):
        if deed in ("internal", "other"):
            _set(loaded, clock, sample, WEBINAR, internal=deed == "internal")
        else:
            status = {"confirm": "confirmed", "cancel": "cancelled"}[deed]
            hear(loaded, [registration_message(registered(1, status=status, revision=revision, country="CH"))])
    with loaded.transaction() as connection:
        event = events.find(connection, WEBINAR)
    live = rows(loaded, "SELECT 1 FROM roster WHERE status = 'confirmed'")
    expected = [("CH", 1)] if live else []
    assert event is not None
    for internal in (True, False):
        counted = [row[1:] for row in rows(loaded, TALLIES.format(internal)) if row[0] == "country"]
        assert counted == (expected if event.internal is internal else [])


def test_a_published_resource_of_an_internal_event_is_a_fault_of_the_folder(tmp_path: Any) -> None:
    canary_folder = PROJECT / "deploy" / "operations" / "canary_programme"
    for file in canary_folder.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "resources.yaml").write_text(
        "- id: slides\n  kind: slides\n  title: Slides\n  url: https://example.org/s\n  event: canary\n"
        "  published: true\n"
    )
    with pytest.raises(SettingsError) as refused:
        read_folder(tmp_path)
    assert refused.value.problems == ["resources.yaml:6: published: must not be: its event is internal"]
