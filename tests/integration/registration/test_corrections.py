"""Coordinators correct and enter people, merge two registrations, and mail links again."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.registration.people.console import PATH
from tests.support.clients import WEBINAR, address_of, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
OLD, NEW = address_of(1), "corrected@example.net"
ENTRY = f"/v1/forms/{WEBINAR}/registrations"


def stored(service: RegistrationService) -> list[tuple[Any, ...]]:
    """Name, address, status, revision and whether the address is verified, in order of arrival."""
    return rows(
        service.url, "SELECT name, email, status, revision, verified_at IS NOT NULL FROM registration ORDER BY id"
    )


def history(service: RegistrationService, registration: str) -> list[tuple[Any, ...]]:
    return rows(
        service.url,
        "SELECT reason, fields, changed_by FROM registration_change WHERE registration_id = %s ORDER BY revision",
        registration,
    )


def kinds(service: RegistrationService) -> list[str]:
    """Of messages about registrations, in order."""
    return [one["type"].removeprefix("org.troika.registration.") for one in service.messages("registration.")]


def correct(
    service: RegistrationService, headers: Headers, registration: str, revision: int, **content: Any
) -> TestResponse:
    """By the interface, while a decider runs."""
    path, sent = f"/v1/registrations/{registration}/correction", {"reason": "mistyped", **content}
    with service.deciding():
        return service.client.post(path, json=sent, headers={**headers, "If-Match": f'"{revision}"'})


def enter(service: RegistrationService, headers: Headers, number: int, **content: Any) -> TestResponse:
    """By the interface, while a decider runs."""
    others = content.pop("answers", {})
    sent = {"reason": "on-paper", "answers": answers(number, **others), **content}
    with service.deciding():
        return service.client.post(ENTRY, json=sent, headers=headers)


def test_answers_are_corrected_and_the_person_is_notified(service: RegistrationService, coordinator: Headers) -> None:
    """Only what is named changes; the history has names of fields and the reason, and no values."""
    one = service.enrol(answers(1))
    shown = correct(service, coordinator, one, 1, answers={"name": "Corrected Name"}, dry_run=True).get_json()
    assert shown["differences"] == [{"label": "Your name", "before": "Participant 1", "after": "Corrected Name"}]
    assert stored(service) == [("Participant 1", OLD, "confirmed", 1, True)]
    content = {"name": "Corrected Name", "language": "fr", "time_zone": "Asia/Kabul", "questions": None}
    done = correct(service, coordinator, one, 1, answers=content)
    assert (done.status_code, done.headers["ETag"]) == (200, '"2"')
    assert stored(service) == [("Corrected Name", OLD, "confirmed", 2, True)]
    person = done.get_json()["registration"]
    assert (person["language"], person["country"], person["answers"]) == ("fr", "CH", {})
    reason = "changed by a coordinator: it was mistyped"
    by = history(service, one)[1][2]
    assert history(service, one)[1] == (reason, ["language", "name", "questions", "time_zone"], by)
    assert kinds(service)[-1] == "changed.v1"
    entry = service.client.get("/v1/service-audit/registration", headers=coordinator).get_json()["items"][0]
    assert (entry["action"], entry["detail"]["fields"]) == ("registration-changed", content_names(content))
    stale = correct(service, coordinator, one, 1, answers={"name": "Another"})
    assert stale.get_json()["code"] == "edit-conflict"


def content_names(content: dict[str, Any]) -> list[str]:
    return sorted(content)


def test_another_address_ends_all_links_and_counts_as_not_confirmed(
    service: RegistrationService, coordinator: Headers
) -> None:
    """A verified former address can undo it for seven days; the new one gets one mail for name and address."""
    one = service.enrol(answers(1))
    old_link = service.own_token(1)
    done = correct(service, coordinator, one, 1, email=NEW, answers={"name": "Corrected Name"})
    assert (done.status_code, done.get_json()["fields_changed"]) == (200, ["email", "name"])
    assert stored(service) == [("Corrected Name", NEW, "confirmed", 2, False)]
    assert service.client.get(f"/r/{old_link}").status_code == 404
    assert kinds(service)[1:] == ["changed.v1", "address-changed.v1"]
    assert "Corrected Name" in service.client.get(f"/r/{service.managing_token(NEW)}?lang=en").text
    assert history(service, one)[1][1] == ["name", "email"]
    service.undo(service.undo_token(OLD))
    assert stored(service) == [("Participant 1", OLD, "confirmed", 3, True)], "what was corrected with it is undone"


def test_address_that_no_one_has_verified_cannot_take_the_change_back(
    service: RegistrationService, coordinator: Headers
) -> None:
    """It was perhaps never theirs: a typing error of a coordinator."""
    made = enter(service, coordinator, 1).get_json()["registration"]
    correct(service, coordinator, made["id"], 1, email=NEW)
    [left] = service.messages("registration.address-changed.v1")
    [box] = service.boxes("registration.address-changed.v1")
    assert (left["data"]["undo_until"], box["token"], box["address"]) == (None, "", OLD)


def test_who_is_entered_gets_what_anyone_would_get(service: RegistrationService, coordinator: Headers) -> None:
    """A seat, the waiting list, or nothing: capacity, people of one address and choices count; hours do not."""
    service.capacity(1)
    rows(service.url, "UPDATE form SET open = false, people_per_address = 1")
    shown = enter(service, coordinator, 1, dry_run=True)
    assert (shown.status_code, shown.get_json()["effects"][0]) == (200, "They get a seat.")
    first, second = enter(service, coordinator, 1), enter(service, coordinator, 2)
    assert (first.status_code, first.get_json()["registration"]["verified"]) == (201, False)
    assert [one.get_json()["registration"]["status"] for one in (first, second)] == ["confirmed", "waitlisted"]
    assert kinds(service) == ["confirmed.v1", "waitlisted.v1"]
    assert (
        history(service, first.get_json()["registration"]["id"])[0][0]
        == "entered by a coordinator: from a form on paper"
    )
    refused = {
        "name-taken": enter(service, coordinator, 1),
        "address-full": enter(service, coordinator, 3, answers={"email": address_of(1)}),
        "invalid": enter(service, coordinator, 3, answers={"email": "nobody"}),
    }
    assert {code: one.get_json()["code"] for code, one in refused.items()} == {code: code for code in refused}
    block = {"email": address_of(4), "reason": "asked for it by telephone"}
    service.client.post("/v1/blocked-addresses", json=block, headers=coordinator)
    assert enter(service, coordinator, 4).get_json()["code"] == "address-blocked"
    rows(service.url, "UPDATE form SET waiting_list = false")
    assert enter(service, coordinator, 5).get_json()["code"] == "full"
    assert service.seats() == (1, 1)


def test_sealed_answers_stay_sealed_and_consent_names_who_entered_it(
    service: RegistrationService, coordinator: Headers
) -> None:
    made = enter(service, coordinator, 1, answers={"access_needs": "A canary of an answer"}).get_json()["registration"]
    [(sealed, consent)] = rows(service.url, "SELECT sealed, consent FROM registration")
    assert (b"canary" in bytes(sealed), consent["consent"]["entered_by_coordinator"]) == (False, True)
    read = f"/v1/registrations/{made['id']}/sealed"
    opened = service.client.post(read, json={"reason": "to order a ramp"}, headers=coordinator).get_json()
    assert opened["answers"] == {"access_needs": "A canary of an answer"}
    assert "Participant 1" in service.client.get(f"/r/{service.own_token(1)}?lang=en").text
    own = {name: one for name, one in answers(1, name="Own Name").items() if name not in ("email", "consent")}
    assert service.change(service.own_token(1), "answers", **own).status_code == 303
    assert stored(service)[0][4], "using a link that was mailed to the address verifies it"


def test_command_of_the_desk_can_be_sent_by_the_desk_alone(service: RegistrationService) -> None:
    """An attacker with the login of a public process cannot write who entered it."""
    for process in ("forms", "own"):
        with pytest.raises(Exception, match="permission denied"), service.work(process).transaction() as connection:
            connection.exec_driver_sql("INSERT INTO submission (kind, entered_by) VALUES ('desk-enter', 'somebody')")


def test_link_is_mailed_again_once_in_five_minutes(service: RegistrationService, coordinator: Headers) -> None:
    one = service.enrol(answers(1))
    path = f"/v1/registrations/{one}/link"
    given = [service.client.post(path, headers=coordinator).status_code for _ in range(2)]
    assert (given, kinds(service)[-1]) == ([202, 409], "link-requested.v1")
    page = service.client.post(f"{PATH}/{one}/link", headers=coordinator, follow_redirects=True)
    assert "Nothing was sent" in page.text


def hidden(page: str) -> dict[str, str]:
    """What the form of a preview sends again."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.partition('value="do"')[0]))


