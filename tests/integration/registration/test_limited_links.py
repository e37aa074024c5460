"""Links that change nothing: the read-only page, and the join link."""

from datetime import datetime, timedelta
from html import escape, unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.registration.intake.form_view import view_form
from services.registration.intake.model import Act, Choice
from services.registration.own.commands import send_link_by_view, send_own
from shared.i18n.languages import LANGUAGES
from shared.runtime.ids import link_hash, new_token
from tests.support.clients import answers, rows
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService

ADDRESS = "participant-1@example.org"
MEETING = "https://meet.example.org/a?b=c&d='e'"
MOVED = "https://other.example.org/room"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
EVENT = """
    UPDATE event_copy SET mode = 'online', status = 'confirmed', join_url = %s, starts_at = %s, ends_at = %s
    WHERE id = 'upr-webinar-10'
"""
KINDS = {"token": "r", "view": "v", "join": "j"}


def hold(service: RegistrationService, starts_at: datetime, url: str | None = MEETING) -> None:
    """Let the event begin at ``starts_at``, for an hour."""
    rows(service.url, EVENT, url, starts_at, starts_at + HOUR)


def links(service: RegistrationService) -> dict[str, str]:
    """The newest tokens of the participant."""
    box = [box for box in service.boxes("registration.") if box["address"] == ADDRESS][-1]
    return {kind: str(box[kind]) for kind in KINDS}


@pytest.fixture
def tokens(service: RegistrationService) -> dict[str, str]:
    """Of someone with a seat; the event begins in two days."""
    hold(service, service.clock() + timedelta(days=2))
    service.register(1)
    return links(service)


def start_of(service: RegistrationService) -> datetime:
    """When the event begins, as registration knows it."""
    [(starts_at,)] = rows(service.url, "SELECT starts_at FROM event_copy WHERE id = 'upr-webinar-10'")
    found: datetime = starts_at
    return found


def press(service: RegistrationService, path: str, action: str) -> TestResponse:
    """Press a button, while a decider runs."""
    with service.deciding():
        return service.client.post(path, data={"action": action})


def opened(service: RegistrationService, tokens: dict[str, str]) -> dict[str, int]:
    """The status of each link's page."""
    return {kind: service.client.get(f"/{KINDS[kind]}/{token}").status_code for kind, token in tokens.items() if token}


# the read-only page


