"""Changing answers on the own page: until when, from which revision, and what can be given only there."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.registration.intake.model import Result
from shared.runtime.ids import new_token
from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import answers, rows
from tests.support.registration_service import RegistrationService

ADDRESS = "participant-1@example.org"
CANARY = "canary7f3a"
DETAILS: dict[str, Any] = {
    "arrives_on": "2031-07-09",
    "leaves_on": "2031-07-13",
    "nationality": "CH",
    "visa_letter": True,
    "passport_number": f"P{CANARY}",
    "passport_expires_on": "2039-11-21",
    "hotel": "block",
    "hotel_nights": 4,
}
CHANGED: dict[str, Any] = {
    "name": "Participant One",
    "organisation": "Another organisation",
    "language": "fr",
    "country": "FR",
}
KEPT: dict[str, Any] = {"time_zone": "Europe/Zurich", "questions": "What is the next step?"}


@pytest.fixture
def token(service: RegistrationService) -> str:
    """Of the managing link of someone who is registered for a webinar."""
    service.enrol(answers(1, access_needs=f"step-free {CANARY}"))
    return service.own_token(1)


@pytest.fixture
def traveller(service: RegistrationService) -> str:
    """Of the managing link of someone on the delegation, who has given no details yet."""
    content = {name: value for name, value in answers(2).items() if name != "questions"}
    service.enrol(content | {"diet": f"vegetarian {CANARY}"}, "geneva-delegation")
    return service.own_token(2)


def registration(service: RegistrationService) -> dict[str, Any]:
    """What is stored of the only registration."""
    asked = """
        SELECT r.revision, r.name, o.name, r.language, r.country, r.time_zone, r.answers, r.email
        FROM registration r LEFT JOIN organisation o ON o.id = r.organisation_id
    """
    names = ("revision", "name", "organisation", "language", "country", "time_zone", "answers", "email")
    [row] = rows(service.url, asked)
    return dict(zip(names, row, strict=True))


def history(service: RegistrationService) -> list[tuple[int, str, list[str]]]:
    """(revision, reason, names of changed answers) of the only registration."""
    return rows(service.url, "SELECT revision, reason, fields FROM registration_change ORDER BY revision")


def values(page: TestResponse) -> dict[str, str]:
    """What the text fields of a page hold."""
    found = re.findall(r'<input type="text"[^>]* name="(\w+)"[^>]* value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}


def opened(service: RegistrationService, reader: dict[str, str]) -> dict[str, Any]:
    """The sealed answers of the only registration, as a reader gets them."""
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    given = service.client.post(
        f"/v1/registrations/{identity}/sealed", json={"reason": "A test reads it"}, headers=reader
    )
    assert given.status_code == 200, given.text
    return dict(given.get_json()["answers"])


def test_answers_are_changed_and_the_change_is_published(service: RegistrationService, token: str) -> None:
    answer = service.change(token, "answers", **CHANGED, **KEPT)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/r/{token}?lang=en&sent=1")
    assert registration(service) == {
        **CHANGED,
        "revision": 2,
        "time_zone": "Europe/Zurich",
        "answers": {"questions": KEPT["questions"]},
        "email": ADDRESS,
    }
    assert history(service) == [
        (1, "registered", []),
        (2, "changed by its owner", ["country", "language", "name", "organisation"]),
    ]
    assert service.facts() == [("confirmed", "confirmed"), ("changed", "confirmed")]
    [message] = service.messages("registration.changed")
    assert (message["data"]["language"], message["data"]["country"], message["data"]["revision"]) == ("fr", "FR", 2)
    [box] = service.boxes("registration.changed")
    assert (box["name"], box["address"]) == ("Participant One", ADDRESS)
    page = service.client.get(answer.headers["Location"])
    assert "Your changes are saved" in page.text
    assert "Another organisation" in page.text


def test_page_shows_the_answers_and_changes_nothing(service: RegistrationService, token: str) -> None:
    page = service.client.get(f"/r/{token}/answers")
    assert page.status_code == 200
    assert values(page)["name"] == "Participant 1"
    assert "What is the next step?" in page.text
    assert CANARY not in page.text
    assert 'name="email"' not in page.text
    assert (registration(service)["revision"], len(history(service))) == (1, 1)


def test_nothing_different_changes_nothing_and_sends_no_mail(service: RegistrationService, token: str) -> None:
    same = {name: value for name, value in answers(1).items() if name not in ("email", "consent")}
    answer = service.change(token, "answers", **same)
    assert answer.status_code == 303
    assert "Your answers are the same as before" in service.client.get(answer.headers["Location"]).text
    assert (registration(service)["revision"], service.facts()) == (1, [("confirmed", "confirmed")])


def test_faults_and_another_language_lose_nothing(service: RegistrationService, token: str) -> None:
    typed = {**CHANGED, "name": "", "organisation": "Typed with care"}
    faulty = service.change(token, "answers", **typed)
    assert (faulty.status_code, values(faulty)["organisation"]) == (422, "Typed with care")
    turned = service.change(token, "answers", **{**CHANGED, "organisation": "Typed with care"}, show_in="ar")
    assert (turned.status_code, values(turned)["organisation"]) == (200, "Typed with care")
    assert 'dir="rtl"' in turned.text
    assert registration(service)["revision"] == 1


def test_unknown_answer_is_refused(service: RegistrationService, token: str) -> None:
    assert service.change(token, "answers", **CHANGED, email="other@example.org").status_code == 422
    assert service.change(token, "answers", **CHANGED, passport_number="P123").status_code == 422
    assert registration(service)["email"] == ADDRESS


def test_conflict_shows_both_versions_and_the_second_try_is_saved(service: RegistrationService, token: str) -> None:
    assert service.change(token, "answers", **{**CHANGED, "organisation": "First"}, **KEPT).status_code == 303
    conflict = service.change(token, "answers", revision=1, lang="en", **{**CHANGED, "organisation": "Second"}, **KEPT)
    assert conflict.status_code == 409
    assert "Your registration was changed in the meantime" in conflict.text
    assert re.search(r"Now registered: <bdi>First</bdi>", conflict.text)
    assert re.search(r"In the form below: <bdi>Second</bdi>", conflict.text)
    assert values(conflict)["organisation"] == "Second"
    assert registration(service)["organisation"] == "First"
    assert (
        service.change(token, "answers", revision=2, **{**CHANGED, "organisation": "Second"}, **KEPT).status_code == 303
    )
    assert registration(service)["organisation"] == "Second"


def test_same_change_sent_twice_is_no_conflict(service: RegistrationService, token: str) -> None:
    service.change(token, "answers", **CHANGED, **KEPT)
    again = service.change(token, "answers", revision=1, **CHANGED, **KEPT)
    assert (again.status_code, registration(service)["revision"]) == (303, 2)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Participant One", "Your changes are saved"), ("A colleague", "someone with this name is already registered")],
)
def test_outcome_of_a_change_that_is_decided_late_is_shown_by_the_own_page(
    service: RegistrationService, token: str, monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    """The page has loaded itself again until the outcome was known; later visits show nothing of it."""
    service.enrol(answers(1, name="A colleague"))
    monkeypatch.setattr("services.registration.own.commands.PAUSES_S", (1.0,))
    changed = {**CHANGED, **KEPT, "name": name, "revision": "1", "lang": "en"}
    answer = service.client.post(f"/r/{token}/answers", data=changed)
    waiting = service.client.get(answer.headers["Location"]).text
    assert (answer.status_code, "Being processed" in waiting, shown in waiting) == (303, True, False)
    service.decide()
    page = service.client.get(f"/r/{token}?lang=en&again=1").text
    assert ("Being processed" in page, shown in page) == (False, True)
    assert shown not in service.client.get(f"/r/{token}?lang=en").text


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Result.OPTION_FULL, "an option that you chose has just become full"),
        (Result.CLOSED, "It is too late to change answers"),
        (Result.NAME_TAKEN, "someone with this name is already registered"),
    ],
)
def test_every_refusal_of_a_late_change_is_explained(
    service: RegistrationService, token: str, result: Result, shown: str
) -> None:
    service.change(token, "answers", **CHANGED, **KEPT)
    rows(
        service.url,
        "UPDATE submission SET outcome = jsonb_set(outcome, '{0,result}', to_jsonb(%s::text)) WHERE kind = 'change'",
        result.value,
    )
    assert shown in service.client.get(f"/r/{token}?lang=en&again=1").text


def test_colleague_with_the_same_name_is_not_overwritten(service: RegistrationService, token: str) -> None:
    service.enrol(answers(1, name="A colleague"))
    refused = service.change(token, "answers", **{**CHANGED, "name": "A colleague"}, **KEPT)
    assert (refused.status_code, "someone with this name is already registered" in refused.text) == (409, True)
    assert [row[0] for row in rows(service.url, "SELECT name FROM registration ORDER BY name")] == [
        "A colleague",
        "Participant 1",
    ]


def test_change_ends_when_the_form_closes_or_a_coordinator_ends_it(service: RegistrationService, token: str) -> None:
    closing = datetime.now(UTC) + timedelta(seconds=3600)
    rows(service.url, "UPDATE form SET changes_until = %s WHERE slug = 'upr-webinar-10'", closing)
    assert "You can change your answers until" in service.client.get(f"/r/{token}").text
    rows(service.url, "UPDATE form SET changes_until = %s WHERE slug = 'upr-webinar-10'", closing - timedelta(days=1))
    assert "/answers" not in service.client.get(f"/r/{token}").text
    page, late = service.client.get(f"/r/{token}/answers"), service.client.post(f"/r/{token}/answers", data=CHANGED)
    assert (page.status_code, late.status_code) == (200, 409)
    assert "It is too late to change answers" in page.text
    assert registration(service)["revision"] == 1


def test_sealed_answers_stay_are_replaced_or_forgotten(
    service: RegistrationService, token: str, coordinator: dict[str, str]
) -> None:
    assert opened(service, coordinator) == {"access_needs": f"step-free {CANARY}"}
    service.change(token, "answers", **CHANGED, **KEPT)
    assert opened(service, coordinator) == {"access_needs": f"step-free {CANARY}"}
    service.change(token, "answers", **CHANGED, **KEPT, access_needs="a quiet room")
    assert opened(service, coordinator) == {"access_needs": "a quiet room"}
    service.change(token, "answers", **CHANGED, **KEPT, forget="yes")
    assert opened(service, coordinator) == {}


def test_details_are_given_on_the_own_page_alone(
    service: RegistrationService, traveller: str, coordinator: dict[str, str]
) -> None:
    """The form does not ask for them, and takes none: no one without the link can supply them."""
    content = {name: value for name, value in answers(3).items() if name != "questions"}
    refused = service.submit(content | DETAILS, "geneva-delegation")
    assert (refused.status_code, {error["code"] for error in refused.get_json()["errors"]}) == (422, {"unknown-field"})
    assert 'name="passport_number"' not in service.client.get("/embed/geneva-delegation").text
    assert "Give the details" in service.client.get(f"/r/{traveller}").text
    answer = service.change(traveller, "details", **DETAILS)
    assert answer.status_code == 303
    assert opened(service, coordinator) == {**DETAILS, "diet": f"vegetarian {CANARY}"}
    page = service.client.get(answer.headers["Location"]).text
    assert ("You gave these details on" in page, CANARY in page) == (True, False)
    form = service.client.get(f"/r/{traveller}/details").text
    assert ("You gave confidential answers on" in form, CANARY in form) == (True, False)


def test_one_detail_is_changed_and_the_others_stay(
    service: RegistrationService, traveller: str, coordinator: dict[str, str]
) -> None:
    service.change(traveller, "details", **DETAILS)
    assert service.change(traveller, "details", leaves_on="2031-07-20").status_code == 303
    assert opened(service, coordinator) == {**DETAILS, "leaves_on": "2031-07-20", "diet": f"vegetarian {CANARY}"}
    assert service.change(traveller, "details", hotel="own", forget="yes").status_code == 303
    assert opened(service, coordinator) == {"hotel": "own", "diet": f"vegetarian {CANARY}"}


@pytest.mark.parametrize("cancelled", [False, True])
def test_undo_of_a_changed_address_erases_what_the_new_owner_entered(
    service: RegistrationService, traveller: str, coordinator: dict[str, str], *, cancelled: bool
) -> None:
    """Clear and sealed answers, details, and the address; also after the new owner has cancelled."""
    before, new = registration(service), "new-owner@example.net"
    service.move(2, new)
    service.clock.advance(timedelta(hours=1))
    service.change(service.managing_token(new), "answers", name="C. D.", organisation="Theirs", language="fr")
    service.change(service.managing_token(new), "details", **DETAILS)
    theirs = registration(service)
    assert (theirs["name"], "passport_number" in opened(service, coordinator)) == ("C. D.", True)
    if cancelled:
        service.own(service.managing_token(new), "cancel")
    assert "The change has been undone" in service.undo(service.undo_token(before["email"])).text
    assert registration(service) == before | {"revision": theirs["revision"] + 1 + cancelled}
    mine = service.managing_token(before["email"])
    exported = service.client.get(f"/r/{mine}/my-data.json").text
    leaked = [one for one in (new, "C. D.", "Theirs", "passport_number") if one in exported]
    assert (leaked, before["email"] in exported) == ([], True)
    assert history(service)[-1][1] == "address change undone"
    if not cancelled:
        assert opened(service, coordinator) == {"diet": f"vegetarian {CANARY}"}
        assert "Give the details" in service.client.get(f"/r/{mine}?lang=en").text


def test_details_can_be_given_after_the_form_has_closed(service: RegistrationService, traveller: str) -> None:
    rows(
        service.url, "UPDATE form SET closes_at = %s WHERE slug = 'geneva-delegation'", datetime(2020, 1, 1, tzinfo=UTC)
    )
    page = service.client.get(f"/r/{traveller}").text
    assert (f"/r/{traveller}/answers" in page, f"/r/{traveller}/details" in page) == (False, True)
    assert service.change(traveller, "details", **DETAILS).status_code == 303


def test_other_tokens_open_no_step(service: RegistrationService, token: str) -> None:
    confirming = service.confirmation_token(ADDRESS)
    for other in (confirming, new_token(), token[:-1]):
        for step in ("answers", "details"):
            assert service.client.get(f"/r/{other}/{step}").status_code == 404
            assert service.client.post(f"/r/{other}/{step}", data=CHANGED).status_code == 404


def test_cancelled_registration_is_not_changed(service: RegistrationService, token: str) -> None:
    assert service.cancel(1).status_code == 303
    again = service.client.post(f"/r/{service.own_token(1)}/answers", data={**CHANGED, "revision": "2"})
    assert (again.status_code, registration(service)["name"]) == (303, "Participant 1")


def reminded(service: RegistrationService) -> list[str]:
    """Addresses of the reminders so far, in order."""
    return [box["address"] for box in service.boxes("registration.details-requested")]


def test_missing_details_are_asked_for_an_hour_later_and_before_it_is_too_late(
    service: RegistrationService, traveller: str
) -> None:
    """Three times at most, and never again once they are given."""
    [(starts_at,)] = rows(service.url, "SELECT starts_at FROM event_copy WHERE id = 'upr-review'")
    began = service.clock()
    seen = []
    for at in (
        began + timedelta(minutes=59),
        began + timedelta(hours=1),
        began + timedelta(days=3),
        starts_at - timedelta(days=14),
        starts_at - timedelta(days=13),
        starts_at - timedelta(days=3),
        starts_at - timedelta(hours=1),
    ):
        service.tend(at)
        seen.append(len(reminded(service)))
    assert seen == [0, 1, 1, 2, 2, 3, 3]
    assert reminded(service) == ["participant-2@example.org"] * 3


def test_no_one_is_reminded_of_details_that_are_given_or_of_an_event_that_is_postponed(
    service: RegistrationService, traveller: str
) -> None:
    later = service.clock() + timedelta(hours=2)
    rows(service.url, "UPDATE event_copy SET status = 'postponed', starts_at = NULL WHERE id = 'upr-review'")
    service.tend(later)
    assert reminded(service) == []
    rows(service.url, "UPDATE event_copy SET status = 'confirmed', starts_at = %s", later + timedelta(days=40))
    assert service.change(traveller, "details", **DETAILS).status_code == 303
    service.tend(later + timedelta(days=39))
    assert reminded(service) == []


def test_no_one_is_reminded_at_an_address_that_is_not_verified(service: RegistrationService, traveller: str) -> None:
    rows(service.url, "UPDATE registration SET verified_at = NULL")
    service.tend(service.clock() + timedelta(hours=2))
    assert reminded(service) == []


def test_coordinators_see_whose_details_are_missing(
    service: RegistrationService, traveller: str, coordinator: dict[str, str]
) -> None:
    service.enrol(answers(1))  # a webinar asks for nothing later

    def listed(details: str) -> list[str]:
        answer = service.client.get(f"/v1/registrations?details={details}", headers=coordinator)
        return [one["email"] for one in answer.get_json()["items"]]

    page = service.client.get("/console/registrations?details=missing", headers=coordinator).text
    assert ("participant-2@example.org" in page, ADDRESS in page) == (True, False)
    assert (listed("missing"), listed("given")) == (["participant-2@example.org"], [])
    service.change(traveller, "details", **DETAILS)
    assert (listed("missing"), listed("given")) == ([], ["participant-2@example.org"])
