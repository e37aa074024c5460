"""Coordinators set up groups, contacts, consultations, rooms, slots, hotels and series."""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.events.web import KINDS
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import rows
from tests.integration.events.side_events import AsRole, Desk
from tests.support.signed_in import enter

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
HOURS = [{"starts_at": "2020-05-06T07:00:00Z", "ends_at": "2020-05-06T15:00:00Z"}]
NIGHTS = [{"kind": "single", "rooms": 4, "first_night": "2020-05-06", "last_night": "2020-05-08"}]


@dataclass(frozen=True, slots=True)
class Sample:
    """One of each kind: what makes it, what changes it, what breaks a rule, and how the field at fault is called."""

    made: dict[str, Any]
    changed: dict[str, Any]
    wrong: dict[str, Any]
    field: str


SAMPLES: Mapping[str, Sample] = {
    "working-groups": Sample(
        {"id": "water", "title": "Water"},
        {"title": {"en": "Water and land", "fr": "L’eau et la terre"}, "active": False},
        {"title": {"fr": "L’eau"}},
        "title",
    ),
    "group-contacts": Sample(
        {"id": "a-call", "working_group": "housing", "kind": "phone", "held_on": "2020-03-02", "summary": "The brief"},
        {"kind": "meeting"},
        {"working_group": "no-such-group"},
        "working_group",
    ),
    "consultations": Sample(
        {
            "id": "at-an-embassy",
            "host_kind": "embassy",
            "host": "An embassy",
            "city": "Geneva",
            "presentations": 3,
            "held_on": "2020-03-02",
            "working_group": "housing",
        },
        {"presentations": 4, "outcome": "Will raise it"},
        {"hosts": 2},
        "hosts",
    ),
    "rooms": Sample(
        {
            "id": "tower",
            "title": "Tower",
            "city": "Geneva",
            "capacity": 30,
            "time_zone": "Europe/Zurich",
            "open": HOURS,
        },
        {"capacity": 45, "equipment": "Screen"},
        {"time_zone": "Europe/Nowhere"},
        "time_zone",
    ),
    "hotels": Sample(
        {"id": "inn", "name": "Inn", "city": "Geneva", "rooms": 5, "allotments": NIGHTS},
        {"rooms": 6},
        {"rooms": 3},
        "allotments",
    ),
    "series": Sample({"id": "talks", "title": "Talks"}, {"began_in": 2020}, {"title": "x" * 201}, "title"),
}
SLOTS = {
    "first_on": "2020-06-01",
    "last_on": "2020-06-07",
    "without": ["saturday", "sunday"],
    "starts": "09:00",
    "ends": "12:00",
    "length_minutes": 60,
    "break_minutes": 30,
    "time_zone": "Europe/Zurich",
}
Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(desk: Desk) -> Ask:
    """One request of a coordinator; ``seen`` is what goes as ``If-Match``."""

    def send(method: str, path: str, content: Any = None, seen: str = "", **more: Any) -> TestResponse:
        headers = desk.headers | ({"If-Match": f'"{seen}"'} if seen else {}) | more.pop("headers", {})
        return desk.client.open(f"/v1/{path}", method=method, json=content, headers=headers, **more)

    return send


