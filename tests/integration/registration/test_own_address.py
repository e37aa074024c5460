"""A change of address: requested on the own page, confirmed by the new owner, undone by the former one."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.registration.intake.form_view import view_form
from services.registration.own.commands import send_address_request, send_address_undo
from services.registration.people.model import OWN, UNDO_ADDRESS
from shared.runtime.ids import link_hash, new_token
from tests.integration.registration.test_erasing import everything_in
from tests.support.clients import WEBINAR, answers, rows
from tests.support.deciding import receive_at
from tests.support.registration_service import RegistrationService

OLD, NEW, OTHER = "participant-1@example.org", "new-canary@example.net", "other@example.com"
SEVEN_DAYS = timedelta(days=7)
STEP = timedelta(microseconds=1)


@pytest.fixture
def token(service: RegistrationService) -> str:
    """Of the managing link of someone who is registered."""
    service.enrol(answers(1))
    return service.own_token(1)


def stored(service: RegistrationService) -> list[tuple[Any, ...]]:
    return rows(service.url, "SELECT email, status, revision FROM registration ORDER BY id")


def is_gone(page: TestResponse, client: FlaskClient, path: str) -> bool:
    """Whether a link opens what a link that never was opens."""
    never = client.get(f"{path}/{new_token()}")
    return page.status_code == 404 and page.text.split("</head>")[-1] == never.text.split("</head>")[-1]


def test_new_address_is_asked_and_nothing_changes_until_it_confirms(service: RegistrationService, token: str) -> None:
    before = stored(service)
    page = service.ask_address(token, NEW)
    assert (page.status_code, NEW in page.text, "We are asking" in page.text) == (200, True, True)
    assert (stored(service), service.mailed()[-1]) == (before, NEW)
    assert service.client.get(f"/r/{token}").status_code == 200
    assert "registration.changed.v1" not in [one["type"].removeprefix("org.troika.") for one in service.messages()]


def test_address_that_confirms_is_used_and_everything_follows(service: RegistrationService, token: str) -> None:
    """Links end, a new one goes to the new address, the former one is notified, the history names no address."""
    service.ask_address(token, NEW)
    page = service.choose_address(NEW)
    assert "now uses this address" in page.text
    assert stored(service) == [(NEW, "confirmed", 2)]
    assert is_gone(service.client.get(f"/r/{token}?lang=en"), service.client, "/r")
    fresh = service.managing_token(NEW)
    assert NEW in service.client.get(f"/r/{fresh}?lang=en").text
    assert rows(service.url, "SELECT reason FROM registration_change ORDER BY revision") == [
        ("registered",),
        ("address changed",),
    ]
    changed = service.messages("registration.changed.v1")[-1]["data"]
    [(ref,)] = rows(service.url, "SELECT encode(person_ref, 'hex') FROM registration")
    assert (changed["revision"], changed["person_ref"], changed["verified"]) == (2, ref, True)
    [box] = service.boxes("registration.address-changed.v1")
    assert (box["address"], box["name"]) == (OLD, answers(1)["name"])
    [message] = service.messages("registration.address-changed.v1")
    assert NEW not in str(message)


def test_change_of_address_ends_the_confirmation_links_of_the_former_one(
    service: RegistrationService, token: str
) -> None:
    """What waits for its owner goes on waiting, and the link by which the new one has confirmed shows the outcome."""
    service.submit(answers(1, name="A Colleague"))
    service.decide()
    before = service.confirmation_token(OLD)
    service.ask_address(token, NEW)
    assert service.client.get(f"/c/{before}").status_code == 200
    assert "now uses this address" in service.choose_address(NEW).text
    assert is_gone(service.client.get(f"/c/{before}?lang=en"), service.client, "/c")
    service.client.post("/my", data={"email": OLD})
    service.clock.advance(timedelta(hours=1))
    service.decide()
    assert service.confirm(OLD) == ["confirmed"]
    news = service.confirmation_token(NEW)
    service.undo(service.undo_token(OLD))
    assert is_gone(service.client.get(f"/c/{news}?lang=en"), service.client, "/c")


def test_owner_of_the_new_address_refuses_and_nothing_changes(service: RegistrationService, token: str) -> None:
    service.ask_address(token, NEW)
    assert "Refused" in service.choose_address(NEW, "refuse-address").text
    assert stored(service) == [(OLD, "confirmed", 1)]
    assert rows(service.url, "SELECT count(*) FROM address_change") == [(0,)]
    assert service.client.get(f"/r/{token}").status_code == 200


def test_confirmation_page_shows_the_change_with_its_code_and_nothing_of_the_registration(
    service: RegistrationService, token: str
) -> None:
    """Nothing is preselected, and a press without a choice is refused: mail scanners press buttons."""
    own = service.ask_address(token, NEW).text
    [(code,)] = rows(service.url, "SELECT code FROM address_change")
    link = service.confirmation_token(NEW)
    page = service.client.get(f"/c/{link}?lang=en")
    assert (code in own, code in page.text, "checked" in page.text) == (True, True, False)
    assert [word for word in (OLD, answers(1)["name"]) if word in page.text] == []
    refused = service.press(link, lang="en")
    assert (refused.status_code, "You have not chosen anything" in refused.text) == (422, True)
    assert stored(service) == [(OLD, "confirmed", 1)]


def test_mail_to_the_new_address_is_the_one_for_everything_that_waits(service: RegistrationService, token: str) -> None:
    """It names nothing: the same message, spaced for the mailbox, as for a form that someone has filled in."""
    service.ask_address(token, NEW)
    service.ask_address(token, NEW)
    service.submit(answers(9, email=NEW))
    service.decide()
    assert service.mailed().count(NEW) == 1
    service.clock.advance(timedelta(minutes=5))
    service.decide()
    assert service.mailed().count(NEW) == 2
    [data] = {(*sorted(one["data"]), one["data"]["pending"]) for one in service.messages("confirmation.wanted.v1")}
    assert data == ("language", "link_id", "occurred_at", "pending", "sealed", True)


def test_muted_and_blocked_addresses_get_no_mail_and_the_page_shows_the_same(
    service: RegistrationService, token: str, coordinator: dict[str, Any]
) -> None:
    service.submit(answers(9, email=NEW))
    service.decide()
    service.press(service.confirmation_token(NEW), action="mute", lang="en")
    block = {"email": OTHER, "reason": "asked for it by telephone"}
    assert service.client.post("/v1/blocked-addresses", json=block, headers=coordinator).status_code == 204
    service.clock.advance(timedelta(hours=1))
    pages = [service.ask_address(token, email).text.replace(email, "") for email in (NEW, OTHER, "free@example.org")]
    assert ["We are asking" in page for page in pages] == [True] * 3
    assert [service.mailed().count(email) for email in (NEW, OTHER, "free@example.org")] == [1, 0, 1]


def test_one_registration_asks_few_addresses_and_one_at_a_time(service: RegistrationService, token: str) -> None:
    for number in range(5):
        service.ask_address(token, f"victim-{number}@example.org")
    page = service.ask_address(token, "victim-5@example.org")
    assert "asked for several changes of address" in page.text
    assert rows(service.url, "SELECT email FROM address_change") == [("victim-4@example.org",)]
    assert "victim-5@example.org" not in service.mailed()
    service.choose_address("victim-4@example.org", "refuse-address")
    assert "asked for several" in service.ask_address(token, "victim-6@example.org").text, "a refusal restarts nothing"
    first = service.client.get(f"/c/{service.confirmation_token('victim-0@example.org')}?lang=en")
    assert "use-address" not in first.text


@pytest.mark.parametrize(
    "typed", ["", "nobody", "a@b@c", "x" * 300 + "@example.org", "a b@example.org", OLD, OLD.upper()]
)
def test_what_is_no_other_address_is_refused_on_the_page(service: RegistrationService, token: str, typed: str) -> None:
    with service.deciding():
        answer = service.client.post(f"/r/{token}/address", data={"email": typed, "lang": "en"})
    assert (answer.status_code, "aria-invalid=true" in answer.text) == (422, True)
    assert rows(service.url, "SELECT count(*) FROM submission WHERE kind = 'change-address'") == [(0,)]


def test_reading_changes_nothing_and_a_press_without_the_box_is_refused(
    service: RegistrationService, token: str
) -> None:
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    before = everything_in(service.url)
    for path in (f"/r/{service.managing_token(NEW)}/address", f"/r/undo/{undo}", f"/r/undo/{undo}?undo=yes"):
        assert service.client.get(path).status_code == 200
        assert service.client.head(path).status_code == 200
    assert service.undo(undo, undo="").status_code == 422
    service.decide()
    assert everything_in(service.url) == before


def test_undo_restores_the_address_ends_the_links_and_mails_a_new_one(service: RegistrationService, token: str) -> None:
    """Someone with a stolen link moves the registration; its owner undoes that, and both addresses are notified."""
    service.move(1, NEW)
    thiefs = service.managing_token(NEW)
    before = {one["id"] for one in service.messages()}
    page = service.undo(service.undo_token(OLD))
    assert (page.status_code, "The change has been undone" in page.text) == (200, True)
    assert stored(service) == [(OLD, "confirmed", 3)]
    assert is_gone(service.client.get(f"/r/{thiefs}?lang=en"), service.client, "/r")
    fresh = [one for one in service.messages() if one["id"] not in before]
    assert sorted(one["type"] for one in fresh) == [
        "org.troika.registration.address-changed.v1",
        "org.troika.registration.changed.v1",
    ]
    assert [box["address"] for box in service.boxes("registration.changed.v1")] == [NEW, OLD]
    [lost] = [one for one in fresh if "address-changed" in one["type"]]
    assert lost["data"]["undo_until"] is None
    assert [(box["address"], bool(box["token"])) for box in service.boxes("registration.address-changed.v1")] == [
        (OLD, True),
        (NEW, False),
    ]
    assert OLD in service.client.get(f"/r/{service.managing_token(OLD)}?lang=en").text
    assert rows(service.url, "SELECT email FROM former_address") == [(NEW,)], "an erasure reaches it in notifications"
    assert rows(service.url, "SELECT reason FROM registration_change WHERE revision = 3") == [
        ("address change undone",)
    ]


def test_undo_link_that_is_used_twice_shows_its_effect(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    pages = [service.undo(undo), service.undo(undo), service.client.get(f"/r/undo/{undo}?lang=en")]
    assert ["The change has been undone" in page.text for page in pages] == [True] * 3
    assert stored(service) == [(OLD, "confirmed", 3)]


def test_undo_link_is_valid_for_exactly_seven_days(service: RegistrationService, token: str) -> None:
    """Also for a command that the page has taken just before."""
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    service.clock.advance(SEVEN_DAYS - STEP)
    assert service.client.get(f"/r/undo/{undo}?lang=en").status_code == 200
    service.clock.advance(STEP)
    receive_at(service.installation, service.clock)
    send_address_undo(service.intake, view, undo)
    service.decide()
    assert stored(service) == [(NEW, "confirmed", 2)]
    rows(service.url, "DELETE FROM submission WHERE kind = 'undo-address'")
    assert is_gone(service.client.get(f"/r/undo/{undo}?lang=en"), service.client, "/r/undo")
    assert is_gone(service.undo(undo), service.client, "/r/undo")
    service.tend(service.clock() + timedelta(days=1, seconds=1))
    assert rows(service.url, "SELECT count(*) FROM former_address") == [(0,)]
    assert OLD not in everything_in(service.url)


def test_undo_that_came_in_time_waits_for_a_decider(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    service.clock.advance(SEVEN_DAYS - STEP)
    receive_at(service.installation, service.clock)
    send_address_undo(service.intake, view, undo)
    service.clock.advance(timedelta(hours=23))
    service.tend(service.clock())
    service.decide()
    assert stored(service) == [(OLD, "confirmed", 3)]


def test_undo_restores_no_blocked_address(
    service: RegistrationService, token: str, coordinator: dict[str, Any]
) -> None:
    service.move(1, NEW)
    block = {"email": OLD, "reason": "asked for it by telephone"}
    assert service.client.post("/v1/blocked-addresses", json=block, headers=coordinator).status_code == 204
    service.undo(service.undo_token(OLD))
    assert stored(service) == [(NEW, "confirmed", 2)]


def test_undo_of_the_owner_works_after_a_thief_has_moved_a_second_time(
    service: RegistrationService, token: str
) -> None:
    """Each undo link restores the address that it was mailed to and ends all later ones."""
    service.move(1, NEW)
    service.ask_address(service.managing_token(NEW), OTHER)
    service.choose_address(OTHER)
    thiefs = service.undo_token(NEW)
    assert "The change has been undone" in service.undo(service.undo_token(OLD)).text
    assert stored(service) == [(OLD, "confirmed", 4)]
    assert is_gone(service.undo(thiefs), service.client, "/r/undo")
    assert stored(service) == [(OLD, "confirmed", 4)]


def test_undo_after_the_thief_has_cancelled_restores_the_address(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    service.own(service.managing_token(NEW), "cancel")
    assert "The change has been undone" in service.undo(service.undo_token(OLD)).text
    assert stored(service) == [(OLD, "cancelled", 4)]
    assert "cancelled" in service.client.get(f"/r/{service.managing_token(OLD)}?lang=en").text


@pytest.mark.parametrize("who", ["link", "coordinator"])
def test_erasing_the_registration_erases_the_former_address_too(
    service: RegistrationService, token: str, coordinator: dict[str, Any], who: str
) -> None:
    """And publishes it to notifications, which may still have the mail."""
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    [(former, registration)] = rows(service.url, "SELECT id::text, registration_id::text FROM former_address")
    service.ask_address(service.managing_token(NEW), OTHER)
    if who == "link":
        service.own(service.managing_token(NEW), "erase")
    else:
        path = f"/v1/registrations/{registration}/erasure"
        assert service.client.post(path, json={"reason": "asked"}, headers=coordinator).status_code == 200
    erased = service.messages("person.erased.v1")[-1]["data"]
    assert erased["former_addresses"] == [former]
    assert service.messages("registration.address-changed.v1") == [], "its content is erased"
    assert is_gone(service.undo(undo), service.client, "/r/undo")
    left = rows(service.url, "SELECT (SELECT count(*) FROM former_address), (SELECT count(*) FROM address_change)")
    assert left == [(0, 0)]
    assert NEW not in everything_in(service.url)


@pytest.fixture
def colleague(service: RegistrationService, token: str) -> str:
    """Id of a colleague's registration with the former address of one that has moved."""
    identity = service.enrol(answers(1, name="A Colleague"))
    service.ask_address(token, NEW)
    service.choose_address(NEW)
    return identity


