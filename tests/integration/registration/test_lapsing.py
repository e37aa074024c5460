"""Registrations on forms without verification lapse unless their owners use a link."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.registration.intake.form_view import view_form
from services.registration.own.commands import verify
from services.registration.people.decisions import CONFIRM, OFFER, SeatDecision, decide_seat
from services.registration.people.lapsing import SEAT_HELD_DAYS
from services.registration.people.model import OWN
from services.registration.workers import Tending
from shared.db.engine import open_engine
from shared.db.highest_time import confirm_time
from shared.db.readiness import CheckedClock
from shared.runtime.clock import rfc3339
from tests.support.clients import WEBINAR, address_of, answers, rows
from tests.support.clock import agreeing
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService

KEEP = 'name="action" value="keep"'
HELD = timedelta(days=SEAT_HELD_DAYS)
Headers = dict[str, Any]


@pytest.fixture
def service(service: RegistrationService) -> RegistrationService:
    """The service, with a form of one seat on which addresses are not confirmed, for an event in four weeks."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    begin(service, timedelta(weeks=4))
    service.capacity(1)
    return service


def begin(service: RegistrationService, later: timedelta) -> None:
    """Move the event."""
    at = service.clock() + later
    rows(service.url, f"UPDATE event_copy SET starts_at = '{at}', ends_at = '{at + timedelta(hours=1)}'")


def register(service: RegistrationService, number: int) -> str:
    """Register the participant with this number at once; returns the outcome."""
    challenge = service.client.get(f"/v1/challenge?form={WEBINAR}").get_json()
    answer = service.submit(answers(number, altcha=worked(challenge)))
    service.decide()
    return str(service.outcome(answer.get_json()["receipt"]))


def lapsed(service: RegistrationService) -> list[bool]:
    """Whether each cancellation was one of a registration that has lapsed."""
    return [message["data"]["lapsed"] for message in service.messages("registration.cancelled.v1")]


def stored(service: RegistrationService) -> list[datetime | None]:
    """When each registration lapses, by number; None for never."""
    return [at for (at,) in rows(service.url, "SELECT lapses_at FROM registration ORDER BY submission")]


def test_seat_lapses_and_goes_to_the_first_in_line(service: RegistrationService) -> None:
    assert [register(service, number) for number in (1, 2)] == ["confirmed", "waitlisted"]
    [made] = service.messages("registration.confirmed.v1")
    assert made["data"]["lapses_at"] == rfc3339(service.clock() + HELD)
    service.own(service.own_token(2), "keep")
    service.tend(service.clock() + HELD - timedelta(minutes=1))
    assert service.states() == {1: ("confirmed", None), 2: ("waitlisted", 1)}
    service.tend(service.clock() + HELD)
    assert (service.states()[2], lapsed(service)) == (("confirmed", 1), [True])
    reason = "SELECT reason FROM registration_change WHERE status = 'cancelled'"
    assert rows(service.url, reason) == [("lapsed: its owner has used no link",)]


def test_seat_stays_once_its_owner_has_acted_and_not_because_a_page_was_opened(service: RegistrationService) -> None:
    """Mail scanners follow links."""
    service.capacity(2)
    for number in (1, 2):
        assert register(service, number) == "confirmed"
        assert service.client.get(f"/r/{service.own_token(number)}").status_code == 200
    assert service.own(service.own_token(2), "keep").status_code == 303
    asking = [KEEP in service.client.get(f"/r/{service.own_token(number)}").text for number in (1, 2)]
    assert asking == [True, False]
    service.tend(service.clock() + HELD)
    assert service.states()[2] == ("confirmed", None)
    assert lapsed(service) == [True]


@pytest.mark.parametrize("button", ["unmute", "accept-seat", "renew-links", "address"])
def test_any_button_of_the_own_page_keeps_the_registration(service: RegistrationService, button: str) -> None:
    """Also one that changes nothing of it."""
    register(service, 1)
    if button == "address":
        service.ask_address(service.own_token(1), "another@example.org")
    else:
        service.own(service.own_token(1), button)
    assert stored(service) == [None]