def test_pages_show_first_what_they_do(service: RegistrationService, client: FlaskClient, coordinator: Headers) -> None:
    """Correcting with both versions on a conflict, and entering."""
    one, page = service.enrol(answers(1)), f"{PATH}/forms/{WEBINAR}/enter"
    sent = {**answers(2), "consent": "true", "desk-reason": "invited"}
    shown = client.post(page, data=sent, headers=coordinator).text
    assert ("They get a seat." in shown, len(stored(service))) == (True, 1)
    with service.deciding():
        done = client.post(page, data={**hidden(shown), "desk-go": "do"}, headers=coordinator, follow_redirects=True)
    assert "The person is registered." in done.text
    again = client.post(page, data={**sent, "email": NEW}, headers=coordinator).text
    assert f"Participant 2</bdi>, {sent['email']}</a>" in again.partition("Already on this form")[2]
    path = f"{PATH}/{one}/correct"
    form = client.get(path, headers=coordinator).text
    assert 'name="desk-seen" value="1"' in form
    typed = {**answers(1, name="Typed Name"), "desk-reason": "asked", "desk-seen": "1"}
    typed.pop("consent")
    shown = client.post(path, data=typed, headers=coordinator).text
    assert ("Typed Name" in shown, "They get a mail with a link" in shown) == (True, True)
    correct(service, coordinator, one, 1, answers={"name": "Faster Name"})
    conflict = client.post(path, data={**typed, "desk-go": "do"}, headers=coordinator)
    assert (conflict.status_code, "Faster Name" in conflict.text, "Typed Name" in conflict.text) == (412, True, True)
    faulty = client.post(path, data={**typed, "desk-seen": "2", "country": "XX"}, headers=coordinator)
    assert faulty.status_code == 422
    with service.deciding():
        done = client.post(
            path, data={**typed, "desk-seen": "2", "desk-go": "do"}, headers=coordinator, follow_redirects=True
        )
    assert "The registration is corrected" in done.text
    assert [row[0] for row in stored(service)] == ["Typed Name", "Participant 2"]


def test_key_of_another_form_reaches_no_one(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    one = service.enrol(answers(1))
    file = installation.secrets.folder / "access.json"
    file.write_text(file.read_text().replace('"roles"', '"forms": ["another-form"], "roles"'))
    given = [
        enter(service, coordinator, 2).status_code,
        correct(service, coordinator, one, 1, email=NEW).status_code,
        client.post(f"/v1/registrations/{one}/link", headers=coordinator).status_code,
    ]
    assert given == [403, 403, 403]
