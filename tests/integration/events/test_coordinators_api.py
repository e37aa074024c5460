"""Counts, coverage and rosters over HTTP, and who may call which route."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.console_pages import SIGN_OUT
from services.events.loading.moving import Loaded
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import Policy, policy_of
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    consume,
    form_message,
    mail_message,
    registered,
    registration_id,
    registration_message,
)

Headers = Callable[[str], dict[str, str]]

POLICIES = {
    "public": Policy("public"),
    "readers": Policy("role", frozenset({"viewer", "coordinator"})),
    "coordinators": Policy("role", frozenset({"coordinator"})),
    "operators too": Policy("role", frozenset({"viewer", "coordinator", "operator"})),
    "who watches": Policy("role", frozenset({"coordinator", "operator"})),
}
SIGNING = {f"POST {path}" for path in SIGN_OUT}

PUBLIC = {
    "/v1/events",
    "/v1/events/<event_id>",
    "/v1/series",
    "/v1/working-groups",
    "/v1/resources",
    "/programme",
    "/programme/<event_id>",
    "/programme/groups",
    "/programme/series/<series_id>",
    "/programme/static/programme.css",
    "/calendar/all.ics",
    "/calendar/event/<event_id>.ics",
    "/calendar/kind/<kind>.ics",
    "/calendar/series/<series_id>.ics",
    "/calendar/working-group/<group_id>.ics",
    "/calendar/room/<room_id>.ics",
    "/programme/timetable",
    "/v1/rooms",
    "/v1/slots",
    *(f"/v1/{part}/<item_id>" for part in ("resources", "rooms", "series", "slots", "working-groups")),
    "/v1/schedule.json",
    "/v1/schedule/versions/<int:number>",
    "/v1/schedule/versions/<int:number>/diff/<int:other>",
    "/console/static/console.css",
    "/-/events/livez",
    "/-/events/readyz",
    "/-/events/version",
    "/-/events/metrics",
    "/-/events/openapi.json",
    "/-/events/docs",
    "/-/events/docs.css",
    *(f"/openapi/events/{name}" for name in ("openapi.json", "docs", "docs.css")),
}
FOR_READERS = {
    "/v1/events/<event_id>/counts",
    "/v1/events/<event_id>/coverage",
    "/v1/events/<event_id>/roster",
    "/v1/consultations",
    "/v1/group-contacts",
    "/v1/hotels",
    "/v1/clashes",
    "/v1/coverage",
    "/v1/speakers",
    "/console/overview",
    "/console/speakers",
    "/console/translations",
    "/console/groups",
    "/console/geneva",
    "/console",
    "/console/events/<event_id>",
}

SET_UP_FOR_READERS = {
    "/console/set-up",
    "/console/set-up/<part>",
    "/console/set-up/<part>/<item_id>",
    *(f"/v1/{part}/<item_id>" for part in ("consultations", "group-contacts", "hotels")),
}
"""Tried out where something is set up: test_setting_up."""

SIDE_EVENTS_FOR_READERS = {
    "/console/side-events",
    "/console/timetable",
    "/v1/proposals",
    "/v1/proposals/<uuid:proposal_id>",
    "/v1/proposals/<uuid:proposal_id>/history",
    "/v1/schedule",
    "/v1/schedule/conflicts",
    "/v1/schedule/jobs/<uuid:job_id>",
}
"""Tried out where there are side events: test_proposals."""

FOR_OPERATORS_TOO = {"/v1/overview"}
"""Numbers of the system's own events: test_internal_events."""

