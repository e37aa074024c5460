"""Writing and previewing bulletins, by the API and in the console."""

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from services.notifications.bulletins.model import MAX_TEXT_LENGTH
from services.notifications.tracking.console import SHOWN_BULLETINS
from services.notifications.web import LARGEST_BODY
from shared.runtime.ids import new_id
from tests.integration.notifications.bulletins import (
    TEXTS,
    audience,
    bulletins,
    delivered,
    draft,
    order_for,
    person,
    preview,
    send,
)
from tests.integration.notifications.desk import ask, sign_in
from tests.integration.notifications.notification_service import EVENT, NotificationService

ANY = {"If-Match": "*"}
PLACE = "/console/mail/bulletins"


def test_preview_counts_people_by_language_and_shows_each_mail(
    notifications: NotificationService, client: FlaskClient
) -> None:
    for number, language in enumerate(("en", "en", "ar", "pt")):
        person(notifications, number, language=language)
    found = ask(client, "POST", f"/v1/bulletins/{draft(client)}/preview").get_json()
    assert (found["audience"], found["languages"]) == (4, {"en": 2, "ar": 1, "pt": 1})
    assert [(sample["language"], sample["subject"]) for sample in found["samples"]] == [
        (language, text["subject"]) for language, text in TEXTS.items()
    ]
    assert 'dir="rtl"' in found["samples"][1]["html"]
    assert bulletins(notifications) == []


@pytest.mark.parametrize(("key", "status"), [("viewer", 403), ("operator", 403), ("limited", 403), ("", 401)])
def test_only_coordinators_of_everything_write_and_send(client: FlaskClient, key: str, status: int) -> None:
    bulletin, reference = draft(client), "ab" * 32
    answers = [
        ask(client, "POST", "/v1/bulletins", {"texts": TEXTS}, key),
        ask(client, "POST", f"/v1/bulletins/{bulletin}/preview", None, key),
        ask(client, "POST", f"/v1/bulletins/{bulletin}/send", {"expected": 0, "mark": "0" * 64}, key),
        ask(client, "PATCH", f"/v1/bulletins/{bulletin}", {"segment": {}}, key),
        ask(client, "DELETE", f"/v1/bulletins/{bulletin}", None, key),
        ask(client, "GET", "/v1/suppressions", None, key),
        ask(client, "POST", "/v1/suppressions", {"person_ref": reference}, key),
        ask(client, "DELETE", f"/v1/suppressions/{reference}", None, key),
    ]
    assert [answer.status_code for answer in answers] == [status] * len(answers)


@pytest.mark.parametrize(
    "content",
    [
        {"texts": {}},
        {"texts": {"fr": TEXTS["en"]}},
        {"texts": {"en": {"subject": "", "text": "a"}}},
        {"texts": {"en": {"subject": "a", "text": " "}}},
        {"texts": {"en": {"subject": "a", "text": "a\u0000b"}}},
        {"texts": TEXTS, "segment": {"country": ["Switzerland"]}},
        {"texts": TEXTS, "segment": {"country": "CH"}},
        {"texts": TEXTS, "segment": {"status": ["cancelled"]}},
        {"texts": TEXTS, "segment": {"town": ["geneva"]}},
    ],
)
def test_draft_that_cannot_be_a_bulletin_is_refused(client: FlaskClient, content: dict[str, Any]) -> None:
    assert ask(client, "POST", "/v1/bulletins", content).status_code == 422


def test_segment_that_names_nothing_is_refused_with_the_nearest_value(
    notifications: NotificationService, client: FlaskClient
) -> None:
    """It would reach no one, or with ``not_registered_for`` people who have registered. Also beside a right value."""
    person(notifications, 1)
    notifications.consume_event()
    with notifications.engine.begin() as connection:
        for table, slug in (("form_copy", "a-form"), ("working_group_copy", "water"), ("partner_copy", "a-house")):
            row = {"id": slug}
            connection.execute(
                text(f"INSERT INTO {table} (id, revision, content, noted_at) VALUES (:id, 1, '{{}}', now())"), row
            )
    known = {"event": EVENT, "not_registered_for": EVENT, "form": "a-form", "working_group": "water"}
    bulletin = draft(client)
    sign_in(client)
    for part, right in (known | {"partner": "a-house"}).items():
        segment, detail = {part: [right, f"{right}x"]}, f"{part}: Unknown value; did you mean `{right}`?"
        drafted = ask(client, "POST", "/v1/bulletins", {"segment": segment, "texts": TEXTS})
        changed = change(client, bulletin, {"segment": segment})
        written = client.post(PLACE, data={part: f"{right}x", "subject-en": "News", "text-en": "News."})
        assert [(one.status_code, one.get_json()["detail"]) for one in (drafted, changed)] == [(422, detail)] * 2
        assert (written.status_code, detail in html.unescape(written.text)) == (422, True)
        assert ask(client, "POST", "/v1/bulletins", {"segment": {part: [right]}, "texts": TEXTS}).status_code == 201


