"""The list of events in the order of any column, page by page, in the API and in the console."""

import re
from collections.abc import Callable, Mapping
from html import unescape

import pytest
from flask.testing import FlaskClient

from services.events.desk.console import COLUMNS, PAGE
from services.events.event.store import BY_NUMBER, EVENT_SORTS
from shared.db.unit_of_work import UnitOfWork
from shared.http.lists import to_cursor
from tests.integration.events.builders import WEBINAR, consume, registered, registration_message, rows
from tests.support.signed_in import enter

Headers = Callable[[str], dict[str, str]]
CONFIRMED = {WEBINAR: 3, "upr-review": 1}


@pytest.fixture
def counted(loaded: UnitOfWork) -> UnitOfWork:
    """Three people are confirmed for the webinar, one for the review, and one waits for it."""
    people = [registered(n) for n in (1, 2, 3)]
    people += [registered(4, event_id="upr-review"), registered(5, event_id="upr-review", status="waitlisted")]
    consume(loaded, [registration_message(person) for person in people])
    return loaded


def whole_list(client: FlaskClient, headers: Mapping[str, str], sort: str) -> list[str]:
    """Ids of all events, asked for two at a time."""
    found: list[str] = []
    page = client.get(f"/v1/events?limit=2&sort={sort}", headers=headers).get_json()
    while page["items"]:
        found += [event["id"] for event in page["items"]]
        if not page["next"]:
            return found
        page = client.get(f"/v1/events?limit=2&sort={sort}&cursor={page['next']}", headers=headers).get_json()
    raise AssertionError("an empty page that is not the last")


def test_every_order_shows_each_event_once_and_can_be_reversed(
    counted: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    coordinator = as_role("coordinator")
    lists = {sort: whole_list(client, coordinator, sort) for sort in EVENT_SORTS}
    everything = sorted(row[0] for row in rows(counted, "SELECT id FROM event WHERE NOT internal"))
    assert {sort: sorted(found) for sort, found in lists.items()} == dict.fromkeys(EVENT_SORTS, everything)
    assert all(lists[f"-{sort}"] == lists[sort][::-1] for sort in EVENT_SORTS if not sort.startswith("-"))
    assert lists["-confirmed"][:2] == sorted(CONFIRMED, key=lambda event: -CONFIRMED[event])
    assert lists["-waitlisted"][0] == "upr-review"
    statuses = "SELECT id FROM event ORDER BY array_position(ARRAY['draft', 'tentative', 'confirmed'], status), id"
    assert lists["status"] == [row[0] for row in rows(counted, statuses)]
    in_csv = client.get("/v1/events?sort=-confirmed", headers=coordinator | {"Accept": "text/csv"}).text.splitlines()
    assert [line.partition(",")[0] for line in in_csv[1:]] == lists["-confirmed"]


@pytest.mark.parametrize("sort", BY_NUMBER)
def test_the_public_cannot_see_which_event_has_most_people(
    counted: UnitOfWork, client: FlaskClient, as_role: Headers, sort: str
) -> None:
    assert client.get(f"/v1/events?sort={sort}").status_code == 401
    answers = {role: client.get(f"/v1/events?sort=-{sort}", headers=as_role(role)) for role in ("partner", "viewer")}
    assert {role: answer.status_code for role, answer in answers.items()} == {"partner": 403, "viewer": 200}


@pytest.mark.parametrize(
    ("sort", "key"),
    [("status", "party"), ("confirmed", "many"), ("waitlisted", "-1"), ("confirmed", "9" * 12), ("city", "a\0b")],
)
def test_a_cursor_of_no_such_place_is_refused(client: FlaskClient, as_role: Headers, sort: str, key: str) -> None:
    cursor = to_cursor((key, WEBINAR))
    answer = client.get(f"/v1/events?sort={sort}&cursor={cursor}", headers=as_role("coordinator"))
    assert answer.status_code == 400


def listed(page: str) -> list[str]:
    """Ids of the events on a page of the console, in order."""
    return re.findall(r'scope="row"><a href="/console/events/([a-z0-9-]+)"', page)


def test_headings_of_the_console_order_the_list_and_keep_filter_and_pages(
    counted: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    same = "kind, title, summary, mode, time_zone, asked_groups, internal_note, internal, revision"
    copies = f"SELECT id || '-' || n, 'draft', {same} FROM event, generate_series(1, {PAGE}) n WHERE id = '{WEBINAR}'"
    rows(counted, f"INSERT INTO event (id, status, {same}) {copies} RETURNING id")
    enter(client, keys["coordinator"])
    first = client.get("/console?show=all").text
    headings = {
        label: unescape(address)
        for address, label in re.findall(r'columnheader"[^>]*><a href="([^"]+)">(\w+)</a></th>', first)
    }
    assert list(headings) == list(COLUMNS.values())
    assert headings["Confirmed"] == "/console?show=all&sort=-confirmed"
    assert re.findall(r'aria-sort="(\w+)"[^>]*><a href="([^"]+)"', first) == [
        ("ascending", "/console?show=all&amp;sort=-starts_at")
    ]
    page = client.get(headings["Confirmed"]).text
    assert 'aria-sort="descending" class="number"><a href="/console?show=all&amp;sort=confirmed">Confirmed' in page
    assert listed(page)[:2] == sorted(CONFIRMED, key=lambda event: -CONFIRMED[event])
    more = re.search(r'href="([^"]+)">More events</a>', page)
    assert more is not None
    rest = client.get(unescape(more[1])).text
    assert len(listed(page)) == PAGE
    assert sorted(listed(page) + listed(rest)) == sorted(row[0] for row in rows(counted, "SELECT id FROM event"))
    assert client.get("/console?sort=people").status_code == 400
