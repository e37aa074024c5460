"""Internal events, such as the canary's: they take registrations, and no one else ever sees them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.loading.folder import read_folder
from shared.db.unit_of_work import UnitOfWork
from shared.http.page_cache import PAGE_CACHE
from shared.runtime.errors import SettingsError
from tests.integration.events.builders import WEBINAR, rows
from tests.integration.events.own_events import CANARY
from tests.integration.events.own_events import canary as canary
from tests.integration.events.side_events import AsRole
from tests.support.processes import PROJECT
from tests.support.signed_in import enter

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
    client.application.extensions[PAGE_CACHE].clear()
    for path in ("/programme", "/calendar/all.ics", "/v1/events", *series):
        assert TITLE in client.get(path).text, f"what would leak is there: {path}"


def test_it_is_published_to_registration_as_any_other(canary: UnitOfWork) -> None:
    published = [
        json.loads(bytes(body)) for (body,) in rows(canary, "SELECT body FROM outbox WHERE subject = 'canary'")
    ]
    assert [(m["type"], m["data"]["id"], m["data"]["status"]) for m in published] == [
        ("org.troika.event.published.v1", CANARY, "confirmed")
    ]
    assert "internal" not in published[0]["data"]


@pytest.mark.parametrize("role", ["coordinator", "operator"])
def test_who_may_asks_for_internal_events(canary: UnitOfWork, client: FlaskClient, as_role: AsRole, role: str) -> None:
    headers = as_role(role)
    listed = client.get("/v1/events?internal=true", headers=headers).json or {}
    assert [(event["id"], event["internal"]) for event in listed["items"]] == [(CANARY, True)]
    numbers = client.get("/v1/overview?internal=true", headers=headers).json or {}
    assert [(event["id"], event["confirmed"]) for event in numbers["events"]] == [(CANARY, 2)]
    assert (numbers["by_country"], numbers["by_partner"]) == ({"MX": 3}, {})
    assert numbers["travellers"] == {"people": 1, "not_in": [{"event": WEBINAR, "people": 1}]}
    assert {group["id"]: group["members"] for group in numbers["working_groups"]}["health"] == 1


def test_others_may_not(canary: UnitOfWork, client: FlaskClient, as_role: AsRole) -> None:
    for path in ("/v1/events?internal=true", "/v1/overview?internal=true"):
        statuses = {role: client.get(path, headers=as_role(role)).status_code for role in ("viewer", "partner")}
        assert (statuses, client.get(path).status_code) == ({"viewer": 403, "partner": 403}, 401)
    statuses = {
        role: client.get("/v1/overview", headers=as_role(role)).status_code
        for role in ("viewer", "coordinator", "operator", "partner")
    }
    assert statuses == {"viewer": 200, "coordinator": 200, "operator": 403, "partner": 403}
    assert client.get("/v1/overview").status_code == 401


def test_coordinators_numbers_are_of_people(canary: UnitOfWork, client: FlaskClient, as_role: AsRole) -> None:
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
    enter(client, keys["coordinator"])
    for path in ("/console", "/console?show=all", "/console/overview", "/console/groups", "/console/geneva"):
        assert TITLE not in client.get(path).text
    assert "No one has registered as a traveller yet." in client.get(f"/console/geneva?not_in={WEBINAR}").text
    page = client.get("/console?internal=true").text
    assert (TITLE in page, "43rd session" in page) == (True, False)
    assert ">Internal</span>" in client.get("/console/events/canary").text


def test_a_viewer_does_not_ask_for_it(canary: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]) -> None:
    enter(client, keys["viewer"])
    assert client.get("/console?internal=true").status_code == 403
    assert "internal=true" not in client.get("/console").text


def test_what_belongs_to_it_is_never_public(canary: UnitOfWork, client: FlaskClient, as_role: AsRole) -> None:
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
    canary: UnitOfWork, client: FlaskClient, as_role: AsRole
) -> None:
    headers = as_role("coordinator") | {"If-Match": "*"}
    draft = {"id": "probe", "kind": "webinar", "title": "Probe", "time_zone": "UTC", "mode": "online", "internal": True}
    assert (client.post("/v1/events", json=draft, headers=headers).json or {})["internal"] is True
    assert client.patch("/v1/events/probe", json={"internal": False}, headers=headers).status_code == 200
    for event, value in ((CANARY, False), (WEBINAR, True)):
        answer = client.patch(f"/v1/events/{event}", json={"internal": value}, headers=headers)
        assert (answer.status_code, [f["pointer"] for f in (answer.json or {})["errors"]]) == (422, ["/internal"])


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