def test_one_of_every_kind_is_made_changed_and_withdrawn(desk: Desk, ask: Ask) -> None:
    assert {kind.part for kind in KINDS if kind.editable} == {*SAMPLES, "resources"}
    for part, sample in SAMPLES.items():
        before, one = ask("GET", part).get_json(), f"{part}/{sample.made['id']}"
        tried = ask("POST", f"{part}?dry_run=true", sample.made)
        assert (tried.status_code, tried.get_json()["dry_run"], ask("GET", part).get_json()) == (200, True, before), (
            part
        )
        assert ask("POST", part, sample.made).status_code == 201, part
        assert ask("POST", part, sample.made).status_code == 409
        assert ask("PATCH", one, sample.changed).status_code == 428
        assert ask("PATCH", one, sample.changed, "7").status_code == 412
        broken = ask("PATCH", one, sample.wrong, "1")
        assert (broken.status_code, [fault["pointer"] for fault in broken.get_json()["errors"]]) == (
            422,
            [f"/{sample.field}"],
        )
        tag = ask("GET", one).headers["ETag"].strip('"')
        changed = ask("PATCH", one, sample.changed, tag)
        assert (changed.status_code, changed.get_json()["differs"]) == (200, [*sample.changed])
        stored = ask("GET", one).get_json()
        assert {name: stored[name] for name in sample.changed} == sample.changed
        assert (stored["revision"], ask("PATCH", one, sample.changed, "2").get_json()["differs"]) == (2, [])
        tried = ask("DELETE", f"{one}?dry_run=true", seen="2")
        assert (tried.status_code, ask("GET", one).status_code) == (200, 200)
        assert ask("DELETE", one, seen="1").status_code == 412
        assert ask("DELETE", one, seen="2").status_code == 200
        assert (ask("GET", one).status_code, ask("GET", part).get_json()) == (404, before)
    actions = rows(UnitOfWork(desk.engine, "events"), "SELECT kind, action, done_by FROM audit_record ORDER BY id")
    names = [kind.name for part in SAMPLES for kind in KINDS if kind.part == part]
    done = [
        (name, f"{name}-{action}", "a coordinator") for name in names for action in ("made", "changed", "withdrawn")
    ]
    assert actions == done
    announced = rows(UnitOfWork(desk.engine, "events"), "SELECT type, subject FROM outbox WHERE subject = 'water'")
    assert announced == [("org.troika.working-group.changed.v1", "water")] * 2


def test_slots_of_a_week_are_made_at_once_and_used_by_the_timetable(desk: Desk, ask: Ask) -> None:
    tried = ask("POST", "slots?dry_run=true", SLOTS).get_json()
    assert tried["effects"] == ["10 slots from 2020-06-01 to 2020-06-05, 2 slots a day: side events can be put there."]
    revision = ask("GET", "schedule").get_json()["revision"]
    assert ask("POST", "slots", SLOTS).status_code == 201
    assert ask("GET", "schedule").get_json()["revision"] == revision + 1
    made = ask("GET", "slots?from=2020-06-01&fields=on,time").get_json()["items"]
    assert made[1] == {"id": "2020-06-01-1030", "on": "2020-06-01", "time": "10:30"}
    again = ask("POST", "slots", {**SLOTS, "starts": "09:30"})
    assert (again.status_code, again.get_json()["errors"][0]["pointer"]) == (422, "/starts")
    hours = [{"starts_at": "2020-06-01T06:00:00Z", "ends_at": "2020-06-01T12:00:00Z"}]
    assert ask("POST", "rooms", {**SAMPLES["rooms"].made, "open": hours}).status_code == 201
    proposal = desk.accepted("Homes", working_group="housing")
    place = {"room": "tower", "slot": "2020-06-01-0900"}
    placed = ask("PUT", f"schedule/placements/{proposal}", place, headers={"If-Match": "*"})
    assert placed.status_code == 200, placed.text
    for path, seen in (("slots/2020-06-01-0900", "1"), ("rooms/tower", "1")):
        refused = ask("DELETE", path, seen=seen)
        assert (refused.status_code, "1 side event on the draft board" in refused.text) == (409, True)
    smaller = ask("PATCH", "rooms/tower?dry_run=true", {"capacity": 10}, "1").get_json()
    assert len(smaller["effects"]) == 2, smaller
    assert ask("DELETE", "slots/2020-06-02-0900", seen="1").status_code == 200