def change(client: FlaskClient, bulletin: str, content: Any, seen: str | None = '"1"') -> TestResponse:
    """Another content of a draft, by someone who has seen a revision."""
    headers = {"If-Match": seen} if seen else {}
    headers["Authorization"] = "Bearer coordinator"
    return client.patch(f"/v1/bulletins/{bulletin}", json=content, headers=headers)


def test_draft_is_changed_only_from_its_newest_revision(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    person(notifications, 2, working_group="water")
    bulletin = draft(client)
    shown = ask(client, "GET", f"/v1/bulletins/{bulletin}")
    assert (shown.headers["ETag"], shown.get_json()["revision"]) == ('"1"', 1)
    answer = change(client, bulletin, {"segment": {"working_group": ["water"]}})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.get_json()["segment"], answer.get_json()["texts"]) == ({"working_group": ["water"]}, TEXTS)
    texts = {"en": {"subject": "Other words", "text": "Other"}}
    stale = change(client, bulletin, {"texts": texts})
    assert (stale.status_code, stale.get_json()["code"]) == (412, "edit-conflict")
    assert change(client, bulletin, {"texts": texts}, None).status_code == 428
    assert change(client, bulletin, {"texts": texts}, '"2"').get_json()["texts"] == texts
    assert change(client, bulletin, {"texts": texts}, "*").get_json()["revision"] == 3
    assert audience(client, bulletin) == 1


def test_changed_draft_has_to_be_previewed_again(notifications: NotificationService, client: FlaskClient) -> None:
    """What was previewed is what is sent: not the other words, though they would go to the same people."""
    person(notifications, 1)
    bulletin = draft(client)
    seen = preview(client, bulletin)
    texts = {"en": {"subject": "Other words", "text": "Other"}}
    assert change(client, bulletin, {"texts": texts}).status_code == 200
    order = order_for(seen)
    path = f"/v1/bulletins/{bulletin}/send"
    refused = ask(client, "POST", path, order)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "preview-outdated")
    again = preview(client, bulletin)
    assert [sample["subject"] for sample in again["samples"]] == ["Other words"]
    assert ask(client, "POST", path, order | {"mark": again["mark"]}).status_code == 200
    notifications.consume_event()
    assert [mail["Subject"] for mail in delivered(notifications) if "List-Unsubscribe" in mail] == ["Other words"]