def test_erasing_by_link_leaves_a_colleague_the_undo(service: RegistrationService, colleague: str) -> None:
    undo = service.undo_token(OLD)
    service.own(service.managing_token(OLD), "erase")
    assert "The change has been undone" in service.undo(undo).text
    assert rows(service.url, "SELECT email FROM registration WHERE erased_at IS NULL") == [(OLD,)]


def test_erasing_an_address_reaches_what_has_moved_away_from_it(
    service: RegistrationService, colleague: str, coordinator: dict[str, Any]
) -> None:
    """Someone has moved the registration of another person: erasing that person's address finds it."""
    path, order = f"/v1/registrations/{colleague}/erasure", {"reason": "asked", "scope": "address"}
    assert service.client.post(path, json=order, headers=coordinator).status_code == 200
    assert rows(service.url, "SELECT count(*) FROM registration WHERE erased_at IS NULL") == [(0,)]
    assert OLD not in everything_in(service.url)


def test_change_to_an_address_that_is_erased_waits_no_more(service: RegistrationService, token: str) -> None:
    service.enrol(answers(2))
    address = "participant-2@example.org"
    erased = service.own_token(2)
    service.ask_address(token, address)
    service.own(erased, "erase")
    assert rows(service.url, "SELECT count(*) FROM address_change") == [(0,)]