def test_read_only_page_shows_event_and_status_and_names_no_one(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    page = service.client.get(f"/v/{tokens['view']}?lang=en")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    text = unescape(page.text)
    assert [word for word in ("UPR Webinar Wednesday #10", "Registered", "Send me my link") if word not in text] == []
    typed = [str(value) for value in answers(1).values() if isinstance(value, str) and len(value) > 3]
    hidden = [*typed, tokens["token"], tokens["join"], "meet.example.org"]
    assert [word for word in hidden if word in text] == []


def test_read_only_and_join_pages_are_in_each_language(service: RegistrationService, tokens: dict[str, str]) -> None:
    for path in (f"/v/{tokens['view']}", f"/j/{tokens['join']}"):
        for language in LANGUAGES:
            assert f'<html lang="{language}"' in service.client.get(f"{path}?lang={language}").text


def test_reading_the_pages_changes_nothing(service: RegistrationService, tokens: dict[str, str]) -> None:
    service.clock.set(start_of(service))
    for path in (f"/v/{tokens['view']}", f"/j/{tokens['join']}", f"/r/{tokens['token']}"):
        service.client.get(path)
        service.client.head(path)
    assert rows(service.url, "SELECT count(*) FROM submission WHERE state = 'received'") == [(0,)]


def test_each_link_opens_only_its_own_page(service: RegistrationService, tokens: dict[str, str]) -> None:
    """The page for nothing is the same for a token of another purpose and for one that never was."""
    for kind, prefix in KINDS.items():
        never = service.client.get(f"/{prefix}/{new_token()}?lang=en")
        assert never.status_code == 404
        for other in KINDS.keys() - {kind}:
            answer = service.client.get(f"/{prefix}/{tokens[other]}?lang=en")
            assert (answer.status_code, answer.text) == (404, never.text), (kind, other)
        pressed = [
            service.client.post(f"/{prefix}/{tokens[other]}?lang=en", data={"action": action}).status_code
            for other in KINDS.keys() - {kind}
            for action in ("join", "send-link", "cancel", "erase", "renew-links")
        ]
        assert set(pressed) <= {400, 404}
    assert service.states() == {1: ("confirmed", None)}


def test_limited_link_is_no_key_of_the_interface(service: RegistrationService, tokens: dict[str, str]) -> None:
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    for kind in ("view", "join"):
        headers = {"Authorization": f"Bearer {tokens[kind]}", "If-Match": '"1"'}
        for method in ("GET", "DELETE"):
            answer = service.client.open(f"/v1/registrations/{identity}", method=method, headers=headers)
            assert answer.status_code == 401


@pytest.mark.parametrize("kind", ["view", "join"])
def test_stored_command_of_a_limited_link_is_refused_by_the_decider(
    service: RegistrationService, tokens: dict[str, str], kind: str
) -> None:
    """Also if the process that serves the pages stores it: the decider asks what the link is for."""
    view = view_form(service.work_of_web, "upr-webinar-10", service.clock())
    for command in ("cancel", "erase", "renew-links", "unmute"):
        service.intake.command(view, command, {"revision": None}, link_hash(tokens[kind], kind))
    service.decide()
    assert service.states() == {1: ("confirmed", None)}
    assert opened(service, tokens) == dict.fromkeys(KINDS, 200)


def test_link_is_mailed_to_the_registered_address_and_shown_to_no_one(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    answer = press(service, f"/v/{tokens['view']}", "send-link")
    assert answer.status_code == 303
    page = service.client.get(answer.headers["Location"]).text
    service.decide()
    assert service.facts()[-1] == ("link-requested", "confirmed")
    assert "@" not in page
    assert links(service)["token"] not in page
    assert service.client.get(f"/r/{links(service)['token']}").status_code == 200
    assert opened(service, tokens) == dict.fromkeys(KINDS, 200)


def test_link_asked_for_by_an_ended_link_is_decided_and_not_parked(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    view = view_form(service.work_of_web, "upr-webinar-10", service.clock())
    service.client.post(f"/r/{tokens['token']}", data={"action": "erase"})
    send_link_by_view(service.intake, view, tokens["view"])
    service.decide()
    assert rows(service.url, "SELECT DISTINCT state FROM submission") == [("decided",)]


def test_mails_that_anyone_can_ask_for_keep_the_spacing_and_are_not_dropped(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    """At once, then after five minutes, half an hour, two hours; one waits however often it is asked for."""
    sent = []
    for _ in range(4 * 12):
        for _ in range(2):
            service.client.post(f"/v/{tokens['view']}", data={"action": "send-link"})
        service.decide()
        sent.append(len([one for one in service.facts() if one[0] == "link-requested"]))
        service.clock.advance(5 * MINUTE)
    minutes = [5 * number for number, count in enumerate(sent) if count > (sent[number - 1] if number else 0)]
    assert minutes == [0, 5, 35, 155]
    service.clock.advance(timedelta(hours=6))
    service.decide()
    assert len([one for one in service.facts() if one[0] == "link-requested"]) == 5


def test_queued_link_is_not_mailed_after_a_cancellation(service: RegistrationService, tokens: dict[str, str]) -> None:
    for _ in range(2):
        press(service, f"/v/{tokens['view']}", "send-link")
        service.decide()
    assert rows(service.url, "SELECT count(*) FROM waiting_link") == [(1,)]
    service.cancel(1)
    service.clock.advance(HOUR)
    service.decide()
    assert [verb for verb, _status in service.facts()] == ["confirmed", "link-requested", "cancelled"]
    assert rows(service.url, "SELECT count(*) FROM waiting_link") == [(0,)]


def test_read_only_page_shows_the_state_of_event_and_registration(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    """Its link stays valid after the registration has ended: it is in a calendar."""
    path = f"/v/{tokens['view']}?lang=en"
    for status in ("cancelled", "postponed"):
        rows(service.url, "UPDATE event_copy SET status = %s", status)
        assert f"This event is {status}" in service.client.get(path).text
    rows(service.url, "UPDATE event_copy SET status = 'confirmed'")
    service.cancel(1)
    after = links(service)["view"]
    page = service.client.get(f"/v/{after}?lang=en").text
    assert "Cancelled" in page
    assert "Send me my link" not in page


# joining


def test_join_link_leads_to_the_meeting_from_a_quarter_of_an_hour_before_until_the_end(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    start, path = start_of(service), f"/j/{tokens['join']}?lang=en"
    service.clock.set(start - 15 * MINUTE - timedelta(seconds=1))
    early = service.client.get(path)
    assert (early.status_code, "You can join online from" in early.text) == (200, True)
    assert "meet.example.org" not in early.text
    for now in (start - 15 * MINUTE, start + HOUR - timedelta(seconds=1)):
        service.clock.set(now)
        answer = service.client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, MEETING)
        assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    service.clock.set(start + HOUR)
    over = service.client.get(path)
    assert (over.status_code, "This event is over." in over.text) == (200, True)
    assert "meet.example.org" not in over.text


def test_join_link_follows_when_the_meeting_moves_or_has_another_address(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    start, path = start_of(service), f"/j/{tokens['join']}?lang=en"
    service.clock.set(start)
    hold(service, start + timedelta(days=1), MOVED)
    assert "You can join online from" in service.client.get(path).text
    service.clock.advance(timedelta(days=1))
    assert service.client.get(path).headers["Location"] == MOVED
    hold(service, service.clock(), None)
    waiting = service.client.get(path)
    assert (waiting.status_code, "has not entered the address" in waiting.text) == (200, True)


def test_form_sets_from_when_people_can_join(service: RegistrationService, tokens: dict[str, str]) -> None:
    rows(service.url, "UPDATE form SET join_minutes_before = 60")
    service.clock.set(start_of(service) - HOUR)
    assert service.client.get(f"/j/{tokens['join']}").status_code == 302


def test_own_page_offers_to_join_when_it_is_time(service: RegistrationService, tokens: dict[str, str]) -> None:
    """The address is in no page before the button is pressed."""
    start, path = start_of(service), f"/r/{tokens['token']}?lang=en"
    early = service.client.get(path).text
    assert ("You can join online from" in early, "Join online</button>" in early) == (True, False)
    service.clock.set(start)
    page = service.client.get(path).text
    assert ("Join online</button>" in page, "meet.example.org" in page) == (True, False)
    joining = press(service, path, "join")
    assert joining.status_code == 200
    assert f'content="0; url={escape(MEETING).replace("&#x27;", "&#39;")}"' in joining.text
    service.clock.set(start + HOUR)
    assert 'id="join"' not in service.client.get(path).text
    assert press(service, path, "join").status_code == 303


def test_join_button_of_a_page_that_was_open_for_long_follows_the_event(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    start = start_of(service)
    service.clock.set(start)
    hold(service, start, MOVED)
    assert MOVED in press(service, f"/r/{tokens['token']}", "join").text
    hold(service, start + timedelta(days=1))
    assert press(service, f"/r/{tokens['token']}", "join").status_code == 303


def test_no_one_without_a_seat_can_join(service: RegistrationService) -> None:
    hold(service, service.clock() + timedelta(days=2))
    service.capacity(0)
    service.register(1)
    tokens = links(service)
    service.clock.set(start_of(service))
    page = service.client.get(f"/j/{tokens['join']}?lang=en")
    assert (page.status_code, "has no seat" in page.text) == (200, True)
    assert "meet.example.org" not in page.text + press(service, f"/j/{tokens['join']}", "join").text
    assert 'id="join"' not in service.client.get(f"/r/{tokens['token']}").text


def register_unverified(service: RegistrationService) -> dict[str, str]:
    """Someone on a form that verifies no address; the event begins in two days."""
    hold(service, service.clock() + timedelta(days=2))
    rows(service.url, "UPDATE form SET verification = 'none'")
    proof = worked(service.client.get("/v1/challenge?form=upr-webinar-10").get_json())
    assert service.submit({**answers(1), "altcha": proof}).status_code == 202
    service.decide()
    return links(service)


VERIFIED = "SELECT verified_at IS NOT NULL FROM registration"


@pytest.mark.parametrize("kind", ["join", "token"])
def test_joining_by_a_mailed_link_verifies_the_address_by_a_button_only(
    service: RegistrationService, kind: str
) -> None:
    """Mail scanners follow links: while the address is not verified the link shows a button, near the hour only."""
    tokens = register_unverified(service)
    path = f"/{KINDS[kind]}/{tokens[kind]}"
    assert "Join online</button>" not in service.client.get(f"{path}?lang=en").text
    press(service, path, "join")
    assert rows(service.url, VERIFIED) == [(False,)]
    service.clock.set(start_of(service))
    page = service.client.get(f"{path}?lang=en")
    assert (page.status_code, "Join online</button>" in page.text) == (200, True)
    assert rows(service.url, VERIFIED) == [(False,)]
    assert escape(MEETING).replace("&#x27;", "&#39;") in press(service, path, "join").text
    service.decide()
    assert rows(service.url, VERIFIED) == [(True,)]
    assert service.client.get(f"/j/{tokens['join']}").status_code == 302


def test_two_browsers_that_join_at_once_both_get_in(service: RegistrationService) -> None:
    tokens = register_unverified(service)
    service.clock.set(start_of(service))
    first, second = (service.app.test_client() for _ in range(2))
    made = [browser.post(f"/j/{tokens['join']}", data={"action": "join"}) for browser in (first, second)]
    service.decide()
    assert [answer.status_code for answer in made] == [200, 200]
    assert rows(service.url, VERIFIED) == [(True,)]


# ends


def test_cancelling_ends_all_links_and_mails_new_ones(service: RegistrationService, tokens: dict[str, str]) -> None:
    """The page shows it only after a press of the button."""
    press(service, f"/v/{tokens['view']}", "send-link")
    service.decide()
    other = links(service)
    service.cancel(1)
    page = service.client.get(f"/r/{other['token']}?lang=en")
    assert (page.status_code, "Your registration is cancelled." in page.text) == (200, True)
    assert ADDRESS not in page.text
    assert opened(service, {"token": tokens["token"], "view": other["view"], "join": other["join"]}) == {
        "token": 404,
        "view": 404,
        "join": 404,
    }
    after = links(service)
    assert after["join"] == ""
    assert opened(service, after) == {"token": 200, "view": 200}


def test_wish_for_new_links_ends_all_and_mails_new_ones(service: RegistrationService, tokens: dict[str, str]) -> None:
    answer = press(service, f"/r/{tokens['token']}", "renew-links")
    page = service.client.get(answer.headers["Location"] + "&lang=en")
    assert (page.status_code, "New links are on their way" in page.text) == (200, True)
    assert opened(service, {kind: tokens[kind] for kind in ("view", "join")}) == {"view": 404, "join": 404}
    assert service.facts() == [("confirmed", "confirmed"), ("link-requested", "confirmed")]
    after = links(service)
    assert opened(service, after) == dict.fromkeys(KINDS, 200)
    assert set(after.values()).isdisjoint(tokens.values())


def test_wish_for_new_links_ends_the_confirmation_links_of_the_address(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    """What waits for its owner goes on waiting: they can have another one mailed."""
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    before = {str(box["token"]) for box in service.boxes("confirmation.wanted.v1") if box["address"] == ADDRESS}
    assert [service.client.get(f"/c/{one}").status_code for one in before] == [200] * 2
    press(service, f"/r/{tokens['token']}", "renew-links")
    assert [service.client.get(f"/c/{one}").status_code for one in before] == [404] * 2
    service.client.post("/my", data={"email": ADDRESS})
    service.clock.advance(HOUR)
    service.decide()
    assert "A Colleague" in service.client.get(f"/c/{service.confirmation_token(ADDRESS)}").text
    assert service.confirm(ADDRESS) == ["confirmed"]


def confirmation_tokens(service: RegistrationService) -> list[str]:
    """Tokens in the confirmation mails to the participant whose content is not erased, oldest first."""
    return [str(box["token"]) for box in service.boxes("confirmation.wanted.v1") if box["address"] == ADDRESS]


def test_what_was_not_mailed_yet_is_mailed_again_after_a_wish_for_new_links(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    """Its only mail has a link that has ended. However often links end, the mails are spaced as all others."""
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    for wait in (5 * MINUTE, 30 * MINUTE):
        for _ in range(2):
            press(service, f"/r/{links(service)['token']}", "renew-links")
            service.decide()
        service.clock.advance(wait - timedelta(seconds=1))
        service.decide()
        assert confirmation_tokens(service) == []
        service.clock.advance(seconds=1)
        service.decide()
        [newest] = confirmation_tokens(service)
        assert "A Colleague" in service.client.get(f"/c/{newest}").text
    assert service.confirm(ADDRESS) == ["confirmed"]


@pytest.mark.parametrize("why", ["mailed", "blocked"])
def test_nothing_is_mailed_again_after_a_wish_for_new_links_to_who_was_mailed_or_is_blocked(
    service: RegistrationService, tokens: dict[str, str], coordinator: dict[str, Any], why: str
) -> None:
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    if why == "mailed":
        rows(service.url, "UPDATE candidate SET mailed_at = %s", service.clock())
    else:
        block = {"email": ADDRESS, "reason": "asked for it by telephone"}
        assert service.client.post("/v1/blocked-addresses", json=block, headers=coordinator).status_code == 204
    press(service, f"/r/{tokens['token']}", "renew-links")
    service.clock.advance(HOUR)
    service.decide()
    assert confirmation_tokens(service) == []


def test_command_after_a_wish_for_new_links_is_refused_in_the_same_batch(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    """With a link that the wish ends: a managing one, or a confirmation link of the address."""
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    waiting = service.waiting(ADDRESS)
    view = view_form(service.work_of_web, "upr-webinar-10", service.clock())
    send_own(service.intake, view, tokens["token"], "renew-links")
    send_own(service.intake, view, tokens["token"], "cancel", {"revision": None})
    assert service.choose(waiting, Choice(waiting.pending[0].id, Act.CONFIRM)) == ["gone"]
    assert service.states() == {1: ("confirmed", None)}


def test_erasing_ends_all_links(service: RegistrationService, tokens: dict[str, str]) -> None:
    confirming = service.confirmation_token(ADDRESS)
    press(service, f"/r/{tokens['token']}", "erase")
    assert service.client.get(f"/c/{confirming}").status_code == 404
    assert opened(service, tokens) == {"token": 303, "view": 404, "join": 404}, "its own holder sees that it is done"
    assert rows(service.url, "SELECT count(*) FROM limited_link") == [(0,)]


def test_coordinator_who_cancels_ends_all_links(
    service: RegistrationService, tokens: dict[str, str], coordinator: dict[str, Any]
) -> None:
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    done = service.client.patch(
        f"/v1/registrations/{identity}", json={"status": "cancelled"}, headers=coordinator | {"If-Match": '"1"'}
    )
    assert done.status_code == 200
    assert opened(service, tokens) == dict.fromkeys(KINDS, 404)


def test_limited_links_end_with_the_page_of_the_registration(
    service: RegistrationService, tokens: dict[str, str]
) -> None:
    end = start_of(service) + HOUR + timedelta(days=90)
    service.clock.set(end - timedelta(microseconds=1))
    assert opened(service, tokens) == dict.fromkeys(KINDS, 200)
    service.clock.set(end)
    assert opened(service, tokens) == dict.fromkeys(KINDS, 404)


def test_dump_holds_no_token_of_a_limited_link(service: RegistrationService, tokens: dict[str, str]) -> None:
    tables = rows(service.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dumped = "".join(str(rows(service.url, f"SELECT t::text FROM {table} t")) for (table,) in tables)
    assert [kind for kind, token in tokens.items() if token in dumped or token.encode().hex() in dumped] == []
    assert rows(service.url, "SELECT count(*) FROM limited_link") == [(2,)]
