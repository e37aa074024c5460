"""A bulletin reaches each person of its segment once, and no one who opted out or is not registered."""

import base64
import html
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from services.notifications.composing.texts import wording
from services.notifications.recipients.service import make_unsubscribe_token
from shared.i18n.languages import LANGUAGES
from shared.runtime.ids import new_id, new_token
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
from tests.integration.notifications.desk import ask
from tests.integration.notifications.notification_service import EVENT, NotificationService


def test_each_person_gets_it_once_however_many_registrations_they_have(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    first, second = person(notifications, 1), person(notifications, 2, verified=True)
    person(notifications, 1, event="another-event", form="another-form")
    person(notifications, 3, key="cancelled")
    person(notifications, 4, key="waitlisted")
    waiting = person(notifications, 5, key="waitlisted", verified=True)
    notifications.consume(notifications.wanted(new_id()))
    bulletin = draft(client)
    assert send(client, bulletin) == 200
    notifications.schedule()
    notifications.schedule()
    assert bulletins(notifications) == [(who, "queued") for who in (first, second, waiting)]


SEGMENTS: list[tuple[dict[str, Any], list[int]]] = [
    ({"event": EVENT}, [1, 2]),
    ({"form": "another-form"}, [2, 3]),
    ({"form_kind": "delegation"}, [3]),
    ({"working_group": "water"}, [3]),
    ({"partner": "example-partner"}, [1]),
    ({"country": "CH"}, [3]),
    ({"language": "ar"}, [3]),
    ({"not_registered_for": EVENT}, [3]),
    ({"working_group": "housing", "not_registered_for": EVENT}, []),
    ({"event": [EVENT, "another"]}, [1, 2, 3]),
    ({"working_group": ["housing", "water"], "language": ["ar", "fr"]}, [3]),
    ({"not_registered_for": [EVENT, "another-form"]}, []),
    ({"not_registered_for": "another-form"}, [1]),
    ({"status": "waitlisted"}, [2]),
    ({"status": ["confirmed", "waitlisted"], "event": EVENT}, [1, 2]),
    ({"representative": True}, [3]),
    ({"representative": False, "form": "another-form"}, [2]),
    ({"tag": ["press", "Clean air"]}, [3]),
    ({"mode": "online"}, [1, 2]),
    ({"form_kind": "proposal"}, [4]),
    ({"form": "side-event-proposal"}, [4]),
    ({"registration": [str(UUID(int=number)) for number in (1, 3, 9)]}, [1, 3]),
    ({"registration": str(UUID(int=4))}, [4]),
    ({"registration": str(UUID(int=1)), "language": "ar"}, []),
    ({}, [1, 2, 3]),
]
"""Segments, and the people of the test below that they reach."""


def test_segment_reaches_exactly_those_who_fit(notifications: NotificationService, client: FlaskClient) -> None:
    """Parts by AND, values by OR; people who have only proposed a side event, if the kind or the form is named."""
    notifications.consume_event()
    person(notifications, 1, id=str(UUID(int=1)), partner="example-partner")
    person(notifications, 2, key="waitlisted", verified=True)
    person(notifications, 2, event="another", form="another-form")
    delegate = {"event": "another", "form": "another-form", "form_kind": "delegation", "language": "ar"}
    third = str(UUID(int=3))
    notifications.consume_tags(third, ["Clean air", "two words"], 2)  # before the registration, and before older ones
    notifications.consume_tags(third, ["proposer"], 1)
    person(notifications, 3, id=third, working_group="water", country="CH", representative=True, **delegate)
    proposal: dict[str, Any] = {"event": None, "form": "side-event-proposal", "form_kind": "proposal"}
    person(notifications, 4, id=str(UUID(int=4)), working_group="air", **proposal)
    for number, (segment, reached) in enumerate(SEGMENTS, 1):
        bulletin = draft(client, segment)
        assert (segment, audience(client, bulletin)) == (segment, len(reached))
        assert send(client, bulletin) == (200 if reached else 409)
        notifications.schedule()
        mails = notifications.rows(
            f"SELECT recipient FROM mail WHERE kind = 'bulletin' AND revision = {number} ORDER BY 1"
        )
        assert (segment, [mail["recipient"] for mail in mails]) == (segment, [f"{one:064x}" for one in reached])


def test_bulletin_is_sent_once_and_only_to_as_many_as_were_seen(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    bulletin = draft(client)
    seen = preview(client, bulletin)
    person(notifications, 2)
    path = f"/v1/bulletins/{bulletin}/send"
    assert ask(client, "POST", path, {"expected": 1, "mark": seen["mark"]}).get_json()["code"] == "audience-changed"
    assert ask(client, "POST", path, {"expected": 2, "mark": seen["mark"]}).get_json()["code"] == "preview-outdated"
    order = order_for(preview(client, bulletin))
    assert ask(client, "POST", path, order).get_json()["audience"] == 2
    assert ask(client, "POST", path, order).get_json()["code"] == "already-sent"
    notifications.schedule()
    assert len(bulletins(notifications)) == 2


def test_changed_audience_of_equal_size_needs_a_new_confirmation(
    notifications: NotificationService, client: FlaskClient
) -> None:
    gone, stays = person(notifications, 1), person(notifications, 2)
    bulletin = draft(client)
    seen = preview(client, bulletin)
    ask(client, "POST", "/v1/suppressions", {"person_ref": gone})
    comes = person(notifications, 3)
    order = order_for(seen)
    answer = ask(client, "POST", f"/v1/bulletins/{bulletin}/send", order)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "preview-outdated")
    assert send(client, bulletin) == 200
    notifications.schedule()
    assert [who for who, _state in bulletins(notifications)] == [stays, comes]


def test_preview_of_unchanged_people_stays_good(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1, partner="one"), person(notifications, 2, partner="another")
    bulletin = draft(client, {"partner": "one"})
    seen = preview(client, bulletin)
    person(notifications, 3, partner="another")
    assert preview(client, bulletin)["mark"] == seen["mark"]
    order = order_for(seen)
    assert ask(client, "POST", f"/v1/bulletins/{bulletin}/send", order).status_code == 200


def test_many_people_are_counted_and_marked_within_one_statements_time(
    notifications: NotificationService, client: FlaskClient
) -> None:
    """The mark is made once for all of them: made once a person, it would run into the database's time limit."""
    person(notifications, 0)
    with notifications.engine.begin() as connection:
        connection.exec_driver_sql("""
            INSERT INTO recipient (subject, about, person_ref, language, status, revision, occurred_at, form, form_kind,
                event, verified, representative, closed, noted_at, heard_at)
            SELECT gen_random_uuid(), about, encode(sha256(CAST(CAST(n AS text) AS bytea)), 'hex'), language, status,
                revision, occurred_at, form, form_kind, event, verified, representative, closed, noted_at, heard_at
            FROM recipient, generate_series(1, 15000) n
        """)
    shown = preview(client, draft(client))
    assert (shown["audience"], shown["languages"], len(shown["mark"])) == (15001, {"en": 15001}, 64)


def test_who_registers_while_it_goes_out_does_not_get_it(
    notifications: NotificationService, client: FlaskClient
) -> None:
    seen = person(notifications, 1)
    send(client, draft(client))
    notifications.pass_time(seconds=1)
    person(notifications, 2)
    notifications.schedule()
    assert [who for who, _state in bulletins(notifications)] == [seen]


def test_mail_is_in_the_readers_language_and_has_an_unsubscribe_link(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    for number, language in enumerate(("ar", "pt")):
        person(notifications, number, language=language)
    send(client, draft(client))
    mails = [mail for mail in delivered(notifications) if "List-Unsubscribe" in mail]
    assert sorted(mail["Subject"] for mail in mails) == sorted(text["subject"] for text in TEXTS.values())
    assert sorted(mail["Content-Language"] for mail in mails) == ["ar", "en"]
    assert {str(mail["List-Unsubscribe-Post"]) for mail in mails} == {"List-Unsubscribe=One-Click"}


def test_only_bulletins_have_an_unsubscribe_link(notifications: NotificationService, client: FlaskClient) -> None:
    notifications.consume_event()
    person(notifications, 1)
    send(client, draft(client))
    named = {mail["Subject"].partition(":")[0]: "List-Unsubscribe" in mail for mail in delivered(notifications)}
    assert named == {"You are registered": False, "Who speaks for you?": True}


def way_out(notifications: NotificationService) -> str:
    """The path in the header of the bulletin that goes now."""
    (mail,) = [mail for mail in delivered(notifications) if "List-Unsubscribe" in mail]
    found = re.fullmatch(r"<https://register\.example\.org(/u/[\w-]+)>", str(mail["List-Unsubscribe"]))
    assert found is not None
    return found[1]


def test_reading_the_page_changes_nothing_and_any_post_leaves(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    reference = person(notifications, 1, language="ar")
    send(client, draft(client))
    path = way_out(notifications)
    page = client.get(path)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert '<html lang="ar" dir="rtl">' in page.get_data(as_text=True)
    assert notifications.rows("SELECT * FROM suppression") == []
    for body in (b"List-Unsubscribe=One-Click", b"", b"\xff\x00"):
        strange = {"Origin": "https://mail.example.net", "Sec-Fetch-Site": "cross-site"}
        assert client.post(path, data=body, headers=strange).status_code == 200
    assert notifications.carry_out() == 1
    (row,) = notifications.rows("SELECT person_ref, said_by FROM suppression")
    assert row == {"person_ref": reference, "said_by": "recipient"}


def test_link_that_is_none_of_ours_leads_nowhere(notifications: NotificationService, client: FlaskClient) -> None:
    """No flipped bit, no part of it, nothing longer, no other encoding of it; the token of a person's own link; and
    what the vault has encrypted for other purposes. All get the same answer."""
    notifications.consume_event()
    person(notifications, 1)
    send(client, draft(client))
    token = way_out(notifications).removeprefix("/u/")
    closed: bytes = notifications.rows("SELECT closed FROM recipient")[0]["closed"]
    flipped = [token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :] for place in range(len(token))]
    others = [token[:-1], token[1:], token + "A", token + "=", token * 100, "a", "%FF", "a-token", new_token()]
    filed = base64.urlsafe_b64encode(closed).decode().rstrip("=")
    pages = {
        (answer.status_code, answer.text)
        for near in [*flipped, *others, filed]
        for answer in (client.get(f"/u/{near}"), client.post(f"/u/{near}"))
    }
    assert [status for status, _ in pages] == [404]
    assert notifications.rows("SELECT * FROM suppression") == []
    assert client.post(f"/u/{token}").status_code == 200
    assert notifications.rows("SELECT token FROM unsubscribe_request") == [{"token": token}]


def test_link_is_good_for_two_years(notifications: NotificationService, client: FlaskClient) -> None:
    """From the day it was made; one from before they had a day for as long as its key is there."""
    notifications.consume_event()
    person(notifications, 1)
    send(client, draft(client))
    path = way_out(notifications)
    undated = base64.urlsafe_b64encode(
        notifications.links.close({"p": "ab" * 32, "l": "fr"}, row="unsubscribe")
    ).decode()
    midnight = notifications.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    notifications.clock.set(midnight + timedelta(days=730) - timedelta(microseconds=1))
    assert client.get(path).status_code == 200
    notifications.clock.advance(timedelta(microseconds=1))
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]
    assert notifications.rows("SELECT * FROM suppression") == []
    assert client.post(f"/u/{undated.rstrip('=')}").status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_invalid_link_is_explained_and_leads_on(client: FlaskClient, language: str) -> None:
    asked = [("/u/unknown", language), (f"/u/unknown?lang={language}", "ru"), ("/u/unknown?lang=xx", language)]
    for path, accepted in asked:
        answer = client.get(path, headers={"Accept-Language": accepted})
        assert wording(language).unsubscribe_gone in html.unescape(answer.text)


def test_page_is_in_the_language_of_the_mail_unless_the_address_asks_for_another(
    notifications: NotificationService, client: FlaskClient
) -> None:
    path = f"/u/{make_unsubscribe_token(notifications.links, 'ab' * 32, 'ar', notifications.clock())}"
    browser = {"Accept-Language": "fr"}
    asked = [client.get(f"{path}{query}", headers=browser).text for query in ("", "?lang=es", "?lang=xx")]
    assert [re.findall(r'<html lang="(\w+)"', page) for page in asked] == [["ar"], ["es"], ["ar"]]


def test_unsubscribed_person_gets_no_bulletin_but_their_own_mails(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    gone, stays = person(notifications, 1), person(notifications, 2)
    assert ask(client, "POST", "/v1/suppressions", {"person_ref": gone}).status_code == 204
    bulletin = draft(client)
    assert audience(client, bulletin) == 1
    send(client, bulletin)
    assert len(delivered(notifications)) == 3
    assert bulletins(notifications) == [(stays, "sent")]


def test_queued_bulletin_is_suppressed_for_an_unsubscribed_person(
    notifications: NotificationService, client: FlaskClient
) -> None:
    gone = person(notifications, 1)
    send(client, draft(client))
    notifications.schedule()
    ask(client, "POST", "/v1/suppressions", {"person_ref": gone})
    assert bulletins(notifications) == [(gone, "queued")]
    assert delivered(notifications) == []
    assert bulletins(notifications) == [(gone, "suppressed")]


def test_sender_asks_again_whether_the_person_left(notifications: NotificationService, client: FlaskClient) -> None:
    """Someone leaves while their mail is being made: only the row of the suppression is there."""
    notifications.consume_event()
    gone = person(notifications, 1)
    send(client, draft(client))
    notifications.schedule()
    with notifications.work.transaction() as connection:
        row = f"INSERT INTO suppression VALUES ('{gone}', 'recipient', '{notifications.clock().isoformat()}')"
        connection.exec_driver_sql(row)
    assert [mail["Subject"].partition(":")[0] for mail in delivered(notifications)] == ["You are registered"]
    assert bulletins(notifications) == [(gone, "suppressed")]


def test_suppressions_are_listed_and_taken_back(notifications: NotificationService, client: FlaskClient) -> None:
    people = [f"{number:064x}" for number in (1, 2, 3)]
    for reference in people:
        ask(client, "POST", "/v1/suppressions", {"person_ref": reference})
    first = ask(client, "GET", "/v1/suppressions?limit=2").get_json()
    rest = ask(client, "GET", f"/v1/suppressions?limit=2&cursor={first['next']}").get_json()
    assert [item["person_ref"] for item in first["items"] + rest["items"]] == people
    assert rest["next"] == ""
    assert ask(client, "DELETE", f"/v1/suppressions/{people[0]}").status_code == 204
    for unknown in (people[0], "%00"):
        assert ask(client, "DELETE", f"/v1/suppressions/{unknown}").status_code == 404
