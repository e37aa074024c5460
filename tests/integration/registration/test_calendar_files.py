"""The event as a file and as links, for people with a seat: the entry of the invitation, without personal links."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from shared.calendar.entries import personal_key, personal_uid, sequence_of
from tests.support.calendar_readers import ReadEntry, read_one
from tests.support.clients import WEBINAR, address_of, answers, rows
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService

SECRET = "https://meet.example.org/secret"
OTHER_FORM = """
    INSERT INTO form (slug, kind, event_id, definition, verification, waiting_list, partners, promotion_notice_minutes,
        open, revision)
    SELECT 'second', 'attendance', event_id, definition, verification, waiting_list, partners,
        promotion_notice_minutes, open, revision FROM form WHERE slug = %s
"""
CHANGED: dict[str, Any] = {"name": "Another name", "language": "en", "country": "FR", "time_zone": "Europe/Zurich"}
CONFIRMED_AT_ONCE = "UPDATE form SET verification = 'none'"


@pytest.fixture(autouse=True)
def _joined_online(service: RegistrationService) -> None:
    rows(service.url, "UPDATE event_copy SET join_url = %s, revision = 4", SECRET)


def event_of(service: RegistrationService) -> dict[str, Any]:
    """The webinar as registration knows it."""
    [(found,)] = rows(service.url, "SELECT to_jsonb(e) FROM event_copy e WHERE id = %s", WEBINAR)
    return dict(found)


def file_of(client: FlaskClient, token: str) -> str:
    """The file behind a managing link."""
    answer = client.get(f"/r/{token}/calendar.ics?lang=en")
    assert answer.status_code == 200, answer.text
    return answer.text


def links_on(page: str) -> list[str]:
    """Addresses of the buttons, in order."""
    found = re.findall(r'<ul class="calendars">(.*?)</ul>', page, flags=re.DOTALL)
    return [link.replace("&amp;", "&") for one in found for link in re.findall(r'href="([^"]*)"', one)]


def test_file_of_the_own_page_has_the_entry_of_the_invitation(service: RegistrationService) -> None:
    """UID and SEQUENCE are those that notifications makes of the same messages; no answer is asked for."""
    service.register(1)
    rows(service.url, "UPDATE form SET alarm_minutes = 45")
    token, event = service.own_token(1), event_of(service)
    [message] = service.messages("registration.confirmed")
    content = file_of(service.client, token)
    entry = read_one(content)
    public_url = service.settings("own").common.public_url
    assert entry == ReadEntry(
        method=None,
        uid=personal_uid(personal_key(message["data"]["person_ref"], WEBINAR), public_url),
        sequence=sequence_of(4, message["data"]["revision"]),
        stamped=service.clock().replace(microsecond=0),
        starts=datetime.fromisoformat(event["starts_at"]).replace(microsecond=0),
        ends=None,
        status="CONFIRMED",
        title=event["title"]["en"],
        alarms=(-45.0,),
    )
    assert {"CLASS:PRIVATE", f"URL:{public_url}/programme/{WEBINAR}?lang=en"} <= set(unfolded(content))


def unfolded(content: str) -> list[str]:
    """Lines of a file as they were before folding."""
    return content.replace("\r\n ", "").split("\r\n")


def test_sequence_counts_every_registration_for_the_event_and_every_change(service: RegistrationService) -> None:
    """As the mails do: ended ones too, those on forms by which no one attends not."""
    rows(service.url, OTHER_FORM, WEBINAR)
    rows(service.url, "INSERT INTO seat (form) VALUES ('second')")
    service.register(1)
    first = service.own_token(1)
    assert read_one(file_of(service.client, first)).sequence == sequence_of(4, 1)
    assert service.change(first, "answers", **CHANGED).status_code == 303
    assert read_one(file_of(service.client, first)).sequence == sequence_of(4, 2)
    service.enrol(answers(1), form="second")
    second = service.own_token(1)
    entries = [read_one(file_of(service.client, token)) for token in (first, second)]
    assert [one.sequence for one in entries] == [sequence_of(4, 3)] * 2
    assert len({one.uid for one in entries}) == 1
    service.own(second, "cancel")
    assert read_one(file_of(service.client, first)).sequence == sequence_of(4, 4)


def test_nothing_in_calendars_opens_a_registration_or_a_meeting(service: RegistrationService) -> None:
    """They are shared with colleagues."""
    service.register(1)
    token = service.own_token(1)
    links = links_on(service.client.get(f"/r/{token}?lang=en").text)
    assert links[0] == f"/r/{token}/calendar.ics?lang=en"
    for content in (file_of(service.client, token), *links[1:]):
        assert token not in content
        assert "meet.example.org" not in content
        assert address_of(1) not in content


def test_buttons_lead_to_one_file_and_three_calendars(service: RegistrationService) -> None:
    """Plain links, which send the calendar nothing about the page that has them."""
    service.register(1)
    page = service.client.get(f"/r/{service.own_token(1)}?lang=en").text
    _file, *others = links_on(page)
    assert [urlsplit(link).hostname for link in others] == [
        "calendar.google.com",
        "outlook.live.com",
        "outlook.office.com",
    ]
    assert parse_qs(urlsplit(others[0]).query)["text"] == [event_of(service)["title"]["en"]]
    buttons = re.findall(r'<a class="button quiet" href="[^"]*(?:ics|google|outlook)[^"]*"([^>]*)>', page)
    assert buttons == [' rel="noreferrer"'] * 4


@pytest.mark.parametrize("status", ["tentative", "confirmed"])
def test_tentative_date_is_marked_in_every_calendar(service: RegistrationService, status: str) -> None:
    rows(service.url, "UPDATE event_copy SET status = %s", status)
    service.register(1)
    token = service.own_token(1)
    content, links = file_of(service.client, token), links_on(service.client.get(f"/r/{token}?lang=en").text)
    assert read_one(content).status == status.upper()
    tentative = status == "tentative"
    assert ("This date is tentative." in content) == tentative
    assert ["%28tentative%20date%29" in link for link in links[1:]] == [tentative] * 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event_copy SET status = 'postponed', starts_at = NULL, ends_at = NULL",
        "UPDATE event_copy SET status = 'cancelled'",
        "UPDATE event_copy SET status = 'held'",
        "UPDATE event_copy SET ends_at = now() - interval '1 minute', starts_at = now() - interval '1 hour'",
        "DELETE FROM event_copy",
        "UPDATE form SET kind = 'interest'",
    ],
)
def test_what_no_calendar_should_hold_is_not_offered(service: RegistrationService, change: str) -> None:
    """People who have the page open still are led to it, and see the current state."""
    service.register(1)
    token = service.own_token(1)
    rows(service.url, change)
    assert links_on(service.client.get(f"/r/{token}?lang=en").text) == []
    answer = service.client.get(f"/r/{token}/calendar.ics?lang=fr")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/r/{token}?lang=fr")


def test_only_a_seat_is_for_the_calendar(service: RegistrationService) -> None:
    """Not a place on the waiting list, and nothing once it is given back."""
    service.capacity(1)
    service.register(1, 2)
    tokens = [service.own_token(number) for number in (1, 2)]
    service.cancel(1)
    service.register(3)
    shown = {number: service.client.get(f"/r/{service.own_token(number)}?lang=en").text for number in (1, 2, 3)}
    assert {number: len(links_on(page)) for number, page in shown.items()} == {1: 0, 2: 4, 3: 0}
    answers_given = [service.client.get(f"/r/{token}/calendar.ics").status_code for token in tokens]
    assert [status == 200 for status in answers_given] == [False, True], "a link ends with its seat"


def test_file_behind_a_link_that_opens_nothing_is_gone(client: FlaskClient) -> None:
    assert client.get("/r/none/calendar.ics").status_code == client.get("/r/none").status_code == 404


def test_no_cache_keeps_a_person_s_file(service: RegistrationService) -> None:
    service.register(1)
    answer = service.client.get(f"/r/{service.own_token(1)}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'inline; filename="event.ics"'
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


def stored(service: RegistrationService, number: int = 1) -> str:
    """The receipt of a submission with a proof of work."""
    proof = worked(service.client.get(f"/v1/challenge?form={WEBINAR}").get_json())
    answer = service.submit(answers(number, altcha=proof))
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["receipt"])


def sent(service: RegistrationService, number: int = 1) -> str:
    """The same, decided."""
    receipt = stored(service, number)
    service.decide()
    return receipt


def receipt_state(service: RegistrationService, receipt: str, query: str = "") -> dict[str, Any]:
    """The receipt for programs."""
    found: dict[str, Any] = service.client.get(f"/v1/receipts/{receipt}{query}").get_json()
    return found


def test_receipt_of_a_seat_given_at_once_has_the_entry_of_the_invitation(service: RegistrationService) -> None:
    rows(service.url, CONFIRMED_AT_ONCE)
    receipt = sent(service)
    own = read_one(file_of(service.client, service.own_token(1)))
    shown = receipt_state(service, receipt, "?lang=fr")
    public_url = service.settings("forms").common.public_url
    assert shown["calendar"]["file"] == f"{public_url}/receipts/{receipt}/calendar.ics?lang=fr"
    page = service.client.get(f"/receipts/{receipt}?lang=fr").text
    assert links_on(page) == [f"/receipts/{receipt}/calendar.ics?lang=fr", *list(shown["calendar"].values())[1:]]
    content = service.client.get(f"/receipts/{receipt}/calendar.ics?lang=fr").text
    assert read_one(content) == own
    assert "meet.example.org" not in content


def test_receipt_does_not_reveal_whether_an_address_is_known(
    service: RegistrationService, coordinator: dict[str, Any]
) -> None:
    """Registered twice, with changes, or blocked: the same entry, with the lowest number that it can have."""
    rows(service.url, CONFIRMED_AT_ONCE)
    receipts = [sent(service)]
    assert service.change(service.own_token(1), "answers", **CHANGED).status_code == 303
    receipts += [sent(service), sent(service)]  # a second person at the address, who is then known
    blocked = {"email": address_of(1), "reason": "asked us never to be registered"}
    assert service.client.post("/v1/blocked-addresses", json=blocked, headers=coordinator).status_code == 204
    receipts.append(sent(service))
    entries = [read_one(service.client.get(f"/receipts/{one}/calendar.ics").text) for one in receipts]
    same = (entries[0].uid, sequence_of(4, 1), "CONFIRMED")
    assert [(one.uid, one.sequence, one.status) for one in entries] == [same] * 4


def test_receipt_without_a_seat_offers_no_calendar(service: RegistrationService) -> None:
    waits_for_mail = str(service.submit(answers(1)).get_json()["receipt"])
    service.decide()
    rows(service.url, CONFIRMED_AT_ONCE)
    rows(service.url, "UPDATE seat SET capacity = 0, word = 'waiting-list'")
    waits_for_seat = sent(service, 2)
    for receipt in (waits_for_mail, waits_for_seat):
        assert receipt_state(service, receipt)["calendar"] is None
        assert links_on(service.client.get(f"/receipts/{receipt}").text) == []
        assert service.client.get(f"/receipts/{receipt}/calendar.ics").status_code == 303
    assert service.client.get("/receipts/none/calendar.ics").status_code == 303


def test_erased_person_leaves_no_entry_in_receipts(service: RegistrationService) -> None:
    rows(service.url, CONFIRMED_AT_ONCE)
    receipt = sent(service)
    assert rows(service.url, "SELECT count(*) FROM submission WHERE calendar_key IS NOT NULL") == [(1,)]
    service.own(service.own_token(1), "erase")
    assert rows(service.url, "SELECT count(*) FROM submission WHERE calendar_key IS NOT NULL") == [(0,)]
    shown = receipt_state(service, receipt)
    assert (shown["status"], shown["calendar"]) == ("confirmed", None)


def test_what_was_received_before_an_erasure_leaves_nothing_of_the_address(
    service: RegistrationService, coordinator: dict[str, Any]
) -> None:
    """Its receipt is like any other: it names an entry, which is no one's."""
    rows(service.url, CONFIRMED_AT_ONCE)
    known = read_one(service.client.get(f"/receipts/{sent(service)}/calendar.ics").text)
    late = stored(service)
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    wanted = {"reason": "asked", "scope": "address"}
    erased = service.client.post(f"/v1/registrations/{identity}/erasure", json=wanted, headers=coordinator)
    assert erased.status_code == 200, erased.text
    service.decide()
    found = read_one(service.client.get(f"/receipts/{late}/calendar.ics").text)
    assert (found.uid == known.uid, found.sequence) == (False, known.sequence)


