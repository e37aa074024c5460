"""Coordinators decide about one person, whose page explains why they got a seat or did not."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from services.registration.people.decisions import SeatDecision, decide
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import system_clock
from shared.runtime.errors import DomainError
from tests.integration.registration.test_promotion import change
from tests.integration.registration.test_sealed import with_roles
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]


@pytest.fixture
def full(service: RegistrationService, client: FlaskClient) -> FlaskClient:
    """Two seats, taken, and three people who wait."""
    service.capacity(2)
    service.register(1, 2, 3, 4, 5)
    return client


def identity(installation: TestInstallation, number: int) -> str:
    """Id of a participant's registration."""
    statement = "SELECT id::text FROM registration WHERE email = %s"
    return str(rows(installation.urls["registration"], statement, f"participant-{number}@example.org")[0][0])


def free_a_seat(installation: TestInstallation) -> None:
    """One seat more that no one was given: the event is so near that no one is promoted by itself."""
    soon = datetime.now(UTC) + timedelta(minutes=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", soon)
    rows(installation.urls["registration"], "UPDATE seat SET capacity = 3")


def put(client: FlaskClient, headers: Headers, identity: str, status: str, revision: int) -> Any:
    """Decide by the interface."""
    headers = {**headers, "If-Match": f'"{revision}"'}
    return client.patch(f"/v1/registrations/{identity}", json={"status": status}, headers=headers)


def press(client: FlaskClient, headers: Headers, identity: str, status: str, revision: int) -> Any:
    """Decide on the page."""
    return client.post(f"{PATH}/{identity}", data={"status": status, "seen": str(revision)}, headers=headers)


def text_of(html: str) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_cancelling_for_someone_gives_the_seat_on(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    answer = put(full, coordinator, identity(installation, 1), "cancelled", 1)
    assert (answer.status_code, answer.get_json()["status"], answer.get_json()["revision"]) == (200, "cancelled", 2)
    assert answer.headers["ETag"] == '"2"'
    assert (service.states()[1], service.states()[3]) == (("cancelled", None), ("confirmed", 1))
    assert service.facts()[5:] == [("cancelled", "cancelled"), ("promoted", "confirmed")]
    history = "SELECT status, reason, changed_by FROM registration_change WHERE revision = 2 ORDER BY status"
    assert rows(installation.urls["registration"], history) == [
        ("cancelled", "cancelled by a coordinator", "a coordinator"),
        ("confirmed", "a seat was given back", None),
    ]


def test_deleting_is_cancelling(full: FlaskClient, installation: TestInstallation, coordinator: Headers) -> None:
    person = identity(installation, 1)
    assert full.delete(f"/v1/registrations/{person}", headers=coordinator).status_code == 428
    answer = full.delete(f"/v1/registrations/{person}", headers={**coordinator, "If-Match": '"1"'})
    assert (answer.status_code, answer.get_json()["status"]) == (200, "cancelled")


def test_free_seat_is_given_to_the_person_the_coordinator_names(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Shortly before the start too; the others' pages state it, and the capacity stays exact."""
    free_a_seat(installation)
    answer = put(full, coordinator, identity(installation, 4), "confirmed", 1)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "confirmed")
    assert service.facts()[5:] == [("promoted", "confirmed")]
    assert rows(installation.urls["registration"], "SELECT confirmed, waiting FROM seat") == [(3, 2)]
    refused = put(full, coordinator, identity(installation, 3), "confirmed", 1)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "no-free-seat")
    page = text_of(full.get(f"{PATH}/{identity(installation, 3)}", headers=coordinator).text)
    assert "Not promoted A coordinator decided: another person was given the seat out of order." in page


def test_decision_names_the_state_seen(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    person = identity(installation, 1)
    bare = full.patch(f"/v1/registrations/{person}", json={"status": "cancelled"}, headers=coordinator)
    assert (bare.status_code, bare.get_json()["code"]) == (428, "if-match-required")
    assert put(full, coordinator, person, "cancelled", 7).status_code == 412
    assert put(full, coordinator, person, "expired", 1).status_code == 422
    assert put(full, coordinator, person, "confirmed", 1).get_json()["code"] == "not-waiting"
    assert put(full, {}, person, "cancelled", 1).status_code == 401
    assert service.states()[1] == ("confirmed", None)
    shown = full.get(f"/v1/registrations/{person}", headers=coordinator)
    assert (shown.headers["ETag"], shown.get_json()["revision"]) == ('"1"', 1)


def test_page_shows_what_a_decision_does_and_does_it(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    person = identity(installation, 1)
    page = full.get(f"{PATH}/{person}", headers=coordinator).text
    assert "The next person on the waiting list gets a seat at once." in page
    assert "Confirm this person" not in page
    done = press(full, coordinator, person, "cancelled", 1)
    assert (done.status_code, done.headers["Location"]) == (303, f"{PATH}/{person}?done=cancelled")
    after = text_of(full.get(done.headers["Location"], headers=coordinator).text)
    assert "The registration is cancelled. They get a mail." in after
    assert "Cancelled by a coordinator By a coordinator" in after
    assert "Cancel this registration" not in after


def test_second_coordinator_sees_what_the_first_has_done(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Both had the same page open; the second decision does nothing."""
    person = identity(installation, 1)
    assert press(full, coordinator, person, "cancelled", 1).status_code == 303
    late = press(full, coordinator, person, "cancelled", 1)
    assert (late.status_code, "changed after you opened the page" in late.text) == (412, True)
    assert "Cancelled by a coordinator ( a coordinator ). The status is now “Cancelled”." in text_of(late.text)
    assert service.facts()[5:] == [("cancelled", "cancelled"), ("promoted", "confirmed")]


def test_concurrent_decisions_are_one(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation
) -> None:
    """The revision is compared under the lock: of ten at once one does it."""
    person, engine = identity(installation, 1), open_engine(installation.urls["registration"], pool_size=10)
    work = UnitOfWork(engine, "registration")

    def one(number: int) -> str:
        try:
            return decide(
                work, system_clock, service.outgoing, SeatDecision(person, 1, "cancelled", f"coordinator {number}")
            ).email
        except DomainError as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        given = sorted(pool.map(one, range(10)))
    engine.dispose()
    assert given == ["edit-conflict"] * 9 + ["participant-1@example.org"]


@pytest.mark.parametrize("data", [{"status": "expired", "seen": "1"}, {"status": "cancelled"}, {"seen": "1"}])
def test_decision_that_is_none_is_refused(
    service: RegistrationService,
    full: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    data: dict[str, str],
) -> None:
    answer = full.post(f"{PATH}/{identity(installation, 1)}", data=data, headers=coordinator)
    assert answer.status_code == 400
    assert service.states()[1] == ("confirmed", None)


def test_page_explains_why_a_decision_is_impossible(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    person = identity(installation, 3)
    page = full.get(f"{PATH}/{person}", headers=coordinator).text
    assert "Not now: every seat is taken; raise the capacity of the form first." in page
    refused = press(full, coordinator, person, "confirmed", 1)
    assert (refused.status_code, "This cannot be done: every seat is taken" in refused.text) == (409, True)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = now() - interval '1 minute'")
    over = press(full, coordinator, person, "cancelled", 1)
    assert (over.status_code, "This cannot be done: the event has begun." in over.text) == (409, True)


@pytest.mark.parametrize("roles", [("viewer",), ("sealed-reader",), ("operator",)])
def test_decision_needs_a_coordinator(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers, roles: tuple[str, ...]
) -> None:
    with_roles(installation, *roles)
    person = identity(installation, 1)
    assert put(full, coordinator, person, "cancelled", 1).status_code == 403
    assert press(full, coordinator, person, "cancelled", 1).status_code == 403
    assert full.delete(f"/v1/registrations/{person}", headers={**coordinator, "If-Match": '"1"'}).status_code == 403


def test_key_for_another_form_decides_nothing(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    with_roles(installation, "coordinator", forms=["another-form"])
    person = identity(installation, 1)
    assert put(full, coordinator, person, "cancelled", 1).status_code == 403
    assert press(full, coordinator, person, "cancelled", 1).status_code == 403
    assert service.states()[1] == ("confirmed", None)


def waits(client: FlaskClient, headers: Headers, identity: str) -> list[tuple[Any, ...]]:
    """(cause, promoted, withheld) of each decision that left someone waiting, newest first."""
    lines = client.get(f"/v1/registrations/{identity}", headers=headers).get_json()["while_waiting"]
    return [(line["cause"], line["promoted"], line["withheld"]) for line in lines]


def test_waiting_person_sees_the_reason(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Cancelled before them, raised by too little, lowered, too late: each is stored with its reason."""
    last = identity(installation, 5)
    service.cancel(1)
    service.clock.advance(seconds=1)
    change(full, coordinator, 1, capacity=1)
    service.cancel(2)
    soon = datetime.now(UTC) + timedelta(minutes=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", soon)
    service.clock.advance(seconds=1)
    change(full, coordinator, 2, capacity=9)
    assert waits(full, coordinator, last) == [
        ("the capacity was raised", 0, "too-late"),
        ("a seat was given back", 0, "no-free-seat"),
        ("the capacity was lowered", 0, "no-free-seat"),
        ("a seat was given back", 1, "no-free-seat"),
    ]
    page = text_of(full.get(f"{PATH}/{last}", headers=coordinator).text)
    for sentence in (
        "A seat was given back: the seat went to the first person on the list. No seat was left for this person.",
        "The capacity was lowered, but the only seat was taken.",
        "A seat was given back, but the only seat was taken.",
        "The capacity was raised, but too close to the start to invite the next person.",
    ):
        assert sentence in page
    assert page.index("went to the first person") < page.index("was lowered") < page.index("too close")


def test_promotion_ends_the_waiting(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """What was decided about others before someone queued, or after they had a seat, is not about them."""
    service.cancel(1)
    service.register(6)
    service.cancel(2)
    service.cancel(3)
    assert waits(full, coordinator, identity(installation, 3)) == []
    assert waits(full, coordinator, identity(installation, 5)) == [
        ("a seat was given back", 1, "no-free-seat"),
        ("a seat was given back", 1, "no-free-seat"),
    ]
    assert waits(full, coordinator, identity(installation, 6))[1:] == [("a seat was given back", 1, "no-free-seat")]
    detail = full.get(f"/v1/registrations/{identity(installation, 5)}", headers=coordinator).get_json()
    assert [(line["status"], line["reason"], line["capacity_then"]) for line in detail["history"]] == [
        ("waitlisted", "registered", None),
        ("confirmed", "a seat was given back", 2),
    ]
