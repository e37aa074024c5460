"""A key that is limited to some forms sees and changes nothing about others in the events service."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.events.attendance.store import insert_registration
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_token, token_hash
from tests.architecture.limited_keys import OWN_EVENT, REACH, REFUSED
from tests.contract.samples import sample_message
from tests.integration.events.builders import WEBINAR, consume, registered, rows
from tests.support.signed_in import enter

OTHER, OWN_DRAFT = "upr-review", "upr-cities-training"
SERIES = "upr-webinar-wednesday"
LINK, NOTE = "https://meet.example.org/secret", "Do not tell."
RESOURCE = {"kind": "brief", "title": "Brief", "url": "https://example.org/brief"}
MINE = {"kind": "webinar", "title": "Mine", "time_zone": "Europe/Zurich", "mode": "online"}

Limited = Callable[..., dict[str, str]]
Headers = Callable[[str], dict[str, str]]


@pytest.fixture
def limited(environment: dict[str, str], loaded: UnitOfWork) -> Limited:
    """Adds a key that is limited to some forms; returns the headers of its holder."""

    def add(*forms: str, roles: tuple[str, ...] = ("viewer", "coordinator", "operator")) -> dict[str, str]:
        key = new_token()
        with open(environment["TROIKA_ACCESS_FILE"]) as file:
            holders = json.load(file)
        holder = {"name": "limited", "roles": list(roles), "key_sha256": token_hash(key).hex(), "forms": list(forms)}
        with open(environment["TROIKA_ACCESS_FILE"], "w") as file:
            json.dump([*holders, holder], file)
        return {"Authorization": f"Bearer {key}", "If-Match": "*"}

    return add


@pytest.fixture
def secrets(loaded: UnitOfWork) -> None:
    """Every event has a link and a note that only coordinators may see; ``OTHER`` and ``OWN_DRAFT`` are drafts."""
    with loaded.transaction() as connection:
        connection.execute(
            text("UPDATE event SET join_url = :link, internal_note = :note"), {"link": LINK, "note": NOTE}
        )
        connection.execute(text("UPDATE event SET status = 'draft' WHERE id = :other"), {"other": OTHER})


def _address(route: str, event: str = OTHER) -> tuple[str, str]:
    method, rule = route.split(" ", 1)
    for part, value in {
        "<event_id>": event,
        "<resource_id>": f"{event}-brief",
        "<item_id>": f"{event}-brief",
        "<action>": "postpone",
        "<uuid:proposal_id>": str(uuid4()),
        "<uuid:job_id>": str(uuid4()),
        "<any(announce, confirm, postpone, reschedule, cancel, revive, hold):step_name>": "postpone",
    }.items():
        rule = rule.replace(part, value)
    return method, rule


def _body(route: str, event: str) -> dict[str, Any]:
    if "/console/" in route:
        return {
            "data": {"title.en": "Mine", "id": event, "kind": "webinar", "time_zone": "Europe/Zurich", "mode": "online"}
        }
    if route.split(" ")[0] in ("GET", "DELETE"):
        return {}
    bodies: dict[str, dict[str, Any]] = {
        "POST /v1/events": MINE | {"id": event},
        "POST /v1/resources": RESOURCE | {"id": "new-brief", "event": event},
        "POST /v1/events/<event_id>/notes": {"words": "X"},
    }
    return {"json": bodies.get(route, {})}


def _status(client: FlaskClient, route: str, event: str, headers: dict[str, str]) -> int:
    method, address = _address(route, event)
    return client.open(address, method=method, headers=headers, **_body(route, event)).status_code


def _routes(reach: str) -> list[str]:
    return [route for route, reached in REACH.items() if reached == reach]


def test_what_reaches_across_all_forms_is_refused(client: FlaskClient, limited: Limited, as_role: Headers) -> None:
    routes, whole = _routes(REFUSED), as_role("coordinator") | {"If-Match": "*"}
    assert len(routes) > 20
    for headers in (limited(), limited(OTHER, WEBINAR)):
        assert {_status(client, route, OTHER, headers) for route in routes} == {403}
    statuses = {route: _status(client, route, OTHER, whole) for route in routes}
    assert [route for route, status in statuses.items() if status in (401, 403) or status >= 500] == []


def test_another_event_is_refused(client: FlaskClient, limited: Limited, as_role: Headers) -> None:
    for event in (OTHER, WEBINAR):
        wanted = RESOURCE | {"id": f"{event}-brief", "event": event}
        assert client.post("/v1/resources", json=wanted, headers=as_role("coordinator")).status_code == 201
    routes, headers = _routes(OWN_EVENT), limited("mine", WEBINAR)
    assert len(routes) > 20
    assert {route: _status(client, route, OTHER, headers) for route in routes} == dict.fromkeys(routes, 403)
    making = {"POST /v1/events": "mine", "POST /console/new-event": "mine"}
    own = {route: _status(client, route, making.get(route, WEBINAR), headers) for route in routes}
    assert [route for route, status in own.items() if status == 403 or status >= 500] == []


def _events(client: FlaskClient, headers: dict[str, str] | None = None, **query: str) -> dict[str, dict[str, Any]]:
    answer = client.get("/v1/events", query_string={"limit": "100"} | query, headers=headers).get_json()
    return {event["id"]: event for event in answer["items"]}


def test_the_list_shows_of_other_events_what_everyone_sees(
    client: FlaskClient, limited: Limited, secrets: None
) -> None:
    public, shown = _events(client), _events(client, limited(WEBINAR, OWN_DRAFT))
    own = {name: shown.pop(name) for name in (WEBINAR, OWN_DRAFT)}
    assert [event["join_url"] for event in own.values()] == [LINK, LINK]
    assert sorted(public) == ["council-session-43", "review-press-conference", WEBINAR]
    assert shown == {name: event for name, event in public.items() if name != WEBINAR}
    assert _events(client, limited()) == public


def test_a_file_of_the_list_holds_nothing_more(client: FlaskClient, limited: Limited, secrets: None) -> None:
    lines = client.get("/v1/events", headers=limited(WEBINAR) | {"Accept": "text/csv"}).text.splitlines()
    secret = [line for line in lines if LINK in line or NOTE in line]
    assert len(secret) == 1
    assert secret[0].startswith(f"{WEBINAR},")
    assert [line.split(",")[0] for line in lines[1:]].count(OTHER) == 0


def test_one_event_is_shown_as_to_everyone(client: FlaskClient, limited: Limited, secrets: None) -> None:
    headers = limited(WEBINAR)
    press = "/v1/events/review-press-conference"
    assert client.get(press, headers=headers).get_json() == client.get(press).get_json()
    assert client.get(f"{press}?fields=join_url", headers=headers).status_code == 422
    assert client.get(f"/v1/events/{OTHER}", headers=headers).status_code == 404
    assert (client.get(f"/v1/events/{WEBINAR}", headers=headers).get_json())["join_url"] == LINK


def test_internal_events_of_others_are_not_listed(client: FlaskClient, limited: Limited, loaded: UnitOfWork) -> None:
    with loaded.transaction() as connection:
        connection.execute(text("UPDATE event SET internal = true WHERE id <> 'council-session-43'"))
    assert sorted(_events(client, limited(WEBINAR), internal="true")) == [WEBINAR]
    assert _events(client, limited(), internal="true") == {}


def test_the_console_lists_own_events_alone(
    client: FlaskClient, limited: Limited, secrets: None, loaded: UnitOfWork
) -> None:
    """And no address of a partner's site, on which only a key for all forms decides."""
    consume(loaded, [sample_message("partner.changed.v1")])
    for forms in ([WEBINAR, OWN_DRAFT], []):
        page = client.get("/console?show=all", headers=limited(*forms)).text
        assert re.findall(r'href="/console/events/([a-z0-9-]+)"', page) == forms
        assert (("Your key gives access to no events." in page), "for your decision" in page) == (not forms, False)