STEPS = "any(announce, confirm, postpone, reschedule, cancel, revive, hold)"
CONSOLE_FORMS = (
    "new-event",
    "events/<event_id>/edit",
    "events/<event_id>/new-resource",
    "events/<event_id>/resources/<resource_id>",
)
SET_UP = ("consultations", "group-contacts", "hotels", "rooms", "series", "working-groups")
FOR_COORDINATORS = {
    *(f"POST /v1/{part}" for part in (*SET_UP, "slots")),
    *(f"PATCH /v1/{part}/<item_id>" for part in SET_UP),
    *(f"DELETE /v1/{part}/<item_id>" for part in (*SET_UP, "slots", "resources")),
    "/console/set-up/<part>/new",
    *(f"POST /console/set-up/<part>/{path}" for path in ("new", "<item_id>", "<item_id>/withdraw")),
    "POST /v1/person-export/events",
    "/console/events/<event_id>/change/<action>",
    "POST /console/events/<event_id>/change/<action>",
    "POST /v1/events",
    "/v1/events/<event_id>/notes",
    "POST /v1/events/<event_id>/notes",
    "/v1/events/<event_id>/history",
    "POST /console/events/<event_id>/notes",
    *(f"{method}/console/{path}" for method in ("", "POST ") for path in CONSOLE_FORMS),
    "POST /v1/resources",
    "PATCH /v1/resources/<item_id>",
    "PATCH /v1/events/<event_id>",
    f"POST /v1/events/<event_id>/<{STEPS}:step_name>",
    "/console/speakers.csv",
    "/console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/publish",
    "POST /console/timetable/schedule",
    "POST /console/side-events/<uuid:proposal_id>",
    "POST /console/side-events/marked",
    "POST /console/side-events/<uuid:proposal_id>/suggestion",
    "PATCH /v1/proposals/<uuid:proposal_id>",
    *(
        f"POST /v1/proposals/<uuid:proposal_id>/{verb}"
        for verb in ("accept", "return", "decline", "suggestion/adopt", "suggestion/dismiss")
    ),
    "PUT /v1/schedule/placements/<uuid:proposal_id>",
    "DELETE /v1/schedule/placements/<uuid:proposal_id>",
    "POST /v1/schedule/solve",
    "POST /v1/schedule/publish",
}


