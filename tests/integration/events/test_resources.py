"""Resources: who sees which, what is published of them, and the faults of wrong ones."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.events.network.model import Resource, ResourceKind
from services.events.network.resources import RESOURCES
from services.events.network.store import insert_resource
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from tests.integration.events.builders import NOON, WEBINAR, consume, registered, registration_message, rows
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

Headers = Callable[[str], dict[str, str]]
RECORDING = {
    "id": "upr-webinar-10-recording",
    "kind": "recording",
    "title": "Recording",
    "url": "https://videos.example.org/upr-webinar-10",
    "event": WEBINAR,
}


def _ids(client: FlaskClient, headers: dict[str, str] | None = None, **query: str) -> list[str]:
    answer = client.get("/v1/resources", query_string=query, headers=headers).json or {}
    return [resource["id"] for resource in answer["items"]]


def _published(work: UnitOfWork) -> list[Any]:
    messages = [json.loads(bytes(body)) for (body,) in rows(work, "SELECT body FROM outbox ORDER BY id")]
    return [
        m["data"] for m in messages if m["type"].endswith("resource.published.v1") and m["subject"] == RECORDING["id"]
    ]


def test_a_resource_is_seen_while_it_is_published(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    headers = as_role("coordinator")
    made = client.post("/v1/resources", json=RECORDING, headers=headers)
    assert (made.status_code, (made.json or {})["published"]) == (201, False)
    assert _ids(client, event=WEBINAR) == ["upr-webinar-10-slides"]
    assert _ids(client, headers, event=WEBINAR) == ["upr-webinar-10-recording", "upr-webinar-10-slides"]
    path, tag = f"/v1/resources/{RECORDING['id']}", made.get_etag()[0]
    assert client.patch(path, json={"published": True}, headers=headers).status_code == 428
    for published in (True, False, True):
        answer = client.patch(path, json={"published": published}, headers=headers | {"If-Match": f'"{tag}"'})
        assert (answer.status_code, (answer.json or {})["published"]) == (200, published)
        stale, tag = tag, answer.get_etag()[0]
    assert client.patch(path, json={"title": "X"}, headers=headers | {"If-Match": f'"{stale}"'}).status_code == 412
    assert [(messages["event"], messages["revision"], messages["published"]) for messages in _published(loaded)] == [
        (WEBINAR, 2, True),
        (WEBINAR, 3, False),
        (WEBINAR, 4, True),
    ]
    assert RECORDING["id"] in _ids(client, kind="recording")


def test_each_change_that_the_public_sees_is_published_and_no_other(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    """Not before it is shown, nor while it is hidden: not even the change with which it is hidden."""
    headers = as_role("coordinator") | {"If-Match": "*"}
    assert client.post("/v1/resources", json=RECORDING, headers=headers).status_code == 201
    for change in (
        {"title": "Draft"},
        {"published": True},
        {"url": "https://videos.example.org/corrected"},
        {"published": False, "url": "https://videos.example.org/hidden"},
        {"title": "Hidden"},
        {"published": True, "title": "Recording", "url": "https://videos.example.org/again"},
    ):
        assert client.patch(f"/v1/resources/{RECORDING['id']}", json=change, headers=headers).status_code == 200
    assert [(one["revision"], one["published"], one["title"]["en"], one["url"]) for one in _published(loaded)] == [
        (3, True, "Draft", RECORDING["url"]),
        (4, True, "Draft", "https://videos.example.org/corrected"),
        (5, False, "Draft", "https://videos.example.org/corrected"),
        (7, True, "Recording", "https://videos.example.org/again"),
    ]


def test_resources_are_found_by_series_and_city(loaded: UnitOfWork, client: FlaskClient) -> None:
    assert _ids(client, city="new york") == ["upr-cities-recording"]
    assert _ids(client, series="upr-webinar-wednesday") == ["upr-webinar-10-slides", "upr-webinars-recordings"]
    assert _ids(client, kind="slides", series="upr-webinar-wednesday") == ["upr-webinar-10-slides"]
    first = client.get("/v1/resources?limit=3").json or {}
    assert _ids(client, cursor=first["next"]) == ["upr-webinars-recordings"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"url": "http://videos.example.org/x"}, "/url"),
        ({"event": None}, "/event"),
        ({"event": "no-such-event"}, "/event"),
        ({"event": None, "series": "no-such-series"}, "/series"),
        ({"event": "upr-cities-training", "published": True}, "/published"),
    ],
)
def test_a_wrong_resource_is_refused(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers, changes: dict[str, Any], pointer: str
) -> None:
    answer = client.post("/v1/resources", json=RECORDING | changes, headers=as_role("coordinator"))
    assert (answer.status_code, [fault["pointer"] for fault in (answer.json or {})["errors"]]) == (422, [pointer])
    assert _published(loaded) == []


def test_hotels_are_for_those_with_a_key(loaded: UnitOfWork, client: FlaskClient, as_role: Headers) -> None:
    hotels = (client.get("/v1/hotels", headers=as_role("viewer")).json or {})["items"]
    assert [(hotel["name"], hotel["rooms"], hotel["book_until"]) for hotel in hotels] == [
        ("Guest house by the lake", 8, None),
        ("Hotel near the Palais", 20, "2020-04-10"),
    ]


def test_of_two_made_at_once_with_one_id_the_first_stays(
    loaded: UnitOfWork, client: FlaskClient, as_role: Headers
) -> None:
    """The second has queried and found none before the first is there, and waits for it to be stored or not."""
    headers = as_role("coordinator")
    first = Resource(
        id=RECORDING["id"], kind=ResourceKind.RECORDING, title=Text.of("First"), url=RECORDING["url"], event=WEBINAR
    )
    with ThreadPoolExecutor(1) as pool:
        with loaded.transaction() as connection:
            assert insert_resource(connection, first)
            second = pool.submit(client.post, "/v1/resources", json=RECORDING | {"published": True}, headers=headers)
            poll_until(lambda: rows(loaded, WAITING) == [(1,)], what="the second waits")
        answer = second.result(30)
    assert (answer.status_code, (answer.json or {})["code"]) == (409, "already-exists")
    assert rows(loaded, f"SELECT title FROM resource WHERE id = '{RECORDING['id']}'") == [({"en": "First"},)]
    assert _published(loaded) == []


def test_preview_lists_the_people_to_mail(loaded: UnitOfWork) -> None:
    consume(loaded, [registration_message(registered(1))])
    recording = Resource(
        id="new", kind=ResourceKind.RECORDING, title=Text.of("New"), url=RECORDING["url"], event=WEBINAR, published=True
    )
    slides = replace(recording, kind=ResourceKind.SLIDES)
    announced = replace(slides, announced=True)
    with loaded.transaction() as connection:
        effects = [
            list(RESOURCES.effects(connection, old, [new], NOON))
            for old, new in ((None, recording), (None, slides), (announced, replace(announced, kind=recording.kind)))
        ]
    assert effects == [
        ["It becomes public in the programme.", "1 confirmed registration for its event: they get one mail."],
        ["It becomes public in the programme.", "No mail is sent."],
        ["Everyone sees the change. The first recording of an event is mailed to people with a seat."],
    ]


@pytest.mark.parametrize(
    ("is_shown", "mails"),
    [
        (True, "No mail is sent: a recording of its event was announced before."),
        (
            False,
            "A recording of its event was announced and is hidden: mails about it that waited are sent with this one.",
        ),
    ],
)
def test_preview_promises_no_mail_for_a_second_recording(loaded: UnitOfWork, is_shown: bool, mails: str) -> None:
    consume(loaded, [registration_message(registered(1))])
    first = Resource(
        id="first",
        kind=ResourceKind.RECORDING,
        title=Text.of("First"),
        url=RECORDING["url"],
        event=WEBINAR,
        published=is_shown,
        announced=True,
    )
    second = replace(first, id="second", language="fr", published=True, announced=False)
    with loaded.transaction() as connection:
        assert insert_resource(connection, first)
        effects = list(RESOURCES.effects(connection, None, [second], NOON))
    assert effects == ["It becomes public in the programme.", mails]


def test_preview_states_that_mails_wait_while_a_recording_is_hidden(loaded: UnitOfWork) -> None:
    shown = Resource(
        id="new",
        kind=ResourceKind.RECORDING,
        title=Text.of("New"),
        url=RECORDING["url"],
        event=WEBINAR,
        published=True,
        announced=True,
    )
    hidden = replace(shown, published=False)
    slides = replace(shown, kind=ResourceKind.SLIDES)
    with loaded.transaction() as connection:
        effects = [
            list(RESOURCES.effects(connection, old, [new], NOON))
            for old, new in ((shown, hidden), (hidden, shown), (slides, replace(slides, published=False)))
        ]
    assert effects == [
        ["It is hidden. Mails about it that have not been sent wait up to 72 hours until a recording is shown."],
        ["Everyone sees it again. Mails about it that waited are sent; no one gets a second one."],
        ["It is hidden. Showing it again sends no mail."],
    ]