@pytest.mark.parametrize("part", ["series", "working-groups"])
def test_of_what_belongs_to_all_events_it_sees_what_everyone_sees(
    client: FlaskClient, limited: Limited, as_role: Headers, part: str
) -> None:
    """Titles of series and groups are public; how a group is reached is for coordinators of all forms."""
    public, whole = (
        client.get(f"/v1/{part}").get_json(),
        client.get(f"/v1/{part}", headers=as_role("viewer")).get_json(),
    )
    assert public["items"]
    assert ("contact" in whole["items"][0]) is (part == "working-groups")
    assert client.get(f"/v1/{part}", headers=limited(WEBINAR)).get_json() == public


def test_resources_that_are_not_published_are_those_of_own_events_and_series(
    client: FlaskClient, limited: Limited, as_role: Headers
) -> None:
    places: dict[str, dict[str, str]] = {
        "of-own": {"event": WEBINAR},
        "of-own-in-series": {"event": WEBINAR, "series": SERIES},
        "of-series": {"series": SERIES},
        "of-other": {"event": OTHER},
        "of-other-in-series": {"event": OTHER, "series": SERIES},
        "of-city": {"city": "Geneva"},
    }
    for name, place in places.items():
        made = client.post("/v1/resources", json=RESOURCE | {"id": name} | place, headers=as_role("coordinator"))
        assert made.status_code == 201

    def hidden(headers: dict[str, str]) -> list[str]:
        items = client.get("/v1/resources?limit=100", headers=headers).get_json()["items"]
        return sorted(item["id"] for item in items if not item["published"])

    assert sorted(set(places) - set(hidden(as_role("coordinator")))) == []
    assert hidden(limited(WEBINAR)) == ["of-own", "of-own-in-series"]
    assert hidden(limited(SERIES)) == ["of-series"]
    assert hidden(limited()) == []


