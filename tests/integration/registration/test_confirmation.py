"""The page behind a confirmation link: what it shows, what it refuses, and the outcome of each choice."""

import re
from datetime import timedelta
from typing import Any

import pytest

from services.registration.intake.model import Act, Choice
from tests.support.clients import WEBINAR, answers, rows
from tests.support.registration_service import RegistrationService

ADDRESS = "participant-1@example.org"
VARYING = re.compile(r'[0-9a-f]{8}-[0-9a-f-]{27}|<time.*?</time>|<span class="code".*?</span>|\u2068[A-Z0-9]{4}\u2069')
"""Ids, times and codes of a page."""

LATER = "UPDATE event_copy SET starts_at = starts_at + interval '60 days'"


def offered(page: str) -> list[list[str]]:
    """Values of the options of each candidate on a page, registrations by their first sign."""
    names = dict.fromkeys(re.findall(r'name="(choice-[^"]+)"', page))
    return [list(re.findall(rf'name="{name}" value="([^"]*)"', page)) for name in names]


@pytest.fixture
def token(service: RegistrationService) -> str:
    """Of the link that was mailed to someone who has submitted the form."""
    assert service.submit(answers(1)).status_code == 202
    service.decide()
    return service.confirmation_token(ADDRESS)


def test_page_confirms_and_shows_what_it_did(service: RegistrationService, token: str) -> None:
    """Also when the link is used again: nothing happens twice."""
    page = service.client.get(f"/c/{token}?lang=en")
    assert (page.status_code, page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == (
        200,
        "no-store",
        "no-referrer",
    )
    assert offered(page.text) == [["confirm", "refuse"]]
    assert "checked" not in page.text
    after = service.confirm_by_page(token)
    assert (after.status_code, offered(after.text)) == (200, [])
    assert "You are registered" in after.text
    again = service.client.get(f"/c/{token}?lang=en")
    assert ("You are registered" in again.text, offered(again.text)) == (True, [])
    assert service.press(token).status_code == 200
    assert service.states() == {1: ("confirmed", None)}
    assert service.facts() == [("confirmed", "confirmed")]


def test_reading_changes_nothing(service: RegistrationService, token: str) -> None:
    """Mail scanners follow links."""
    for path in (f"/c/{token}", f"/c/{token}?action=choose", f"/c/{token}/forms/{WEBINAR}"):
        assert service.client.get(path).status_code == 200
        assert service.client.head(path).status_code == 200
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM submission") == [(1,)]
    assert rows(service.url, "SELECT count(*) FROM registration") == [(0,)]


def test_post_without_a_choice_is_refused(service: RegistrationService, token: str) -> None:
    """Mail scanners press buttons; nothing is preselected, so they choose nothing."""
    page = service.press(token)
    assert (page.status_code, offered(page.text)) == (422, [["confirm", "refuse"]])
    assert "You have not chosen anything" in page.text
    other = "choice-00000000-0000-4000-8000-000000000000"
    for fields in ({other: "nonsense"}, {"choice-nobody": "confirm"}, {"action": "nonsense"}):
        assert service.press(token, **fields).status_code == 400
    assert rows(service.url, "SELECT count(*) FROM submission") == [(1,)]


def choices_of(page: str, value: str) -> dict[str, str]:
    """What a browser sends from a page where ``value`` is chosen for every candidate."""
    return dict.fromkeys(re.findall(r'name="(choice-[^"]+)"', page), value)


def test_second_press_shows_what_the_first_has_done(service: RegistrationService, token: str) -> None:
    """Two windows with the same page; in between someone has submitted something else for the address."""
    chosen = choices_of(service.client.get(f"/c/{token}?lang=en").text, "confirm")
    assert service.press(token, **chosen).status_code == 303
    for more in (False, True):
        if more:
            service.submit(answers(1, name="Somebody Else"))
            service.decide()
        second = service.press(token, lang="en", **chosen)
        page = service.client.get(second.headers["Location"]).text
        assert (second.status_code, page.count("<strong>You are registered</strong>")) == (303, 1)
        assert "have expired" not in page
    assert rows(service.url, "SELECT count(*) FROM submission WHERE kind = 'confirm'") == [(1,)]


def test_choice_about_an_expired_candidate_is_explained_and_offers_its_form(
    service: RegistrationService, token: str
) -> None:
    """Nothing else waits, and nothing is registered: the page itself has shown which form it was."""
    chosen = choices_of(service.client.get(f"/c/{token}?lang=en").text, "confirm")
    rows(service.url, "DELETE FROM candidate")
    answer = service.press(token, lang="en", **chosen)
    page = service.client.get(answer.headers["Location"]).text
    assert (answer.status_code, "have expired" in page) == (303, True)
    assert f'href="/c/{token}/forms/{WEBINAR}?lang=en"' in page
    candidate = next(iter(chosen)).partition(":")[0]
    assert service.press(token, lang="en", **{f"{candidate}:no-such-form": "confirm"}).status_code == 303


def test_page_shows_that_a_choice_is_processed_until_it_is_decided(
    service: RegistrationService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loads itself again, and stops asking after a while."""
    monkeypatch.setattr("services.registration.own.commands.PAUSES_S", (1.0,))
    chosen = choices_of(service.client.get(f"/c/{token}?lang=en").text, "confirm")
    answer = service.client.post(f"/c/{token}", data={"action": "choose", "lang": "en", **chosen})
    page = service.client.get(answer.headers["Location"]).text
    assert ("Being processed" in page, "again=1" in page, offered(page)) == (True, True, [])
    last = service.client.get(f"/c/{token}?lang=en&again=6").text
    assert ("Being processed" in last, "again=" in last) == (True, False)
    service.decide()
    assert "You are registered" in service.client.get(f"/c/{token}?lang=en&again=1").text


def test_address_with_nothing_left_is_muted_and_unmuted(service: RegistrationService, token: str) -> None:
    """No candidate, no registration, and nothing was done by the link."""
    rows(service.url, "DELETE FROM candidate")
    for action, offer in (("mute", "unmute"), ("unmute", "mute")):
        answer = service.press(token, action=action, lang="en")
        page = service.client.get(answer.headers["Location"]).text
        assert (answer.status_code, f'value="{offer}"' in page) == (303, True)


def test_closed_form_is_reported_behind_the_link(service: RegistrationService, token: str) -> None:
    """Also to its sender: with a page."""
    rows(service.url, "UPDATE form SET open = false")
    path, mine = f"/c/{token}/forms/{WEBINAR}", {**answers(1), "consent": "on", "lang": "en"}
    shown, sent = service.client.get(f"{path}?lang=en"), service.client.post(path, data=mine)
    assert [(one.status_code, one.mimetype) for one in (shown, sent)] == [(200, "text/html"), (409, "text/html")]
    assert ["<form" in one.text for one in (shown, sent)] == [False, False]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE form SET people_per_address = 1", "The limit for this address is reached"),
        ("UPDATE seat SET capacity = 1; UPDATE form SET waiting_list = false", "All seats are taken"),
    ],
)
def test_owner_who_enters_answers_reads_why_no_one_was_registered(
    service: RegistrationService, token: str, change: str, expected: str
) -> None:
    service.confirm(ADDRESS)
    rows(service.url, change)
    mine = {**answers(1, name="A Colleague"), "consent": "on", "lang": "en"}
    with service.deciding():
        answer = service.client.post(f"/c/{token}/forms/{WEBINAR}", data=mine)
    page = service.client.get(answer.headers["Location"]).text
    assert (answer.status_code, expected in page) == (303, True)
    assert rows(service.url, "SELECT count(*) FROM registration") == [(1,)]


def test_owner_who_enters_their_answers_again_reads_that_they_are_changed(
    service: RegistrationService, token: str
) -> None:
    service.confirm(ADDRESS)
    mine = {**answers(1, country="FR"), "consent": "on", "lang": "en"}
    with service.deciding():
        answer = service.client.post(f"/c/{token}/forms/{WEBINAR}", data=mine)
    assert "Your registration has been changed" in service.client.get(answer.headers["Location"]).text
    [(receipt,)] = rows(
        service.url, "SELECT outcome FROM submission WHERE kind = 'submission' AND token_hash IS NOT NULL"
    )
    assert receipt == [{"candidate": "", "form": WEBINAR, "code": "", "result": "changed"}]


def test_json_is_no_way_to_choose(service: RegistrationService, token: str) -> None:
    assert service.client.post(f"/c/{token}", json={"action": "choose"}).status_code == 415


def test_refused_candidate_is_gone(service: RegistrationService, token: str) -> None:
    waiting = service.waiting(ADDRESS)
    answer = service.press(token, **{f"choice-{waiting.pending[0].id}": "refuse"})
    assert answer.status_code == 303
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert rows(service.url, "SELECT count(*) FROM registration") == [(0,)]
    assert rows(service.url, "SELECT count(became) FROM submission") == [(0,)]
    assert "deleted" in service.client.get(answer.headers["Location"]).text.lower()


def test_choice_that_filled_up_in_between_is_explained_and_offers_the_form(
    service: RegistrationService, token: str
) -> None:
    """Two windows: in one the candidate ran out while the other was open."""
    waiting = service.waiting(ADDRESS)
    rows(service.url, "DELETE FROM candidate")
    assert service.choose(waiting, Choice(waiting.pending[0].id, Act.CONFIRM)) == ["expired"]
    page = service.client.get(f"/c/{token}?lang=en").text
    assert "expired" in page.lower()
    assert f'href="/c/{token}/forms/{WEBINAR}' in page


def test_owner_enters_their_own_answers_without_another_mail(service: RegistrationService, token: str) -> None:
    """The address is that of the link, for any input; the seat is taken at once."""
    form = service.client.get(f"/c/{token}/forms/{WEBINAR}?lang=en").text
    assert ADDRESS in form
    mine = {**answers(1, name="The Owner", email="else@example.org"), "consent": "on", "lang": "en"}
    with service.deciding():
        answer = service.client.post(f"/c/{token}/forms/{WEBINAR}", data=mine)
    assert answer.status_code == 303
    assert rows(service.url, "SELECT name, email, verified_at IS NOT NULL FROM registration") == [
        ("The Owner", ADDRESS, True)
    ]
    assert "You are registered" in service.client.get(answer.headers["Location"]).text
    assert service.mailed() == [ADDRESS]


def test_owner_with_faulty_answers_sees_them(service: RegistrationService, token: str) -> None:
    page = service.client.post(f"/c/{token}/forms/{WEBINAR}", data={"name": "Kept <b>", "lang": "en"})
    assert (page.status_code, "Kept &lt;b&gt;" in page.text) == (422, True)
    assert service.client.get(f"/c/{token}/forms/no-such-form").status_code == 404


def test_correction_is_shown_and_replaces(service: RegistrationService, token: str) -> None:
    """*Keep what I have* is first."""
    service.confirm(ADDRESS)
    service.submit(answers(1, organisation="Another Organisation", country="FR"))
    service.decide()
    token = service.confirmation_token(ADDRESS)
    page = service.client.get(f"/c/{token}?lang=en").text
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    assert offered(page) == [["keep", f"replace:{identity}", "refuse"]]
    assert ("Organisation 1" in page, "Another Organisation" in page) == (False, True)
    waiting = service.waiting(ADDRESS)
    assert service.press(token, **{f"choice-{waiting.pending[0].id}": f"replace:{identity}"}).status_code == 303
    found = "SELECT o.name, r.country, r.revision FROM registration r JOIN organisation o ON o.id = r.organisation_id"
    assert rows(service.url, found) == [("Another Organisation", "FR", 2)]
    assert service.facts() == [("confirmed", "confirmed"), ("changed", "confirmed")]
    assert service.seats() == (1, 0)


@pytest.mark.parametrize("name", ["Participant 1", "Somebody Else"])
def test_page_does_not_reveal_registered_answers(service: RegistrationService, token: str, name: str) -> None:
    """Whoever holds a forwarded link can submit answers for the address: a right guess looks like a wrong one."""
    service.confirm(ADDRESS)
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    pages = []
    for country in ("CH", "FR"):
        service.submit(answers(1, name=name, organisation="Guess", country=country))
        service.decide()
        page = service.client.get(f"/c/{token}?lang=en").text
        assert ("Organisation 1" in page, f"replace:{identity}" in page) == (False, True)
        pages.append(VARYING.sub("", page))
        service.choose(service.waiting(ADDRESS), Choice(service.waiting(ADDRESS).pending[0].id, Act.REFUSE))
    right, wrong = pages
    assert right.replace("Switzerland", "France") == wrong


def test_kept_registration_stays_as_it_is(service: RegistrationService, token: str) -> None:
    service.confirm(ADDRESS)
    service.submit(answers(1, country="FR"))
    service.decide()
    waiting = service.waiting(ADDRESS)
    assert service.choose(waiting, Choice(waiting.pending[0].id, Act.KEEP)) == ["kept"]
    assert rows(service.url, "SELECT country, revision FROM registration") == [("CH", 1)]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_same_answers_as_the_registration_change_nothing_and_mail_the_link(
    service: RegistrationService, token: str
) -> None:
    service.confirm(ADDRESS)
    service.submit(answers(1))
    service.decide()
    assert service.mailed() == [ADDRESS] * 2
    assert service.waiting(ADDRESS).pending == []
    page = service.client.get(f"/c/{service.confirmation_token(ADDRESS)}?lang=en").text
    assert 'value="send-link"' in page
    assert rows(service.url, "SELECT revision FROM registration") == [(1,)]


def test_managing_link_is_mailed_again(service: RegistrationService, token: str) -> None:
    """Not shown on the page: a confirmation link may have been forwarded."""
    service.confirm(ADDRESS)
    first = service.own_token(1)
    [registered] = service.waiting(ADDRESS).registered
    assert service.press(token, action="send-link", registration=registered.id).status_code == 303
    second = service.own_token(1)
    assert second != first
    assert service.facts()[1:] == [("link-requested", "confirmed")]
    assert [service.client.get(f"/r/{own}").status_code for own in (first, second)] == [200, 200]
    other = "00000000-0000-4000-8000-000000000000"
    assert service.press(token, action="send-link", registration=other).status_code == 400


def test_muted_address_gets_no_mail_until_it_is_unmuted(service: RegistrationService, token: str) -> None:
    """A submission made in the meantime waits behind the link."""
    assert service.press(token, action="mute").status_code == 303
    service.submit(answers(1, name="Somebody Else"))
    service.decide()
    service.clock.advance(timedelta(days=1))
    service.decide()
    assert service.mailed() == [ADDRESS]
    assert [one.content.name for one in service.waiting(ADDRESS).pending] == ["Participant 1", "Somebody Else"]
    assert service.press(token, action="unmute").status_code == 303
    service.decide()
    assert service.mailed() == [ADDRESS] * 2


def test_every_link_of_the_address_opens_the_same_live_list(service: RegistrationService, token: str) -> None:
    """Later submissions included: a mail that came earlier works too."""
    service.submit(answers(1, name="Later Person"))
    service.decide()
    page = service.client.get(f"/c/{token}?lang=en").text
    assert [name in page for name in ("Participant 1", "Later Person")] == [True, True]
    assert len(offered(page)) == 2


def test_owner_who_has_nothing_left_to_confirm_gets_no_mail_about_it(service: RegistrationService, token: str) -> None:
    """A mail was postponed; its submission was on the page that the first mail led to."""
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    assert service.confirm(ADDRESS) == ["confirmed", "confirmed"]
    service.clock.advance(timedelta(days=1))
    service.decide()
    assert service.mailed() == [ADDRESS]
    service.submit(answers(1, name="Another Colleague"))
    service.decide()
    assert service.mailed() == [ADDRESS] * 2


def test_mail_about_a_concurrent_submission_is_still_due(service: RegistrationService, token: str) -> None:
    """It came after the page was shown: the owner has not seen it."""
    waiting = service.waiting(ADDRESS)
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    assert service.choose(waiting, Choice(waiting.pending[0].id, Act.CONFIRM)) == ["confirmed"]
    assert service.mailed() == [ADDRESS] * 2


@pytest.mark.parametrize("refusing", ["full", "too-many"])
def test_candidate_that_cannot_be_confirmed_now_stays(service: RegistrationService, token: str, refusing: str) -> None:
    """It can be once a seat is free again, or someone at the address has left."""
    change = {
        "full": "UPDATE seat SET capacity = 0; UPDATE form SET waiting_list = false",
        "too-many": "UPDATE form SET people_per_address = 1",
    }[refusing]
    if refusing == "too-many":
        service.confirm(ADDRESS)
        service.submit(answers(1, name="A Colleague"))
        service.decide()
    rows(service.url, change)
    assert service.confirm(ADDRESS) == [refusing]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(1,)]
    rows(service.url, "UPDATE seat SET capacity = 100; UPDATE form SET people_per_address = 3")
    assert service.confirm(ADDRESS) == ["confirmed"]


def test_no_one_confirms_once_the_event_has_begun(service: RegistrationService, token: str) -> None:
    rows(service.url, "UPDATE event_copy SET starts_at = %s", service.clock())
    assert service.confirm(ADDRESS) == ["closed"]
    assert rows(service.url, "SELECT count(*) FROM registration") == [(0,)]


def test_consent_is_recorded_with_its_wording(service: RegistrationService, token: str) -> None:
    """Wording, language, version of the form and time, for each consent."""
    service.confirm(ADDRESS)
    [(consent,)] = rows(service.url, "SELECT consent FROM registration")
    assert list(consent) == ["consent"]
    assert sorted(consent["consent"]) == ["given_at", "language", "version", "wording"]
    assert consent["consent"]["language"] == "en"


def test_candidate_ends_seven_days_after_its_mail(service: RegistrationService, token: str) -> None:
    """Or fourteen days after it was received, if no mail was ever reported as sent."""
    rows(service.url, LATER)
    received = rows(service.url, "SELECT received_at FROM candidate")[0][0]
    for mailed, kept in ((received, timedelta(days=7)), (None, timedelta(days=14))):
        rows(service.url, "UPDATE candidate SET mailed_at = %s", mailed)
        service.tend(received + kept)
        assert rows(service.url, "SELECT count(*) FROM candidate") == [(1,)]
    service.tend(received + timedelta(days=14, microseconds=1))
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_receipt_is_forgotten_after_eight_days(service: RegistrationService) -> None:
    """Unknown and erased get the same answer: 404, as a page and for programs."""
    given = service.submit(answers(1)).get_json()
    service.decide()
    path = f"/v1/receipts/{given['receipt']}"
    shown = service.client.get(path)
    assert (shown.status_code, shown.get_json()["status"], shown.get_json()["code"]) == (
        200,
        "check-your-mail",
        given["code"],
    )
    assert service.client.get(f"/receipts/{given['receipt']}").status_code == 200
    received = rows(service.url, "SELECT received_at FROM submission")[0][0]
    service.tend(received + timedelta(days=8))
    assert service.client.get(path).status_code == 200
    service.tend(received + timedelta(days=8, microseconds=1))
    gone: list[Any] = [service.client.get(one) for one in (path, "/v1/receipts/" + "a" * 32, "/v1/receipts/x")]
    assert [answer.status_code for answer in gone] == [404] * 3
    assert len({answer.get_json()["code"] for answer in gone}) == 1
    assert service.client.get(f"/receipts/{given['receipt']}").status_code == 404


def test_receipt_of_a_command_is_no_receipt(service: RegistrationService, token: str) -> None:
    """What a link did is shown behind the link alone."""
    waiting = service.waiting(ADDRESS)
    [receipt] = service.send_confirmations([ADDRESS])
    service.decide()
    assert service.outcome(receipt)[0]["candidate"] == waiting.pending[0].id
    assert service.client.get(f"/v1/receipts/{receipt}").status_code == 404
