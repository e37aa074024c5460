"""Bulletins as they are written and looked at, by the interface and on the console's pages."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.notifications.bulletins import TEXTS, bulletins, delivered, draft, person
from tests.integration.notifications.desk import ask, sign_in
from tests.integration.notifications.office import EVENT, Office


def test_preview_counts_people_by_language_and_shows_each_mail(office: Office, client: FlaskClient) -> None:
    for number, language in enumerate(("en", "en", "ar", "pt")):
        person(office, number, language=language)
    found = ask(client, "POST", f"/v1/bulletins/{draft(client)}/preview").get_json()
    assert (found["audience"], found["languages"]) == (4, {"en": 2, "ar": 1, "pt": 1})
    assert [(sample["language"], sample["subject"]) for sample in found["samples"]] == [
        (language, text["subject"]) for language, text in TEXTS.items()
    ]
    assert 'dir="rtl"' in found["samples"][1]["html"]
    assert bulletins(office) == []


@pytest.mark.parametrize(("key", "status"), [("viewer", 403), ("operator", 403), ("limited", 403), ("", 401)])
def test_only_coordinators_of_everything_write_and_send(client: FlaskClient, key: str, status: int) -> None:
    bulletin, reference = draft(client), "ab" * 32
    answers = [
        ask(client, "POST", "/v1/bulletins", {"texts": TEXTS}, key),
        ask(client, "POST", f"/v1/bulletins/{bulletin}/preview", None, key),
        ask(client, "POST", f"/v1/bulletins/{bulletin}/send", {"expected": 0}, key),
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
        {"texts": TEXTS, "segment": {"country": "Switzerland"}},
        {"texts": TEXTS, "segment": {"town": "geneva"}},
    ],
)
def test_draft_that_cannot_be_a_bulletin_is_refused(client: FlaskClient, content: dict[str, Any]) -> None:
    assert ask(client, "POST", "/v1/bulletins", content).status_code == 422


def test_console_drafts_shows_and_sends(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    person(office, 1)
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
    stale = client.post(f"{answer.location}/send", data={"expected": "7"})
    assert stale.status_code == 409
    assert client.post(f"{answer.location}/send", data={"expected": "1"}).status_code == 303
    assert "Send to" not in client.get(answer.location).get_data(as_text=True)
    assert len(delivered(office)) == 2
    overview = client.get("/console/mail").get_data(as_text=True)
    assert "Bulletin" in overview
    assert "1 person" in overview


@pytest.mark.parametrize(("key", "status"), [("viewer", 403), ("operator", 403), ("limited", 403)])
def test_console_lets_only_coordinators_write(client: FlaskClient, key: str, status: int) -> None:
    sign_in(client, key)
    assert client.get("/console/mail").status_code == (403 if key == "limited" else 200)
    assert client.get("/console/mail/bulletins/new").status_code == status
    assert client.post("/console/mail/bulletins", data={}).status_code == status