@pytest.mark.parametrize(
    ("later", "held"),
    [
        (timedelta(days=4), timedelta(days=3)),
        (timedelta(hours=48), timedelta(hours=24)),
        (timedelta(hours=47), None),
    ],
)
def test_seat_is_free_a_day_before_the_event_if_its_owner_had_a_day(
    service: RegistrationService, later: timedelta, held: timedelta | None
) -> None:
    begin(service, later)
    register(service, 1)
    lapses_at = None if held is None else service.clock() + held
    assert rows(service.url, "SELECT lapses_at FROM registration") == [(lapses_at,)]


def known(service: RegistrationService, number: int) -> tuple[str, int]:
    """Id and revision of the registration of this participant."""
    [found] = rows(service.url, "SELECT id::text, revision FROM registration WHERE email = %s", address_of(number))
    return str(found[0]), int(found[1])


def decide_seat_of(service: RegistrationService, number: int, status: str, reason: str = "") -> None:
    """Decide about the seat of this participant as a coordinator."""
    decision = SeatDecision(*known(service, number), status, "a coordinator", reason)
    decide_seat(service.work("desk"), service.clock, service.outgoing, decision)


def confirm(service: RegistrationService, headers: Headers) -> None:
    decide_seat_of(service, 1, CONFIRM, "agreed")


def correct(service: RegistrationService, headers: Headers) -> None:
    identity, revision = known(service, 1)
    corrected = {"reason": "mistyped", "answers": {"name": "Corrected Name"}}
    with service.deciding():
        answer = service.client.post(
            f"/v1/registrations/{identity}/correction", json=corrected, headers=headers | {"If-Match": f'"{revision}"'}
        )
    assert answer.status_code == 200, answer.text


def enter(service: RegistrationService, headers: Headers) -> None:
    """Someone who is registered already."""
    entered = {"reason": "on-paper", "answers": answers(1)}
    with service.deciding():
        answer = service.client.post(f"/v1/forms/{WEBINAR}/registrations", json=entered, headers=headers)
    assert answer.get_json()["code"] == "name-taken", answer.text


def merge(service: RegistrationService, headers: Headers) -> None:
    (kept, revision), (other, other_revision) = known(service, 1), known(service, 2)
    sent = {"other": other, "other_revision": other_revision}
    with service.deciding():
        answer = service.client.post(
            f"/v1/registrations/{kept}/merge", json=sent, headers=headers | {"If-Match": f'"{revision}"'}
        )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("act", [confirm, correct, enter, merge])
def test_registration_that_a_coordinator_has_dealt_with_does_not_lapse(
    service: RegistrationService, coordinator: Headers, act: Callable[[RegistrationService, Headers], None]
) -> None:
    service.capacity(0)
    for number in (1, 2):
        register(service, number)
    act(service, coordinator)
    assert stored(service) == [None, None if act is merge else service.clock() + HELD]


@pytest.mark.parametrize(
    ("later", "held"),
    [
        (timedelta(weeks=4), timedelta(days=2)),
        (timedelta(days=3, seconds=1), timedelta(days=2)),
        (timedelta(days=3), None),
    ],
)
@pytest.mark.parametrize("mode", ["in-order", "offers"])
def test_seat_from_the_waiting_list_is_held_for_two_days(
    service: RegistrationService, mode: str, later: timedelta, held: timedelta | None
) -> None:
    """Though the registration was about to lapse; the message states the new date. The seat is free in a second."""
    rows(service.url, "UPDATE form SET promotion_mode = %s, offer_hours = 24", mode)
    for number in (1, 2):
        register(service, number)
    near = service.clock() + timedelta(hours=1)
    rows(service.url, "UPDATE registration SET lapses_at = %s WHERE status = 'waitlisted'", near)
    begin(service, later)
    service.cancel(1)
    at = None if held is None else service.clock() + held
    assert stored(service) == [None, at]
    [given] = service.messages("registration.promoted.v1" if mode == "in-order" else "registration.offered.v1")
    assert given["data"]["lapses_at"] == (None if at is None else rfc3339(at))


def test_offer_does_not_end_before_its_time_because_the_registration_lapses(service: RegistrationService) -> None:
    for number in (1, 2):
        register(service, number)
    service.capacity(2)
    rows(service.url, "UPDATE form SET offer_hours = 240")
    decide_seat_of(service, 2, OFFER)
    assert stored(service) == [service.clock() + HELD, service.clock() + timedelta(hours=240)]