def test_slots_that_cannot_be_are_refused_at_their_field(ask: Ask) -> None:
    one_day: dict[str, Any] = {"last_on": None, "without": []}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"last_on": "2020-05-31"}, "last_on"),
        ({"last_on": "2021-06-01"}, "last_on"),
        ({"ends": "09:30"}, "ends"),
        ({"starts": "9"}, "starts"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({**one_day, "first_on": "2020-03-29", "starts": "02:00"}, "starts"),
        ({**one_day, "first_on": "9999-12-31", "time_zone": "Etc/GMT+12"}, "first_on"),
        ({"length_minutes": 5, "break_minutes": 0, "last_on": "2020-07-20"}, "ends"),
    ]
    for changed, field in wrong:
        refused = ask("POST", "slots", {**SLOTS, **changed})
        pointers = [fault["pointer"] for fault in refused.get_json().get("errors", ())]
        assert (refused.status_code, pointers) == (422, [f"/{field}"]), changed


def test_only_a_resource_that_was_never_announced_is_withdrawn(desk: Desk, ask: Ask) -> None:
    content = {
        "kind": "slides",
        "title": "Slides",
        "url": "https://example.org/slides",
        "series": "upr-webinar-wednesday",
    }
    for name, published in (("shown", True), ("hidden", False)):
        assert ask("POST", "resources", {**content, "id": name, "published": published}).status_code == 201
    hidden = desk.client.get("/v1/resources/hidden"), ask("GET", "resources/hidden")
    assert [answer.status_code for answer in hidden] == [404, 200]
    tag = hidden[1].headers["ETag"].strip('"')
    assert ask("PATCH", "resources/hidden", {"title": "Other"}, tag).status_code == 200
    assert ask("DELETE", "resources/shown", seen="1").status_code == 409
    assert ask("DELETE", "resources/hidden", seen="2").status_code == 200
    counted = ask("GET", "resources?group_by=kind,published&series=upr-webinar-wednesday").get_json()["groups"]
    assert {"by": {"kind": "slides", "published": True}, "count": 2, "sums": {}} in counted
    for of_a_list in ("fields=id", "cursor=x"):
        assert ask("GET", f"resources?group_by=kind&{of_a_list}").status_code == 422


def test_group_in_use_is_closed_instead_of_withdrawn(desk: Desk, ask: Ask) -> None:
    all_coverage = "/v1/events/upr-webinar-10/coverage"
    desk.propose("Homes", working_group="housing")
    refused = ask("DELETE", "working-groups/housing", seen="1")
    assert (refused.status_code, "1 proposal" in refused.get_json()["detail"]) == (409, True)
    before = desk.client.get(all_coverage, headers=desk.headers).get_json()
    assert "housing" in {group["id"] for group in before["missing"]}
    closed = ask("PATCH", "working-groups/housing", {"active": False, "contact": "desk@example.org"}, "1")
    assert closed.get_json()["effects"][0].startswith("It is closed")
    after = desk.client.get(all_coverage, headers=desk.headers).get_json()
    assert {group["id"] for group in before["missing"]} - {group["id"] for group in after["missing"]} == {"housing"}
    programme = desk.client.get("/programme/groups").text
    assert ("Housing" in programme, "Health" in programme) == (False, True)
    public = desk.client.get("/v1/working-groups/housing").get_json()
    assert ("contact" in public, ask("GET", "working-groups/housing").get_json()["contact"]) == (
        False,
        "desk@example.org",
    )
    assert desk.client.get("/v1/working-groups?fields=contact").status_code == 422


def test_log_of_consultations_gives_the_totals(desk: Desk, ask: Ask) -> None:
    made = SAMPLES["consultations"].made
    for number, group in enumerate(["housing", "housing", "health"]):
        assert ask("POST", "consultations", {**made, "id": f"c-{number}", "working_group": group}).status_code == 201
    totals = {"host_kind": "embassy", "hosts": 10, "presentations": 25}
    assert ask("GET", "consultations?host_kind=embassy").get_json()["totals"] == [totals]
    assert totals in ask("GET", "overview").get_json()["consultations"]
    by = ask("GET", "consultations?group_by=working_group,host&from=2020-03-01&total=true").get_json()
    assert by == {
        "groups": [
            {
                "by": {"working_group": group, "host": "An embassy"},
                "count": n,
                "sums": {"hosts": n, "presentations": 3 * n},
            }
            for group, n in (("housing", 2), ("health", 1))
        ],
        "more": False,
        "total": 3,
    }
    lines = ask("GET", "consultations?working_group=housing&fields=host,presentations", headers={"Accept": "text/csv"})
    assert list(csv.reader(io.StringIO(lines.text.lstrip("\ufeff")))) == [
        ["id", "host", "presentations"],
        *(["c-1", "An embassy", "3"], ["c-0", "An embassy", "3"]),
    ]