def test_change_that_no_one_confirms_goes_as_a_candidate_does(service: RegistrationService, token: str) -> None:
    service.ask_address(token, NEW)
    assert service.mailed()[-1] == NEW
    service.tend(service.clock() + timedelta(days=14) - timedelta(minutes=1))
    assert rows(service.url, "SELECT count(*) FROM address_change") == [(1,)]
    service.tend(service.clock() + timedelta(days=14, minutes=1))
    assert rows(service.url, "SELECT count(*) FROM address_change") == [(0,)]
    assert NEW not in everything_in(service.url)


def test_retention_takes_former_addresses_with_the_registration(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    rows(service.url, "DELETE FROM registration")
    assert rows(service.url, "SELECT count(*) FROM former_address") == [(0,)]


def test_my_data_holds_the_address_that_waits_and_those_before(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    fresh = service.managing_token(NEW)
    service.ask_address(fresh, OTHER)
    data = service.client.get(f"/r/{fresh}/my-data.json").get_json()
    assert data["new_address"]["address"] == OTHER
    assert [one["address"] for one in data["former_addresses"]] == [OLD]


def test_two_changes_at_once_leave_one(service: RegistrationService, token: str) -> None:
    """Two windows: both are asked for in one batch."""
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    for email in (NEW, OTHER):
        send_address_request(service.intake, view, token, email, None)
    service.decide()
    assert rows(service.url, "SELECT email FROM address_change") == [(OTHER,)]
    assert "use-address" in service.client.get(f"/c/{service.confirmation_token(OTHER)}").text


def test_confirmation_and_undo_in_one_batch_are_decided_in_their_order(
    service: RegistrationService, token: str
) -> None:
    """A thief moves on while the owner takes the first move back: what their link sends after that is too late."""
    service.move(1, NEW)
    thiefs = service.managing_token(NEW)
    service.ask_address(thiefs, OTHER)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    send_address_undo(service.intake, view, service.undo_token(OLD))
    waiting = service.client.get(f"/c/{service.confirmation_token(OTHER)}").text
    assert "use-address" in waiting
    service.intake.command(view, "cancel", {"revision": None}, link_hash(thiefs, OWN))
    page = service.choose_address(OTHER)
    assert ("No longer waiting" in page.text, stored(service)) == (True, [(OLD, "confirmed", 3)])


def test_only_the_hash_of_the_undo_token_is_stored(service: RegistrationService, token: str) -> None:
    service.move(1, NEW)
    undo = service.undo_token(OLD)
    assert rows(service.url, "SELECT token_hash FROM former_address") == [(link_hash(undo, UNDO_ADDRESS),)]
    assert undo not in everything_in(service.url)
    for path in (f"/r/{undo}", f"/c/{undo}", f"/r/{undo}/address", f"/r/{undo}/my-data.json"):
        assert service.client.get(path).status_code == 404
    assert service.client.get(f"/r/undo/{service.managing_token(NEW)}").status_code == 404
