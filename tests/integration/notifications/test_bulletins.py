"""A bulletin reaches each person of its segment once, and nobody who wants none or is not registered."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.core.ids import new_id
from shared.process.runner import Stop
from tests.integration.notifications.desk import ask, open_desk, sign_in
from tests.integration.notifications.office import EVENT, Office
from tests.integration.test_smtp_transport import Relay

TEXTS = {
    "en": {"subject": "Who speaks for you?", "text": "Please choose.\n\nHere: https://register.example.org/embed/a."},
    "ar": {
        "subject": "\u0645\u0646 \u064a\u0645\u062b\u0644\u0643\u0645\u061f",
        "text": "\u0627\u062e\u062a\u0627\u0631\u0648\u0627.",
    },
}


@pytest.fixture
def client(office: Office, tmp_path: Path) -> FlaskClient:
    """The service's web application on the office's database."""
    return open_desk(office, tmp_path)


def person(office: Office, number: int, key: str = "confirmed", **changes: Any) -> str:
    """Somebody with a registration; returns their reference."""
    reference = f"{number:064x}"
    told: dict[str, Any] = {"person_ref": reference, "working_group": "housing", **changes}
    office.hear(office.told(key, new_id(), **told))
    return reference


def draft(client: FlaskClient, segment: dict[str, str] | None = None, **changes: Any) -> str:
    """A draft's id."""
    answer = ask(client, "POST", "/v1/bulletins", {"segment": segment or {}, "texts": TEXTS, **changes})
    assert answer.status_code == 201, answer.get_json()
    return str(answer.get_json()["id"])


def audience(client: FlaskClient, bulletin: str) -> int:
    """People counted now."""
    return int(ask(client, "POST", f"/v1/bulletins/{bulletin}/preview").get_json()["audience"])


def send(client: FlaskClient, bulletin: str) -> int:
    """Send to as many as are counted; returns the status."""
    order = {"expected": audience(client, bulletin)}
    return ask(client, "POST", f"/v1/bulletins/{bulletin}/send", order).status_code


def delivered(office: Office) -> list[EmailMessage]:
    """The mails that go now."""
    office.schedule()
    with Relay({}) as relay:
        while office.sender(relay.port).turn(Stop()):
            pass
        found = [message_from_bytes(mail, policy=modern) for mail in relay.mails]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def bulletins(office: Office) -> list[tuple[str, str]]:
    """Recipient and state of all mails of bulletins."""
    rows = office.rows("SELECT recipient, state FROM mail WHERE kind = 'bulletin' ORDER BY recipient")
    return [(row["recipient"], row["state"]) for row in rows]