def test_noted_call_counts_as_contact_this_month(desk: Desk, ask: Ask) -> None:
    def line() -> dict[str, Any]:
        return next(one for one in ask("GET", "overview").get_json()["working_groups"] if one["id"] == "housing")

    assert (line()["contacted_this_month"], line()["last_contact_on"]) == (False, None)
    day = f"{desk.clock():%Y-%m-%d}"
    assert ask("POST", "group-contacts", {**SAMPLES["group-contacts"].made, "held_on": day}).status_code == 201
    assert (line()["contacted_this_month"], line()["mailed_this_month"], line()["last_contact_on"]) == (
        True,
        False,
        day,
    )
    assert "Recorded" in desk.client.get("/console/groups", headers=desk.headers).text


VISIT = {
    "host_kind": "embassy",
    "host": ("An embassy " * 18).strip(),
    "city": "Geneva",
    "presentations": "1",
    "hosts": "1",
}


@pytest.mark.parametrize(
    ("part", "typed"),
    [
        ("consultations", {**VISIT, "held_on": "2020-03-02"}),
        ("group-contacts", {"working_group": "housing", "kind": "phone", "held_on": "2020-03-02"}),
    ],
)
def test_form_that_is_sent_twice_makes_one_record(
    desk: Desk, ask: Ask, client: FlaskClient, keys: Mapping[str, str], part: str, typed: dict[str, str]
) -> None:
    """The same on another day is a second one, and so is the same again from a new form or by the API."""
    enter(client, keys["coordinator"])
    path = f"/console/set-up/{part}/new"

    def send(form: dict[str, str]) -> TestResponse:
        return client.post(path, data=form, headers=OWN_SITE)

    def count() -> int:
        return int(ask("GET", f"{part}?total=true").get_json()["total"]) - before

    before = int(ask("GET", f"{part}?total=true").get_json()["total"])
    form = {**typed, "request_id": _request_id(client.get(path).text)}
    back = send({**form, "go": "back"})
    assert (back.status_code, _request_id(back.text)) == (200, form["request_id"])
    made = [send(form) for _ in range(2)]
    assert [answer.status_code for answer in made] == [303, 303]
    assert (made[0].location, count()) == (made[1].location, 1)
    assert (send({**form, "summary": "Other"}).status_code, count()) == (409, 1)
    assert (send({**form, "held_on": "2020-03-03"}).status_code, count()) == (303, 2)
    assert (send({**typed, "request_id": _request_id(client.get(path).text)}).status_code, count()) == (303, 3)
    content = {**typed, **({"presentations": 1, "hosts": 1} if "hosts" in typed else {})}
    assert ([ask("POST", part, content).status_code for _ in range(2)], count()) == ([201, 201], 5)
    assert send({**typed, "request_id": "x"}).status_code == 400


