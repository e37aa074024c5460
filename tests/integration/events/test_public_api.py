"""Events over HTTP: what the public sees, filters, pages, entity tags, CSV."""

import codecs
import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.events.event.model import EventStatus
from services.events.event.store import save_event
from services.events.loading.moving import Loaded
from services.events.loading.service import load_sample
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from tests.integration.events.builders import WEBINAR, consume, form_message
from tests.support.clock import FrozenClock
from tests.unit.events.builders import START, an_event

Headers = Callable[[str], dict[str, str]]
SECRETS = ("join_url", "internal_note")


def _ids(client: FlaskClient, query: str = "", headers: dict[str, str] | None = None) -> list[str]:
    answer = client.get(f"/v1/events{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]] if answer.json else []


def test_the_public_sees_published_events_without_secrets(loaded: UnitOfWork, client: FlaskClient) -> None:
    items = client.get("/v1/events").json["items"]  # type: ignore[index]
    assert [item["id"] for item in items] == [
        "council-session-43",
        WEBINAR,
        "upr-review",
        "review-press-conference",
    ]
    assert not [name for item in items for name in SECRETS if name in item]
    webinar = items[1]
    assert webinar["starts_at"] == "2020-03-04T19:00:00+00:00"
    assert webinar["starts_at_local"] == "2020-03-04T14:00:00-05:00"


def test_readers_see_drafts_and_the_meeting_link(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    for role in ("viewer", "coordinator"):
        assert _ids(client, headers=as_role(role))[-1] == "upr-cities-training"
        answer = client.get(f"/v1/events/{WEBINAR}", headers=as_role(role))
        assert answer.json["join_url"] == "https://meet.example.org/upr-webinar-10"  # type: ignore[index]
        assert answer.headers["Cache-Control"] == "private, no-cache"


def test_another_role_is_the_public_and_a_wrong_key_is_refused(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    assert client.get("/v1/events", headers=as_role("partner")).json == client.get("/v1/events").json
    assert client.get("/v1/events", headers={"Authorization": "Bearer wrong"}).status_code == 401


@pytest.fixture
def few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two a minute."""
    monkeypatch.setattr("shared.security.rate_limits.COMMON_RATES", {"read": "2 per minute"})


@pytest.mark.usefixtures("few_reads")
@pytest.mark.parametrize("path", ["/v1/events", f"/v1/events/{WEBINAR}", "/v1/rooms", "/v1/schedule.json"])
def test_reads_without_a_key_are_limited_by_client_network(
    client: FlaskClient, loaded: UnitOfWork, as_role: Headers, path: str
) -> None:
    """Of all that everyone may read, together; a coordinator's key has no such limit."""
    assert [client.get("/v1/events").status_code for _ in range(2)] == [200, 200]
    refused = client.get(path)
    assert (refused.status_code, 0 < int(refused.headers["Retry-After"]) <= 60) == (429, True)
    elsewhere = client.get("/v1/events", environ_base={"REMOTE_ADDR": "203.0.113.1"})
    with_key = [client.get("/v1/events", headers=as_role("coordinator")).status_code for _ in range(3)]
    assert (elsewhere.status_code, with_key) == (200, [200, 200, 200])


@pytest.mark.usefixtures("few_reads")
@pytest.mark.parametrize(
    "path",
    ["/v1/resources", "/v1/working-groups", "/v1/rooms", "/v1/series", "/v1/series/upr-webinar-wednesday"],
)
def test_request_without_a_key_counts_as_one_read(client: FlaskClient, loaded: UnitOfWork, path: str) -> None:
    """Routes ask several times who is calling: for the fields, the items and the headers."""
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]


def test_a_draft_is_not_there_for_the_public(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    assert client.get("/v1/events/upr-cities-training").status_code == 404
    assert client.get("/v1/events/upr-cities-training", headers=as_role("viewer")).status_code == 200
    assert _ids(client, "?status=draft") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=webinar", [WEBINAR]),
        ("?series=upr-webinar-wednesday", [WEBINAR]),
        ("?status=tentative", ["upr-review", "review-press-conference"]),
        ("?mode=online", [WEBINAR]),
        ("?city=geneva&status=confirmed", ["council-session-43"]),
        ("?working_group=health", [WEBINAR]),
        ("?q=EMBASSIES", [WEBINAR]),
        ("?q=100%25", []),
        ("?from=2020-03-04T20:00:00Z&to=2020-05-01T00:00:00Z", ["council-session-43"]),
        ("?from=2020-05-11T12:59:00%2B02:00", ["review-press-conference"]),
        ("?from=2020-05-11&to=2020-05-11", ["upr-review", "review-press-conference"]),
        ("?from=2020-03-21&to=2020-05-10", []),
        ("?from=2020-03-20&to=2020-03-20", ["council-session-43"]),
        ("?to=2020-02-24", ["council-session-43"]),
        ("?to=2020-02-24T00:00:00Z", []),
        ("?from=2020-05-12&to=9999-12-31", []),
    ],
)
def test_filters(loaded: UnitOfWork, client: FlaskClient, query: str, found: list[str]) -> None:
    assert _ids(client, query) == found


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?colour=red", "/colour"),
        ("?kind=party", "/kind"),
        ("?from=2020-03-04T00:00:00", "/from"),
        ("?to=2020-02-30", "/to"),
        ("?limit=0", "/limit"),
        ("?fields=id,colour", "/fields"),
        ("?fields=join_url", "/fields"),
        ("?q=%00", "/q"),
        ("?series=Not a slug", "/series"),
    ],
)
def test_a_query_that_is_wrong_is_refused(loaded: UnitOfWork, client: FlaskClient, query: str, pointer: str) -> None:
    answer = client.get(f"/v1/events{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")  # type: ignore[index]
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]  # type: ignore[index]