def test_forms_that_give_seats_at_once_hold_the_buttons_unseen(
    service: RegistrationService, client: FlaskClient
) -> None:
    """The script fills in the addresses; the page of the form itself names no other host."""
    rows(service.url, "UPDATE form SET verification = 'email'")
    assert "done-calendar" not in client.get(f"/embed/{WEBINAR}?lang=en&theme=light").text
    rows(service.url, CONFIRMED_AT_ONCE)
    page = client.get(f"/embed/{WEBINAR}?lang=en&theme=dark").text
    section = re.search(r'<div id="done-calendar" hidden>.*?</div>', page, flags=re.DOTALL)
    assert section is not None
    assert "href" not in section[0]
    assert section[0].count('target="_blank" rel="noreferrer"') == 4
    assert ("google.com" in page, "outlook" in page.replace('data-calendar="outlook"', "").lower()) == (False, True)


def test_receipt_of_a_seat_at_an_event_that_was_postponed_offers_no_calendar(service: RegistrationService) -> None:
    rows(service.url, CONFIRMED_AT_ONCE)
    receipt = sent(service)
    rows(service.url, "UPDATE event_copy SET status = 'postponed', starts_at = NULL, ends_at = NULL")
    assert receipt_state(service, receipt)["calendar"] is None


def test_event_that_moves_keeps_its_uid_and_gets_a_higher_number(service: RegistrationService) -> None:
    service.register(1)
    token = service.own_token(1)
    before = read_one(file_of(service.client, token))
    rows(service.url, "UPDATE event_copy SET starts_at = starts_at + interval '7 days', ends_at = NULL, revision = 5")
    after = read_one(file_of(service.client, token))
    assert (after.uid, after.sequence) == (before.uid, before.sequence + 1)
    assert isinstance(after.starts, datetime)
    assert isinstance(before.starts, datetime)
    assert after.starts - before.starts == timedelta(days=7)


def test_title_of_the_event_and_groups_are_in_the_readers_language(service: RegistrationService) -> None:
    """On the form, the own page and in the calendar; what lacks a language is marked."""
    service.register(1)
    rows(service.url, """UPDATE event_copy SET title = '{"en": "The webinar", "fr": "Le webinaire"}'""")
    texts = '{"en": "Housing", "fr": "Toit"}'
    rows(service.url, "INSERT INTO working_group_copy (id, revision, title) VALUES ('housing', 1, %s::jsonb)", texts)
    own = f"/r/{service.own_token(1)}"
    french, arabic = (service.client.get(f"{own}?lang={language}").text for language in ("fr", "ar"))
    assert "<h1><bdi>Le webinaire</bdi></h1>" in french
    assert '<h1><bdi lang="en" dir="ltr">The webinar</bdi> <small class="in-language" lang="ar" dir="rtl">' in arabic
    assert "SUMMARY:Le webinaire" in unfolded(service.client.get(f"{own}/calendar.ics?lang=fr").text)
    choices = service.client.get(f"/embed/{WEBINAR}?lang=fr").text
    assert re.findall(r'<option value="housing"[^>]*>([^<]+?)\s*<', choices) == ["Toit"]
