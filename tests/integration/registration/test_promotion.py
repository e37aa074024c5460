"""Seats change hands: cancelling, promotion, changes of capacity, and the links for it."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService


def change(client: FlaskClient, headers: dict[str, Any], revision: int, **what: Any) -> Any:
    """PATCH the form."""
    return client.patch(f"/v1/forms/{WEBINAR}", json=what, headers={**headers, "If-Match": f'"{revision}"'})


def test_cancelling_promotes_the_next(service: RegistrationService, installation: TestInstallation) -> None:
    """The seat goes to the person who waited longest, at once, and both are notified."""
    service.capacity(1)
    service.register(1, 2, 3)
    answer = service.cancel(1)
    assert answer.status_code == 303
    assert service.states() == {1: ("cancelled", None), 2: ("confirmed", 1), 3: ("waitlisted", 2)}
    assert service.facts()[3:] == [("cancelled", "cancelled"), ("promoted", "confirmed")]
    history = "SELECT status, capacity_then, reason FROM registration_change WHERE revision = 2 ORDER BY status"
    assert rows(installation.urls["registration"], history) == [
        ("cancelled", None, "cancelled by link"),
        ("confirmed", 1, "a seat was given back"),
    ]


def test_cancelling_twice_changes_nothing(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation
) -> None:
    """The second press of the button finds it done."""
    service.register(1)
    token = service.own_token(1)
    for _ in range(2):
        assert service.own(token, "cancel").status_code == 303
    assert service.facts() == [("confirmed", "confirmed"), ("cancelled", "cancelled")]
    assert rows(installation.urls["registration"], "SELECT confirmed FROM seat") == [(0,)]


def test_after_the_start_no_one_gives_a_place_back(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation
) -> None:
    """Who came stays counted; the page offers no button."""
    service.register(1)
    token = service.own_token(1)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = now() - interval '1 minute'")
    assert service.own(token, "cancel").status_code == 303
    assert (service.states(), len(service.facts())) == ({1: ("confirmed", None)}, 1)
    assert 'value="cancel"' not in client.get(f"/r/{token}").text


def test_waiting_person_cancels(service: RegistrationService) -> None:
    """No one is promoted, the others keep their numbers."""
    service.capacity(1)
    service.register(1, 2, 3)
    service.cancel(2)
    assert service.states() == {1: ("confirmed", None), 2: ("cancelled", 1), 3: ("waitlisted", 2)}


def test_return_after_cancelling_queues_last(service: RegistrationService, installation: TestInstallation) -> None:
    """A new registration with a new id, behind those who wait."""
    service.capacity(1)
    service.register(1, 2)
    service.cancel(2)
    service.register(3, 2)
    waiting = "SELECT email, position FROM registration WHERE status = 'waitlisted' ORDER BY position"
    assert rows(installation.urls["registration"], waiting) == [
        ("participant-3@example.org", 2),
        ("participant-2@example.org", 3),
    ]


def test_reading_the_link_changes_nothing(service: RegistrationService, client: FlaskClient) -> None:
    """Mail scanners follow links: only the button cancels."""
    service.register(1)
    token = service.own_token(1)
    for path in (f"/r/{token}", f"/r/{token}?ask=cancel", f"/r/{token}?action=cancel"):
        page = client.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert client.head(f"/r/{token}").status_code == 200
    assert service.states() == {1: ("confirmed", None)}


def test_unknown_link_reveals_nothing(client: FlaskClient) -> None:
    """The same page for any invalid link, for reading and for acting."""
    pages = [client.get("/r/unknown"), client.get("/r/" + "x" * 43), client.post("/r/no", data={"action": "cancel"})]
    assert [page.status_code for page in pages] == [404] * 3
    assert len({len(page.get_data()) for page in pages}) == 1


def test_lowered_capacity_takes_no_seat(
    service: RegistrationService, client: FlaskClient, coordinator: dict[str, Any]
) -> None:
    """Who is confirmed stays; no one is confirmed until the count is below the capacity again."""
    service.capacity(3)
    service.register(1, 2, 3)
    assert change(client, coordinator, 1, capacity=1).status_code == 200
    service.register(4)
    service.cancel(1)
    service.cancel(2)
    assert service.states()[4] == ("waitlisted", 1)
    service.cancel(3)
    assert service.states()[4] == ("confirmed", 1)


def test_no_promotion_just_before_the_start(service: RegistrationService, installation: TestInstallation) -> None:
    """Less than the notice time before the start no one is invited to come any more."""
    service.capacity(1)
    service.register(1, 2)
    soon = datetime.now(UTC) + timedelta(minutes=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", soon)
    service.cancel(1)
    assert service.states()[2] == ("waitlisted", 1)


def test_change_needs_the_state_seen(client: FlaskClient, coordinator: dict[str, Any]) -> None:
    """428 without ``If-Match``, 412 with an old one, 401 and 403 for others."""
    bare = client.patch(f"/v1/forms/{WEBINAR}", json={"capacity": 5}, headers=coordinator)
    assert (bare.status_code, bare.get_json()["code"]) == (428, "if-match-required")
    assert change(client, coordinator, 7, capacity=5).status_code == 412
    assert change(client, {}, 1, capacity=5).status_code == 401
    assert change(client, {"Authorization": "Bearer wrong"}, 1, capacity=5).status_code == 401


def test_list_pages_neither_skip_nor_repeat(
    service: RegistrationService, client: FlaskClient, coordinator: dict[str, Any]
) -> None:
    """People arrive while a coordinator turns pages."""
    for number in range(5):
        service.register(number)
    first = client.get("/v1/registrations?limit=2", headers=coordinator).get_json()
    service.register(5)
    seen, cursor = [row["email"] for row in first["items"]], first["next"]
    while cursor:
        page = client.get(f"/v1/registrations?limit=2&cursor={cursor}", headers=coordinator).get_json()
        seen += [row["email"] for row in page["items"]]
        cursor = page["next"]
    assert seen == [f"participant-{number}@example.org" for number in range(6)]
    assert client.get("/v1/registrations?form=upr-review", headers=coordinator).status_code == 422
    assert client.get("/v1/registrations").status_code == 401


def test_number_in_line_follows_the_receipt_wherever_it_is_shown(
    service: RegistrationService, client: FlaskClient, coordinator: dict[str, Any]
) -> None:
    """The first to submit confirms last: own page, API, file, console and the message for the mail agree."""
    service.capacity(0)
    numbers = {1: 1, 2: 2, 3: 3}
    for number in numbers:
        assert service.submit(answers(number)).status_code == 202
    service.decide()
    for number in (3, 2, 1):
        assert service.confirm(f"participant-{number}@example.org") == ["waitlisted"]
    places_shown = {
        box["address"]: message["data"]["position"]
        for message, box in zip(service.messages("registration."), service.boxes("registration."), strict=True)
    }
    assert places_shown == {
        f"participant-{number}@example.org": 1 for number in numbers
    }  # each came before those who were there
    assert shown(service, coordinator) == numbers
    service.cancel(1)
    assert shown(service, coordinator) == {2: 1, 3: 2}


def shown(service: RegistrationService, coordinator: dict[str, Any]) -> dict[int, int]:
    """The place of each participant who waits, which five queries show alike."""
    client, places = service.client, {}
    people = client.get("/v1/registrations?status=waitlisted", headers=coordinator).get_json()["items"]
    listed = client.get("/v1/registrations", headers={**coordinator, "Accept": "text/csv"}).text
    file = {row[6]: row[4] for row in csv.reader(listed.splitlines())}
    for one in people:
        number, place = int(one["name"].split()[1]), one["position"]
        token = service.own_token(number)
        assert client.get(f"/r/{token}/my-data.json").get_json()["registration"]["place_in_line"] == place
        assert f"in position {place}." in client.get(f"/r/{token}?lang=en").text
        page = client.get(f"/console/registrations/{one['id']}", headers=coordinator).text
        assert (f"No. {place} on the waiting list" in page, file[one["email"]]) == (True, str(place))
        places[number] = place
    return places


PROMISED, DECIDED, TAKEN = (
    "as soon as a seat is free for you",
    "The organisers decide who gets a seat",
    "All seats are taken. If you",
)


@pytest.mark.parametrize(
    ("mode", "after"), [("in-order", "confirmed"), ("offers", "offered"), ("by-hand", "waitlisted")]
)
def test_texts_promise_a_seat_by_order_only_where_one_is_given_by_order(
    service: RegistrationService, mode: str, after: str
) -> None:
    """The page of the form, what follows confirming and sending, the own page, the message, and what then happens."""
    service.capacity(1)
    rows(service.url, "UPDATE form SET promotion_mode = %s", mode)
    service.register(1)
    service.submit(answers(2))
    service.decide()
    confirmed = service.confirm_by_page(service.confirmation_token("participant-2@example.org")).text
    own, form = (service.client.get(path).text for path in (f"/r/{service.own_token(2)}", f"/embed/{WEBINAR}"))
    rows(service.url, "UPDATE form SET verification = 'none'")
    proof = worked(service.client.get(f"/v1/challenge?form={WEBINAR}").get_json())
    receipt = service.submit(answers(3, altcha=proof)).get_json()["receipt"]
    service.decide()
    at_once, script = (service.client.get(path).text for path in (f"/receipts/{receipt}", f"/embed/{WEBINAR}"))
    by_hand = mode == "by-hand"
    shown = [(PROMISED in text, DECIDED in text) for text in (confirmed, own, at_once, script)]
    assert shown == [(not by_hand, by_hand)] * 4
    assert (TAKEN in form, DECIDED in form) == (not by_hand, by_hand)
    modes = [(one["data"]["status"], one["data"]["promotion_mode"]) for one in service.messages("registration.")]
    assert modes == [("confirmed", None), ("waitlisted", mode), ("waitlisted", mode)]
    effect = service.client.get(f"/r/{service.own_token(1)}?ask=cancel&lang=en").text
    assert "If people are waiting, one of them can get it" in effect
    service.cancel(1)
    offered = "SELECT CASE WHEN offer_expires_at IS NULL THEN status ELSE 'offered' END FROM registration"
    assert rows(service.url, f"{offered} WHERE email = %s", "participant-2@example.org") == [(after,)]