@pytest.mark.parametrize(
    "cursor", ["x", "WyJhIl0", "WyIyMDIwIiwgImEiXQ", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjAwIiwgImEiXQ"]
)
def test_a_cursor_of_another_kind_is_refused(loaded: UnitOfWork, client: FlaskClient, cursor: str) -> None:
    assert client.get(f"/v1/events?cursor={cursor}").status_code == 400


@pytest.mark.parametrize("path", ["no-such-event", "%00", "Upr-Webinar-10", "a" * 300])
def test_an_unknown_event_is_not_found(loaded: UnitOfWork, client: FlaskClient, path: str) -> None:
    answer = client.get(f"/v1/events/{path}")
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")  # type: ignore[index]


def test_fields_are_the_asked_ones_and_the_id(loaded: UnitOfWork, client: FlaskClient) -> None:
    answer = client.get(f"/v1/events/{WEBINAR}?fields=title,status")
    assert sorted(answer.json or {}) == ["id", "status", "title"]


def test_an_unchanged_answer_is_304_and_a_changed_one_is_not(
    loaded: UnitOfWork, client: FlaskClient, clock: FrozenClock, sample: Loaded
) -> None:
    for path in ("/v1/events", f"/v1/events/{WEBINAR}", "/v1/series", "/v1/working-groups"):
        tag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
    tag = client.get("/v1/events").headers["ETag"]
    cancelled = tuple(replace(event, status=EventStatus.CANCELLED) for event in sample.events if event.id == WEBINAR)
    load_sample(loaded, clock, replace(sample, events=cancelled))
    assert client.get("/v1/events", headers={"If-None-Match": tag}).status_code == 200


def test_paging_neither_skips_nor_repeats(work: UnitOfWork, client: FlaskClient) -> None:
    def add(number: int, **changes: Any) -> str:
        event = an_event(id=f"event-{number:02}", **changes)
        with work.transaction() as connection:
            save_event(connection, event)
        return event.id

    added = [add(n, starts_at=START + timedelta(hours=n // 3), ends_at=START + timedelta(days=9)) for n in range(20)]
    added += [add(n, status=EventStatus.POSTPONED, starts_at=None, ends_at=None) for n in range(20, 25)]
    seen: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        answer = client.get("/v1/events", query_string={"limit": 4, "cursor": cursor}).json
        seen += [item["id"] for item in answer["items"]]  # type: ignore[index]
        cursor, pages = answer["next"], pages + 1  # type: ignore[index]
        add(50 + pages, starts_at=START - timedelta(days=1), ends_at=START)
    assert seen == added


def test_csv_has_titles_and_words(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    """In place of ids of series, groups and forms, and of true and false; what has no title yet keeps its id."""
    change = {"asked_groups": ["housing", "health", "migration"]}
    headers = as_role("coordinator") | {"If-Match": "*"}
    assert client.patch("/v1/events/upr-review", json=change, headers=headers).status_code == 200
    consume(loaded, [form_message(WEBINAR, "webinar", WEBINAR)])
    answer = client.get("/v1/events", headers=as_role("viewer") | {"Accept": "text/csv"})
    lines = {line["id"]: line for line in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}
    webinar, review = lines[WEBINAR], lines["upr-review"]
    assert [webinar[name] for name in ("series", "asked_groups", "form", "internal")] == [
        "UPR Webinar Wednesday",
        "All working groups",
        f"Title of {WEBINAR}",
        "no",
    ]
    assert (review["asked_groups"], review["series"]) == ("Housing; Health; Migration", "")


def test_csv_holds_all_pages_and_no_formula(work: UnitOfWork, client: FlaskClient) -> None:
    with work.transaction() as connection:
        for number in range(205):
            save_event(
                connection, an_event(id=f"event-{number:03}", title=Text.of('=HYPERLINK("https://x.example.org")'))
            )
    answer = client.get("/v1/events?limit=2&fields=title,asked_groups", headers={"Accept": "text/csv"})
    assert answer.is_streamed
    assert answer.data.startswith(codecs.BOM_UTF8)
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert lines[0] == ["id", "title", "asked_groups"]
    assert len(lines) == 206
    assert {line[1] for line in lines[1:]} == {'\'=HYPERLINK("https://x.example.org")'}
    assert answer.headers["Content-Type"].startswith("text/csv")