def test_each_person_gets_it_once_whatever_they_are_registered_for(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    first, second = person(office, 1), person(office, 2, verified=True)
    person(office, 1, event="another-event", form="another-form")
    person(office, 3, key="cancelled")
    person(office, 4, key="verification-requested")
    person(office, 5, key="waitlisted")
    waiting = person(office, 6, key="waitlisted", verified=True)
    bulletin = draft(client)
    assert send(client, bulletin) == 200
    office.schedule()
    office.schedule()
    assert bulletins(office) == [(who, "queued") for who in (first, second, waiting)]


@pytest.mark.parametrize(
    ("segment", "reached"),
    [
        ({"event": EVENT}, [1, 2]),
        ({"form": "another-form"}, [2, 3]),
        ({"form_kind": "delegation"}, [3]),
        ({"working_group": "water"}, [3]),
        ({"partner": "example-partner"}, [1]),
        ({"country": "CH"}, [3]),
        ({"language": "ar"}, [3]),
        ({"not_registered_for": EVENT}, [3]),
        ({"working_group": "housing", "not_registered_for": EVENT}, []),
    ],
)
def test_segment_reaches_exactly_those_who_fit(
    office: Office, client: FlaskClient, segment: dict[str, str], reached: list[int]
) -> None:
    person(office, 1, partner="example-partner")
    person(office, 2)
    person(office, 2, event="another", form="another-form")
    delegate = {"event": "another", "form": "another-form", "form_kind": "delegation", "language": "ar"}
    person(office, 3, working_group="water", country="CH", **delegate)
    bulletin = draft(client, segment)
    assert audience(client, bulletin) == len(reached)
    assert send(client, bulletin) == (200 if reached else 409)
    office.schedule()
    assert [who for who, _state in bulletins(office)] == [f"{number:064x}" for number in reached]


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


def test_bulletin_is_sent_once_and_only_to_as_many_as_were_seen(office: Office, client: FlaskClient) -> None:
    person(office, 1)
    bulletin = draft(client)
    person(office, 2)
    path = f"/v1/bulletins/{bulletin}/send"
    assert ask(client, "POST", path, {"expected": 1}).get_json()["code"] == "audience-changed"
    assert ask(client, "POST", path, {"expected": 2}).get_json()["audience"] == 2
    assert ask(client, "POST", path, {"expected": 2}).get_json()["code"] == "already-sent"
    office.schedule()
    assert len(bulletins(office)) == 2


def test_mail_is_in_the_readers_language_and_says_how_to_get_out(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    for number, language in enumerate(("ar", "pt")):
        person(office, number, language=language)
    send(client, draft(client))
    mails = [mail for mail in delivered(office) if "List-Unsubscribe" in mail]
    assert sorted(mail["Subject"] for mail in mails) == sorted(text["subject"] for text in TEXTS.values())
    assert sorted(mail["Content-Language"] for mail in mails) == ["ar", "en"]
    assert {str(mail["List-Unsubscribe-Post"]) for mail in mails} == {"List-Unsubscribe=One-Click"}


def test_only_bulletins_say_how_to_get_out(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    person(office, 1)
    send(client, draft(client))
    named = {mail["Subject"].partition(":")[0]: "List-Unsubscribe" in mail for mail in delivered(office)}
    assert named == {"You are registered": False, "Who speaks for you?": True}


def way_out(office: Office) -> str:
    """The path in the header of the bulletin that goes now."""
    (mail,) = [mail for mail in delivered(office) if "List-Unsubscribe" in mail]
    found = re.fullmatch(r"<https://register\.example\.org(/u/[\w-]+)>", str(mail["List-Unsubscribe"]))
    assert found is not None
    return found[1]


def test_reading_the_page_changes_nothing_and_any_post_leaves(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    reference = person(office, 1, language="ar")
    send(client, draft(client))
    path = way_out(office)
    page = client.get(path)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert '<html lang="ar" dir="rtl">' in page.get_data(as_text=True)
    assert office.rows("SELECT * FROM suppression") == []
    for body in (b"List-Unsubscribe=One-Click", b"", b"\xff\x00"):
        strange = {"Origin": "https://mail.example.net", "Sec-Fetch-Site": "cross-site"}
        assert client.post(path, data=body, headers=strange).status_code == 200
    (row,) = office.rows("SELECT person_ref, said_by FROM suppression")
    assert row == {"person_ref": reference, "said_by": "recipient"}


@pytest.mark.parametrize("change", [lambda path: path[:-4] + "AAAA", lambda _path: "/u/a", lambda _path: "/u/%FF"])
def test_link_that_is_none_of_ours_leads_nowhere(office: Office, client: FlaskClient, change: Any) -> None:
    office.hear_event()
    person(office, 1)
    send(client, draft(client))
    path = change(way_out(office))
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]
    assert office.rows("SELECT * FROM suppression") == []


def test_whoever_left_gets_no_bulletin_but_their_own_mails(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    gone, stays = person(office, 1), person(office, 2)
    assert ask(client, "POST", "/v1/suppressions", {"person_ref": gone}).status_code == 204
    bulletin = draft(client)
    assert audience(client, bulletin) == 1
    send(client, bulletin)
    assert len(delivered(office)) == 3
    assert bulletins(office) == [(stays, "sent")]


def test_bulletin_that_waits_is_suppressed_for_whoever_leaves(office: Office, client: FlaskClient) -> None:
    gone = person(office, 1)
    send(client, draft(client))
    office.schedule()
    ask(client, "POST", "/v1/suppressions", {"person_ref": gone})
    assert bulletins(office) == [(gone, "suppressed")]


def test_sender_asks_again_whether_the_person_left(office: Office, client: FlaskClient) -> None:
    """Somebody leaves while their mail is being made: only the row of the suppression is there."""
    office.hear_event()
    gone = person(office, 1)
    send(client, draft(client))
    office.schedule()
    with office.work.transaction() as connection:
        row = f"INSERT INTO suppression VALUES ('{gone}', 'recipient', '{office.clock().isoformat()}')"
        connection.exec_driver_sql(row)
    assert [mail["Subject"].partition(":")[0] for mail in delivered(office)] == ["You are registered"]
    assert bulletins(office) == [(gone, "suppressed")]


def test_suppressions_are_listed_and_taken_back(office: Office, client: FlaskClient) -> None:
    people = [f"{number:064x}" for number in (1, 2, 3)]
    for reference in people:
        ask(client, "POST", "/v1/suppressions", {"person_ref": reference})
    first = ask(client, "GET", "/v1/suppressions?limit=2").get_json()
    rest = ask(client, "GET", f"/v1/suppressions?limit=2&cursor={first['next']}").get_json()
    assert [item["person_ref"] for item in first["items"] + rest["items"]] == people
    assert rest["next"] == ""
    assert ask(client, "DELETE", f"/v1/suppressions/{people[0]}").status_code == 204
    assert ask(client, "DELETE", f"/v1/suppressions/{people[0]}").status_code == 404


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