def test_every_route_states_who_may_call_it(app: Flask) -> None:
    stated = {
        rule.rule if method == "GET" else f"{method} {rule.rule}": policy_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    plain = {path: replace(policy, all_forms=False, or_key=False) for path, policy in stated.items() if policy}
    by_policy = {
        name: {path for path, policy in plain.items() if policy == wanted} for name, wanted in POLICIES.items()
    }
    expected = {
        "public": PUBLIC | SIGNING,
        "readers": FOR_READERS | SET_UP_FOR_READERS | SIDE_EVENTS_FOR_READERS,
        "coordinators": FOR_COORDINATORS,
        "operators too": FOR_OPERATORS_TOO,
        "who watches": {"/v1/service-audit/events"},
    }
    assert by_policy == expected
    assert set(stated) - set().union(*expected.values()) == set()


@pytest.mark.parametrize("path", sorted(path for path in FOR_READERS if path.startswith("/v1")))
def test_readers_routes_need_the_role(loaded: UnitOfWork, client: FlaskClient, as_role: Headers, path: str) -> None:
    address = path.replace("<event_id>", WEBINAR)
    statuses = {role: client.get(address, headers=as_role(role)).status_code for role in ("operator", "partner")}
    assert client.get(address).status_code == 401
    assert statuses == {"operator": 403, "partner": 403}
    for role in ("viewer", "coordinator"):
        answer = client.get(address, headers=as_role(role))
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("part", ["counts", "coverage", "roster"])
def test_nothing_is_known_of_an_unknown_event(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, part: str
) -> None:
    assert client.get(f"/v1/events/no-such-event/{part}", headers=as_role("viewer")).status_code == 404


def test_coverage_names_the_groups_that_are_missing(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, sample: Loaded
) -> None:
    consume(
        loaded,
        [
            registration_message(registered(1, working_group="health", representative=True)),
            registration_message(registered(2, working_group="health", representative=True, status="waitlisted")),
            registration_message(registered(3, working_group="housing", representative=True, status="cancelled")),
            registration_message(registered(4, working_group="education")),
            registration_message(registered(5, working_group="migration", representative=True, event_id="upr-review")),
            mail_message(9, 1, NOON),
        ],
    )
    answer = client.get(f"/v1/events/{WEBINAR}/coverage", headers=as_role("coordinator")).json or {}
    assert answer["covered"] == [
        {
            "id": "health",
            "title": "Health",
            "representatives": 1,
            "waiting": 1,
            "last_mail_at": "2020-03-02T12:00:00+00:00",
        }
    ]
    everyone = {group.id for group in sample.working_groups}
    assert [group["id"] for group in answer["missing"]] == sorted(everyone - {"health"})
    assert {group["last_mail_at"] for group in answer["missing"]} == {None}


def test_counts_follow_the_registrations(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    address = f"/v1/events/{WEBINAR}/counts"
    nothing = {"event": WEBINAR, "confirmed": 0, "waitlisted": 0, "cancelled": 0}
    assert client.get(address, headers=as_role("viewer")).json == nothing
    consume(loaded, [registration_message(registered(number, status="waitlisted")) for number in (1, 2)])
    consume(loaded, [registration_message(registered(1, revision=2))])
    assert client.get(address, headers=as_role("viewer")).json == nothing | {"confirmed": 1, "waitlisted": 1}


@pytest.mark.parametrize("status", ["", "confirmed"])
def test_a_roster_in_pages_has_everyone_once(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, status: str
) -> None:
    consume(loaded, [registration_message(registered(number)) for number in range(1, 12)])
    seen: list[str] = []
    query: dict[str, object] = {"limit": 4} | ({"status": status} if status else {})
    page = client.get(f"/v1/events/{WEBINAR}/roster", query_string=query, headers=as_role("viewer")).json or {}
    seen += [line["registration_id"] for line in page["items"]]
    while page["next"]:
        query["cursor"] = page["next"]
        page = client.get(f"/v1/events/{WEBINAR}/roster", query_string=query, headers=as_role("viewer")).json or {}
        seen += [line["registration_id"] for line in page["items"]]
    assert seen == [registration_id(number) for number in range(1, 12)]


def test_a_roster_line_equals_the_message(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    known = registered(1, working_group="health", representative=True, status="waitlisted", position=3, country="CH")
    consume(loaded, [registration_message(known)])
    page = client.get(f"/v1/events/{WEBINAR}/roster?status=waitlisted", headers=as_role("viewer")).json or {}
    names = [name for name in known.__slots__ if name not in ("event_id", "occurred_at")]
    expected = {name: getattr(known, name) for name in names} | {"occurred_at": "2020-03-02T12:01:00+00:00"}
    assert page == {"items": [expected], "next": ""}


@pytest.mark.parametrize("query", ["?cursor=WyJhIl0", "?cursor=x"])
def test_a_roster_cursor_of_another_kind_is_refused(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, query: str
) -> None:
    assert client.get(f"/v1/events/{WEBINAR}/roster{query}", headers=as_role("viewer")).status_code == 400


def test_consultations_are_summed_by_host(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    answer = client.get("/v1/consultations", headers=as_role("viewer")).json or {}
    assert answer["totals"] == [
        {"host_kind": "embassy", "hosts": 9, "presentations": 16},
        {"host_kind": "permanent_mission", "hosts": 2, "presentations": 27},
    ]


def test_ready_only_with_the_newest_schema(client: FlaskClient, work: UnitOfWork) -> None:
    assert client.get("/-/events/readyz").status_code == 200
    with work.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert client.get("/-/events/readyz").status_code == 503


def test_a_roster_as_csv_has_everyone_and_no_formula(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.events.attendance.api.CSV_CHUNK", 3)
    people = [registered(n, language="=cmd" if n == 1 else "en", working_group="housing") for n in range(1, 9)]
    consume(loaded, [form_message(WEBINAR, "webinar", WEBINAR), *map(registration_message, people)])
    headers = as_role("viewer") | {"Accept": "text/csv"}
    answer = client.get(f"/v1/events/{WEBINAR}/roster", headers=headers)
    lines = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    titles = [lines[0][name] for name in ("form", "working_group", "representative")]
    assert titles == [f"Title of {WEBINAR}", "Housing", "no"]
    assert [line["registration_id"] for line in lines] == [registration_id(n) for n in range(1, 9)]
    assert (answer.mimetype, lines[0]["language"], lines[1]["language"]) == ("text/csv", "'=cmd", "en")
    assert client.get("/v1/events/none/roster", headers=headers).status_code == 404


def test_interest_and_membership_are_no_attendance(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    kinds = ("webinar", "interest", "working_group", "proposal", "delegation")
    people = [
        registered(n, form_kind=kind, working_group="health", representative=kind != "webinar")
        for n, kind in enumerate(kinds, 1)
    ]
    consume(loaded, [registration_message(known) for known in people])
    path, headers = f"/v1/events/{WEBINAR}", as_role("viewer")
    assert (client.get(f"{path}/counts", headers=headers).json or {})["confirmed"] == 2
    covered = (client.get(f"{path}/coverage", headers=headers).json or {})["covered"]
    assert [(group["id"], group["representatives"]) for group in covered] == [("health", 1)]
    roster = {
        kind: [line["form_kind"] for line in (client.get(f"{path}/roster{kind}", headers=headers).json or {})["items"]]
        for kind in ("", "?form_kind=interest")
    }
    assert roster == {"": ["webinar", "delegation"], "?form_kind=interest": ["interest"]}