def test_mark_of_another_draft_sends_nothing(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    one, other = draft(client), draft(client)
    order = order_for(preview(client, one))
    assert ask(client, "POST", f"/v1/bulletins/{other}/send", order).get_json()["code"] == "preview-outdated"


def test_discarded_draft_is_gone(client: FlaskClient) -> None:
    bulletin, kept = draft(client), draft(client)
    path, key = f"/v1/bulletins/{bulletin}", {"Authorization": "Bearer coordinator"}
    answers = [client.delete(path, headers=key | more) for more in ({}, {"If-Match": '"2"'}, {"If-Match": '"1"'})]
    assert [answer.status_code for answer in answers] == [428, 412, 204]
    gone = [ask(client, "GET", path), ask(client, "POST", f"{path}/preview"), client.delete(path, headers=key | ANY)]
    assert [answer.status_code for answer in gone] == [404, 404, 404]
    assert [item["id"] for item in ask(client, "GET", "/v1/bulletins").get_json()["items"]] == [kept]


def test_sent_bulletin_stays_as_it_was(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    bulletin = draft(client)
    assert send(client, bulletin) == 200
    path, key = f"/v1/bulletins/{bulletin}", {"Authorization": "Bearer coordinator"}
    answers = [change(client, bulletin, {"segment": {}}, "*"), client.delete(path, headers=key | ANY)]
    assert [answer.get_json()["code"] for answer in answers] == ["already-sent", "already-sent"]
    assert ask(client, "GET", path).get_json()["texts"] == TEXTS


@pytest.mark.parametrize("content", [{"texts": {"fr": TEXTS["en"]}}, {"segment": {"town": ["geneva"]}}, {"sent_at": 1}])
def test_change_that_leaves_no_bulletin_is_refused(client: FlaskClient, content: dict[str, Any]) -> None:
    bulletin = draft(client)
    assert change(client, bulletin, content).status_code == 422
    assert ask(client, "GET", f"/v1/bulletins/{bulletin}").get_json()["revision"] == 1


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found is not None
    return found[1]


def test_console_drafts_shows_and_sends(notifications: NotificationService, client: FlaskClient) -> None:
    notifications.consume_event()
    person(notifications, 1)
    assert client.get("/console/mail").status_code == 303
    sign_in(client)
    assert "No bulletin has been written yet" in client.get("/console/mail").get_data(as_text=True)
    assert client.get("/console/mail/bulletins/new").status_code == 200
    refused = client.post("/console/mail/bulletins", data={"subject-en": "Only a <subject>", "event": EVENT})
    assert refused.status_code == 422
    assert "Only a &lt;subject&gt;" in refused.get_data(as_text=True)
    written = {"subject-en": "A <b>subject", "text-en": "Words\r\n\r\nMore", "event": EVENT}
    answer = client.post("/console/mail/bulletins", data=written)
    assert answer.status_code == 303
    page = client.get(answer.location).get_data(as_text=True)
    assert "A &lt;b&gt;subject" in page
    assert "Send to 1 person" in page
    mark = hidden(page, "mark")
    for stale in ({"expected": "7", "mark": mark}, {"expected": "1", "mark": "0" * 64}, {"expected": "1"}):
        assert client.post(f"{answer.location}/send", data=stale).status_code == 409
    assert client.post(f"{answer.location}/send", data={"expected": "1", "mark": mark}).status_code == 303
    assert "Send to" not in client.get(answer.location).get_data(as_text=True)
    assert len(delivered(notifications)) == 2
    overview = client.get("/console/mail").get_data(as_text=True)
    assert "Bulletin" in overview
    assert "1 person" in overview


def test_console_leads_to_older_bulletins(notifications: NotificationService, client: FlaskClient) -> None:
    written = [draft(client) for _ in range(SHOWN_BULLETINS + 1)]
    sign_in(client)
    newest = client.get("/console/mail").text
    [older] = re.findall(r'href="(/console/mail\?cursor=[^"]+)">Older bulletins', newest)
    oldest = client.get(older).text
    shown = [[one in page for one in (written[0], written[1])] for page in (newest, oldest)]
    assert (shown, 'href="/console/mail">From the beginning' in oldest) == ([[False, True], [True, False]], True)
    assert client.get("/console/mail?cursor=x").status_code == 400


def test_console_names_events_groups_and_forms_by_their_titles(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    notifications.consume_group()
    person(notifications, 1)
    person(notifications, 2, form="join", form_kind="working_group", event=None)
    segment = {"event": EVENT, "not_registered_for": EVENT, "form": EVENT, "working_group": "housing"}
    sign_in(client)
    page = client.get(f"/console/mail/bulletins/{draft(client, segment)}").get_data(as_text=True)
    title = "UPR Webinar Wednesday #10"
    assert re.findall(r"<dd><bdi>(.*?)</bdi></dd>", page) == [title, f"{title} (webinar)", "Housing", title]
    page = client.get(f"/console/mail/bulletins/{draft(client, {'form': 'join'})}").get_data(as_text=True)
    assert re.findall(r"<dd><bdi>(.*?)</bdi></dd>", page) == ["Working group"]
    offered = boxes(client.get(f"{PLACE}/new").get_data(as_text=True), "form")
    assert offered == {EVENT: f"{title} (webinar)", "join": "Working group"}


def boxes(page: str, part: str) -> dict[str, str]:
    """What can be chosen for a part of the segment, by value."""
    found = re.findall(rf'name="{part}" value="([^"]*)"(?: checked)?> <bdi>(.*?)</bdi>', page)
    return dict(found)


def test_forms_with_the_same_name_are_distinguished_by_their_slugs(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1, form="join-north", form_kind="working_group", event=None)
    person(notifications, 2, form="join-south", form_kind="working_group", event=None)
    sign_in(client)
    page = client.get(f"{PLACE}/new").get_data(as_text=True)
    slugs = ("join-north", "join-south")
    assert boxes(page, "form") == {slug: f"Working group: {slug}" for slug in slugs}


def test_console_changes_a_draft_from_what_it_holds(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    bulletin = draft(client, {"form": "gone-form", "country": "CH"})
    sign_in(client)
    place = f"/console/mail/bulletins/{bulletin}"
    page = client.get(f"{place}/change").get_data(as_text=True)
    assert f'value="{TEXTS["en"]["subject"]}"' in page
    assert TEXTS["ar"]["text"] in page
    assert 'name="form" value="gone-form" checked' in page
    written = {"revision": hidden(page, "revision"), "subject-en": "New", "text-en": "Words"}
    assert client.post(place, data=written | {"subject-en": ""}).status_code == 422
    assert client.post(place, data=written).status_code == 303
    late = client.post(place, data=written | {"subject-en": "Late"})
    assert late.status_code == 409
    page = late.get_data(as_text=True)
    assert "this draft was changed after you read it" in page
    assert 'value="Late"' in page
    again = written | {"subject-en": "Late", "revision": hidden(page, "revision")}
    assert client.post(place, data=again).status_code == 303
    found = ask(client, "GET", f"/v1/bulletins/{bulletin}").get_json()
    assert (found["revision"], found["segment"], list(found["texts"])) == (3, {}, ["en"])


def test_console_discards_a_draft_that_is_as_it_was_seen(client: FlaskClient) -> None:
    bulletin = draft(client)
    sign_in(client)
    place = f"/console/mail/bulletins/{bulletin}"
    seen = {"revision": hidden(client.get(place).get_data(as_text=True), "revision")}
    change(client, bulletin, {"segment": {"country": ["CH"]}})
    refused = client.post(f"{place}/discard", data=seen)
    assert refused.status_code == 409
    assert "Not discarded" in refused.get_data(as_text=True)
    assert client.post(f"{place}/discard", data={"revision": "2"}).location == "/console/mail"
    assert client.get(place).status_code == 404


def test_console_changes_no_bulletin_that_was_sent(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    bulletin = draft(client)
    assert send(client, bulletin) == 200
    sign_in(client)
    place = f"/console/mail/bulletins/{bulletin}"
    assert "Change the draft" not in client.get(place).get_data(as_text=True)
    assert client.get(f"{place}/change").status_code == 303
    written = {"revision": "1", "subject-en": "New", "text-en": "Words"}
    assert [client.post(f"{place}{more}", data=written).status_code for more in ("", "/discard")] == [409, 409]


@pytest.mark.parametrize(("key", "status"), [("viewer", 403), ("operator", 403), ("limited", 403)])
def test_console_lets_only_coordinators_write(client: FlaskClient, key: str, status: int) -> None:
    sign_in(client, key)
    assert client.get("/console/mail").status_code == (403 if key == "limited" else 200)
    assert client.get("/console/mail/bulletins/new").status_code == status
    place = f"/console/mail/bulletins/{new_id()}"
    assert client.get(f"{place}/change").status_code == status
    posts = ["/console/mail/bulletins", *(f"{place}{more}" for more in ("", "/discard", "/send"))]
    assert [client.post(path, data={}).status_code for path in posts] == [status] * len(posts)


def test_longest_bulletin_in_every_language_fits_into_the_consoles_form(
    notifications: NotificationService, client: FlaskClient
) -> None:
    """A browser sends each Chinese character as nine bytes; more than the limit is refused, not cut off."""
    sign_in(client)
    signs = {"en": "a", "fr": "é", "es": "ñ", "ar": "\u0635", "ru": "\u0434", "zh": "\u4f1a"}
    fields = {f"subject-{language}": sign for language, sign in signs.items()}
    fields |= {f"text-{language}": sign * MAX_TEXT_LENGTH for language, sign in signs.items()}
    answer = client.post("/console/mail/bulletins", data=fields)
    assert answer.status_code == 303
    shown = ask(client, "GET", "/v1/bulletins").get_json()["items"][0]
    assert {language: len(text["text"]) for language, text in shown["texts"].items()} == dict.fromkeys(
        signs, MAX_TEXT_LENGTH
    )
    assert client.post("/console/mail/bulletins", data={"text-en": "a" * (LARGEST_BODY + 1)}).status_code == 413
