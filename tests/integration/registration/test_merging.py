"""Two registrations of one person on a form become one: with a seat if either had one, and with one mail."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.registration.people.console import PATH
from tests.support.clients import address_of, answers, rows
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]


@pytest.fixture
def pair(service: RegistrationService) -> tuple[str, str]:
    """The same person with a seat, and on the waiting list with another address; someone waits behind."""
    service.capacity(1)
    first = service.enrol(answers(1, access_needs="A ramp"))
    second = service.enrol(answers(2, name="Participant One", country="FR", questions="Another question"))
    service.enrol(answers(3))
    return first, second


def merge(service: RegistrationService, headers: Headers, kept: str, other: str, **content: Any) -> TestResponse:
    """By the API, while a decider runs; revisions are the first ones unless ``seen`` gives others."""
    seen = content.pop("seen", (1, 1))
    sent = {"other": other, "other_revision": seen[1], **content}
    with service.deciding():
        return service.client.post(
            f"/v1/registrations/{kept}/merge", json=sent, headers={**headers, "If-Match": f'"{seen[0]}"'}
        )


def stored(service: RegistrationService) -> list[tuple[Any, ...]]:
    return rows(service.url, "SELECT name, email, country, status FROM registration ORDER BY id")


def test_chosen_answers_and_the_seat_stay(
    service: RegistrationService, coordinator: Headers, pair: tuple[str, str]
) -> None:
    first, second = pair
    for one, tag in ((first, "speaker"), (second, "press")):
        service.client.post("/v1/registrations/tags", json={"ids": [one], "add": [tag]}, headers=coordinator)
    service.client.post(f"/v1/registrations/{second}/notes", json={"words": "Called."}, headers=coordinator)
    shown = merge(service, coordinator, first, second, dry_run=True).get_json()
    assert sorted(shown["differed"]) == ["country", "email", "name", "organisation", "questions"]
    before = {one["id"] for one in service.messages()}
    assert merge(service, coordinator, second, first).get_json()["code"] == "seat-lost"
    same = merge(service, coordinator, first, second, take=["language"]).get_json()
    assert (same["code"], same["detail"]) == ("unknown-parameter", "take: language: it does not differ")
    done = merge(service, coordinator, first, second, take=["name", "email", "country"])
    assert (done.status_code, done.get_json()["registration"]["tags"]) == (200, ["press", "speaker"])
    assert stored(service)[:2] == [
        ("Participant One", address_of(2), "FR", "confirmed"),
        ("Participant One", address_of(2), "FR", "cancelled"),
    ]
    assert service.seats() == (1, 1)
    published = [
        (one["type"].split(".", 3)[3], not one["data"].get("mailed", True))
        for one in service.messages()
        if one["id"] not in before
    ]
    verbs = [("address-changed.v1", False), ("cancelled.v1", True), ("changed.v1", False), ("tagged.v1", False)]
    assert sorted(published) == verbs
    notes = service.client.get(f"/v1/registrations/{first}/notes", headers=coordinator).get_json()["items"]
    assert [note["words"] for note in notes] == ["Called."]
    assert rows(service.url, "SELECT sealed IS NOT NULL FROM registration WHERE id = %s", first) == [(True,)]
    again = merge(service, coordinator, first, second, seen=(2, 2))
    assert again.get_json()["code"] == "no-place"


def test_page_finds_the_other_and_refuses_a_concurrent_change(
    service: RegistrationService, coordinator: Headers, pair: tuple[str, str]
) -> None:
    first, second = pair
    found = service.client.get(f"{PATH}/{first}/merge?q=participant-2", headers=coordinator).text
    assert f"merge?other={second}" in found
    page = service.client.get(f"{PATH}/{second}/merge?other={first}", headers=coordinator).text
    assert ("Participant One" in page, f'name="other" value="{second}"' in page) == (True, True)
    sent = {"other": second, "kept-seen": "1", "other-seen": "2", "take.name": "other"}
    with service.deciding():
        stale = service.client.post(f"{PATH}/{first}/merge", data=sent, headers=coordinator)
    assert (stale.status_code, stored(service)[1][3]) == (412, "waitlisted")
    before, kept_as_it_is = len(service.messages()), {**sent, "other-seen": "1", "take.name": "kept"}
    with service.deciding():
        done = service.client.post(
            f"{PATH}/{first}/merge", data=kept_as_it_is, headers=coordinator, follow_redirects=True
        )
    assert "The two registrations are merged." in done.text
    assert stored(service)[:2] == [
        ("Participant 1", address_of(1), "CH", "confirmed"),
        ("Participant One", address_of(2), "FR", "cancelled"),
    ]
    published = [(one["type"].split(".", 3)[3], one["data"].get("mailed", True)) for one in service.messages()[before:]]
    assert sorted(published) == [("cancelled.v1", False), ("link-requested.v1", True)], "its person gets a link"


def test_offered_seat_stays_and_then_the_place_first_in_line(
    service: RegistrationService, coordinator: Headers, pair: tuple[str, str]
) -> None:
    _, second = pair
    third = service.enrol(answers(4, name="Participant One"))
    rows(service.url, "UPDATE form SET promotion_mode = 'by-hand'")

    def kept(seen: int) -> str:
        """Which of both stays by the preview."""
        shown = merge(service, coordinator, second, third, seen=(1, seen), dry_run=True).get_json()
        return str(shown["registration"]["id"])

    assert kept(1) == second
    rows(service.url, "UPDATE registration SET received_at = received_at - interval '1 hour' WHERE id = %s", third)
    assert kept(1) == third
    rows(service.url, "UPDATE registration SET received_at = received_at + interval '2 hours' WHERE id = %s", third)
    service.cancel(1)
    path, wanted = f"/v1/registrations/{third}/offer", {"reason": "agreed"}
    assert service.client.put(path, json=wanted, headers={**coordinator, "If-Match": '"1"'}).status_code == 200
    assert kept(2) == third
    refused = merge(service, coordinator, second, third, seen=(1, 2))
    assert (refused.status_code, refused.get_json()["code"]) == (409, "seat-lost")
    assert merge(service, coordinator, third, second, seen=(2, 1)).status_code == 200
    found = "SELECT offered, waiting, (SELECT offer_expires_at IS NOT NULL FROM registration WHERE id = %s) FROM seat"
    assert rows(service.url, found, third) == [(1, 2, True)]