def test_list_is_filtered_sorted_and_paged_without_gaps(ask: Ask) -> None:
    whole = [one["id"] for one in ask("GET", "working-groups?sort=-title").get_json()["items"]]
    assert len(whole) > 5
    paged, cursor = [], ""
    while page := ask("GET", f"working-groups?sort=-title&limit=3&cursor={cursor}").get_json():
        paged += [one["id"] for one in page["items"]]
        if not (cursor := page["next"]):
            break
    assert paged == whole
    assert [one["id"] for one in ask("GET", "rooms?sort=capacity&capacity=35").get_json()["items"]] == ["upper-library"]
    counted = ask("GET", "rooms?group_by=city&total=true").get_json()
    assert (counted["groups"][0]["sums"]["capacity"], counted["total"]) == (235, 4)
    assert ask("GET", "working-groups?q=EVICTION&fields=id").get_json()["items"] == [{"id": "housing"}]
    for wrong in ("titel=x", "sort=contact", "group_by=title", "group_by=active,active", "fields=no", "limit=0"):
        assert ask("GET", f"working-groups?{wrong}").status_code == 422, wrong
    assert ask("GET", "working-groups?cursor=x").status_code == 400


def test_console_makes_changes_and_withdraws_after_a_preview(
    desk: Desk, client: FlaskClient, keys: Mapping[str, str], as_role: AsRole
) -> None:
    enter(client, keys["coordinator"])
    parts = "/console/set-up"
    assert all(kind.words.title in client.get(parts).text for kind in KINDS)
    for kind in KINDS:
        assert (
            client.get(f"{parts}/{kind.part}").status_code == client.get(f"{parts}/{kind.part}/new").status_code == 200
        )
    typed = {
        "name": "Inn",
        "city": "Geneva",
        "rooms": "5",
        "allotments": "single 4 2020-05-06 to 2020-05-08\r\ntwin 1 2020-05-06",
        "url": "",
        "booking_code": "",
        "book_until": "",
        "note": "\0",
    }
    wrong = client.post(f"{parts}/hotels/new", data={**typed, "allotments": "singel 4 x"}, headers=OWN_SITE)
    assert (wrong.status_code, "is not like" in wrong.text) == (422, True)
    made = client.post(f"{parts}/hotels/new", data=typed, headers=OWN_SITE)
    assert (made.status_code, made.headers["Location"]) == (303, f"{parts}/hotels/inn?done=made")
    page = client.get(f"{parts}/hotels/inn").text
    assert ("twin 1 2020-05-06 to 2020-05-06" in page, _seen(page)) == (True, "1")
    changed = {**typed, "rooms": "7", "seen": "1"}
    first = client.post(f"{parts}/hotels/inn", data=changed, headers=OWN_SITE)
    assert "35 rooms are then reserved, not 33" in first.text
    saved = client.post(f"{parts}/hotels/inn", data={**changed, "go": "do"}, headers=OWN_SITE)
    assert saved.status_code == 303
    late = client.post(f"{parts}/hotels/inn", data={**changed, "rooms": "9", "go": "do"}, headers=OWN_SITE)
    assert (late.status_code, "Stored now: 7" in late.text, 'value="9"' in late.text) == (412, True, True)
    asked = client.post(f"{parts}/hotels/inn/withdraw", data={"seen": "2"}, headers=OWN_SITE)
    assert "28 rooms are then reserved, not 35" in asked.text
    gone = client.post(f"{parts}/hotels/inn/withdraw", data={"seen": "2", "go": "do"}, headers=OWN_SITE)
    assert (gone.status_code, client.get(f"{parts}/hotels/inn").status_code) == (303, 404)
    assert client.get(f"{parts}/consultations?group_by=city&by=host_kind").status_code == 200
    assert client.get(f"{parts}/no-such-part").status_code == 404
    week = {**{name: str(value) for name, value in SLOTS.items()}, "without": ["saturday", "sunday"]}
    shown = client.post(f"{parts}/slots/new", data=week, headers=OWN_SITE)
    assert "10 slots from 2020-06-01" in shown.text
    assert client.post(f"{parts}/slots/new", data={**week, "go": "do"}, headers=OWN_SITE).status_code == 303
    viewer = as_role("viewer")
    assert client.get(f"{parts}/rooms/lake-hall", headers=viewer).status_code == 200


def _request_id(page: str) -> str:
    found = re.search(r'name="request_id" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found is not None
    return found[1]