def test_link_that_had_to_wait_is_mailed_with_the_date(service: RegistrationService) -> None:
    """The first mail to this mailbox has just gone: the link follows when the spacing allows it."""
    service.capacity(2)
    for name in ("One", "Two"):
        challenge = service.client.get(f"/v1/challenge?form={WEBINAR}").get_json()
        service.submit(answers(1, name=name, altcha=worked(challenge)))
        service.decide()
    at = service.clock() + HELD
    service.clock.advance(timedelta(minutes=10))
    service.decide()
    [sent] = service.messages("registration.link-requested.v1")
    assert sent["data"]["lapses_at"] == rfc3339(at)


def test_act_that_waits_for_the_decider_counts_if_it_came_in_time(service: RegistrationService) -> None:
    """Its registration stays for a day. An act that came too late ends in nothing."""
    service.capacity(2)
    view, ends_at = view_form(service.work_of_web, WEBINAR, service.clock()), service.clock() + HELD
    for number in (1, 2):
        register(service, number)
    for number, at in ((1, ends_at - timedelta(seconds=1)), (2, ends_at)):
        verify(service.intake, view, service.own_token(number), OWN)
        rows(service.url, "UPDATE submission SET received_at = %s WHERE id = (SELECT max(id) FROM submission)", at)
    service.tend(ends_at + timedelta(days=1) - timedelta(seconds=1))
    assert [status for status, _ in service.states().values()] == ["confirmed", "cancelled"]
    service.clock.set(ends_at + timedelta(minutes=1))
    service.decide()
    assert stored(service) == [None, None]
    service.tend(ends_at + timedelta(days=2))
    assert [status for status, _ in service.states().values()] == ["confirmed", "cancelled"]


def test_registration_lapses_once_its_act_has_waited_for_a_day(service: RegistrationService) -> None:
    ends_at = service.clock() + HELD
    register(service, 1)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    verify(service.intake, view, service.own_token(1), OWN)
    service.tend(ends_at + timedelta(days=1))
    assert lapsed(service) == [True]


def test_owner_of_the_address_keeps_all_registrations_of_it(service: RegistrationService) -> None:
    """Behind a confirmation link they have shown that the mail arrives, whatever they choose there."""
    service.capacity(2)
    register(service, 1)
    service.submit(answers(1, name="Another Name"))
    service.decide()
    service.clock.advance(timedelta(minutes=10))
    service.decide()
    service.confirm(address_of(1))
    assert stored(service) == [None, None]


def test_registrations_lapse_in_batches(service: RegistrationService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next batch follows at once; the earliest go first."""
    monkeypatch.setattr("services.registration.people.decisions.LAPSED_AT_ONCE", 2)
    service.capacity(3)
    for number in (1, 2, 3):
        register(service, number)
        service.clock.advance(timedelta(minutes=1))
    work = service.work("tend")
    ticks = Tending(work, agreeing(lambda: service.clock() + HELD, work), service.outgoing)
    assert (ticks.tick(), lapsed(service), service.states()[3]) == (True, [True, True], ("confirmed", None))
    assert (ticks.tick(), lapsed(service)) == (False, [True] * 3)


def test_registration_stays_once_the_event_is_over(service: RegistrationService) -> None:
    """It was moved to an earlier date: who came stays counted."""
    register(service, 1)
    begin(service, timedelta(hours=2))
    service.tend(service.clock() + HELD)
    assert (service.states(), stored(service)) == ({1: ("confirmed", None)}, [None])


def test_jump_of_the_clocks_lapses_nothing_until_an_operator_confirms(service: RegistrationService) -> None:
    """Of host and database together."""
    register(service, 1)
    work, now = service.work("tend"), [service.clock()]

    def tend() -> None:
        clock = CheckedClock(lambda: now[0], work, "registration", lambda _: now[0])
        Tending(work, clock, service.outgoing).tick()

    tend()
    now[0] += HELD
    tend()
    assert service.states() == {1: ("confirmed", None)}
    engine = open_engine(service.url)
    with engine.begin() as connection:
        confirm_time(connection, now[0])
    engine.dispose()
    tend()
    assert lapsed(service) == [True]


def test_own_data_state_the_date(service: RegistrationService) -> None:
    register(service, 1)
    token, at = service.own_token(1), rfc3339(service.clock() + HELD)
    assert service.client.get(f"/r/{token}/my-data.json").get_json()["registration"]["lapses_at"] == at
    assert "Ends unless you keep it" in service.client.get(f"/r/{token}/my-data").text