def test_nothing_is_put_on_the_page_of_another_series(
    client: FlaskClient, limited: Limited, loaded: UnitOfWork
) -> None:
    places = ({"event": WEBINAR}, {"event": WEBINAR, "series": SERIES}, {"series": SERIES}, {"city": "Geneva"})

    def made(key: str, *forms: str) -> list[int]:
        wanted = [
            RESOURCE | {"id": f"{key}-{number}", "published": True} | place for number, place in enumerate(places)
        ]
        return [client.post("/v1/resources", json=one, headers=limited(*forms)).status_code for one in wanted]

    assert made("event", WEBINAR) == [201, 403, 403, 403]
    assert made("both", WEBINAR, SERIES) == [201, 201, 201, 403]
    assert rows(loaded, "SELECT id FROM resource WHERE id LIKE 'event-%'") == [("event-0",)]


def test_an_own_resource_is_not_moved_to_another_series(
    client: FlaskClient, limited: Limited, as_role: Headers
) -> None:
    wanted = RESOURCE | {"id": "mine", "event": WEBINAR}
    assert client.post("/v1/resources", json=wanted, headers=as_role("coordinator")).status_code == 201
    headers = limited(WEBINAR)
    assert client.patch("/v1/resources/mine", json={"series": SERIES}, headers=headers).status_code == 403
    assert client.patch("/v1/resources/mine", json={"event": None, "city": "X"}, headers=headers).status_code == 403
    assert client.patch("/v1/resources/mine", json={"title": "New"}, headers=headers).status_code == 200


def test_an_own_event_does_not_join_another_series(client: FlaskClient, limited: Limited, loaded: UnitOfWork) -> None:
    headers, in_series = limited(OWN_DRAFT, "mine"), {"series": SERIES, "series_number": 99}
    assert client.patch(f"/v1/events/{OWN_DRAFT}", json=in_series, headers=headers).status_code == 403
    assert client.patch(f"/v1/events/{OWN_DRAFT}?dry_run=true", json=in_series, headers=headers).status_code == 403
    assert client.post("/v1/events", json=MINE | in_series | {"id": "mine"}, headers=headers).status_code == 403
    typed = MINE | in_series | {"id": "mine", "title.en": "Mine"}
    assert client.post("/console/new-event", data=typed, headers=headers).status_code == 403
    page = f"/console/events/{OWN_DRAFT}/edit"
    seen = re.findall(r'name="seen" value="([^"]+)"', client.get(page, headers=headers).text)[0]
    assert client.post(page, data=typed | {"seen": seen}, headers=headers).status_code == 403
    assert rows(loaded, "SELECT count(*) FROM event WHERE series_number = 99") == [(0,)]
    stays = client.patch(f"/v1/events/{WEBINAR}", json={"internal_note": "X"}, headers=limited(WEBINAR))
    assert stays.status_code == 200
    joins = client.patch(f"/v1/events/{OWN_DRAFT}", json=in_series, headers=limited(OWN_DRAFT, SERIES))
    assert joins.status_code == 200


def test_the_console_offers_no_page_that_the_key_does_not_open(client: FlaskClient, limited: Limited) -> None:
    bearer = limited(WEBINAR)["Authorization"].removeprefix("Bearer ")
    enter(client, bearer)
    page = client.get("/console")
    offered = re.findall(r'<li><a href="(/console[a-z/-]*)"', page.text.split("</nav>")[0])
    assert offered == ["/console/registrations", "/console", "/console/registrations/forms"]


def test_form_of_a_new_event_names_only_forms_of_the_key(
    client: FlaskClient, limited: Limited, as_role: Headers, loaded: UnitOfWork
) -> None:
    with loaded.transaction() as connection:
        for form in (WEBINAR, OTHER):
            connection.execute(_FORM, {"form": form, "title": json.dumps({"en": f"Title of {form}"})})
    for page in ("/console/new-event", f"/console/events/{WEBINAR}/edit"):
        assert _offered(client, page, as_role("coordinator")) >= {WEBINAR, OTHER}
        assert _offered(client, page, limited(WEBINAR)) & {WEBINAR, OTHER} == {WEBINAR}


_FORM = text("""
    INSERT INTO form_copy (id, revision, kind, title, open, closes_hours_before)
    VALUES (:form, 1, 'webinar', CAST(:title AS jsonb), true, 0)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title
""")


def _offered(client: FlaskClient, page: str, headers: dict[str, str]) -> set[str]:
    (choice,) = re.findall(r'<select[^>]*name="form".*?</select>', client.get(page, headers=headers).text, re.DOTALL)
    return set(re.findall(r'<option[^>]*value="([^"]+)"', choice))


def test_roster_of_an_own_event_names_no_one_of_another_form(
    client: FlaskClient, limited: Limited, loaded: UnitOfWork, as_role: Headers
) -> None:
    other = "press-of-the-webinar"
    with loaded.transaction() as connection:
        for number, form in enumerate((WEBINAR, other)):
            insert_registration(connection, registered(9_000 + number, form=form))

    def seen(headers: dict[str, str]) -> tuple[set[str], bool]:
        path = f"/v1/events/{WEBINAR}/roster"
        listed = client.get(path, headers=headers).get_json()["items"]
        return {one["form"] for one in listed}, other in client.get(
            path, headers={**headers, "Accept": "text/csv"}
        ).text

    assert seen(as_role("viewer")) == ({WEBINAR, other}, True)
    assert seen(limited("mine", WEBINAR)) == ({WEBINAR}, False)
