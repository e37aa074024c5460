"""Seats with holds: whatever happens in whatever order, no more seats are given than there are."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.registration.domain.verifying import decide_verified

from services.registration.domain.opening import Opening, closed_reason
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats, first_place, promotable, promote, take
from shared.core.errors import DomainError

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
HOLD = timedelta(hours=24)
OPEN = Opening(switched_on=True, needs_event=False, event_status=None, starts_at=None)


def unverified(number: int, hold_until: datetime | None) -> Registration:
    """A registration whose address is not confirmed."""
    return Registration(
        id=str(number),
        form="a-form",
        form_kind="webinar",
        event_id=None,
        status="unverified",
        position=None,
        revision=1,
        person_ref="ab" * 32,
        working_group=None,
        representative=False,
        organisation_id=None,
        country=None,
        language="en",
        partner=None,
        box=b"",
        accepted_at=NOON,
        hold_until=hold_until,
    )


@dataclass
class Form:
    """What the store does, in memory: it counts the holds that have not run out whenever seats are needed."""

    seats: Seats
    now: datetime = NOON
    waiting_for_owner: list[Registration] = field(default_factory=list)
    given: list[tuple[int, int | None]] = field(default_factory=list)

    def counted(self) -> Seats:
        """The seats as the store reads them."""
        held = sum(registration.holds_seat(self.now) for registration in self.waiting_for_owner)
        return replace(self.seats, held=held)

    def keep(self, seats: Seats) -> None:
        """Store seats; note each confirmation with the capacity then in force."""
        if seats.confirmed > self.seats.confirmed:
            self.given.append((seats.confirmed, seats.capacity))
        self.seats = replace(seats, held=0)

    def register(self) -> None:
        """A newcomer."""
        seats = self.counted()
        if (place := first_place(seats)) is not None:
            hold = self.now + HOLD if place.holds else None
            self.waiting_for_owner.append(unverified(len(self.waiting_for_owner), hold))
            assert take(seats, place).held == self.counted().held

    def click(self, which: int) -> None:
        """Somebody confirms, early or late."""
        if self.waiting_for_owner:
            registration = self.waiting_for_owner[which % len(self.waiting_for_owner)]
            try:
                _, seats = decide_verified(OPEN, self.counted(), registration, self.now)
            except DomainError:
                return
            self.waiting_for_owner.remove(registration)
            self.keep(seats)

    def promote(self) -> None:
        """What is free goes to those who wait."""
        seats = self.counted()
        self.keep(promote(seats, promotable(seats, None, timedelta(0), self.now)))


STEPS = st.one_of(
    st.just(("register", 0)),
    st.just(("promote", 0)),
    st.tuples(st.just("click"), st.integers(0, 20)),
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("capacity"), st.integers(0, 5)),
)


@given(st.integers(0, 4), st.booleans(), st.lists(STEPS, max_size=60))
def test_no_more_seats_than_there_are(capacity: int, waiting_list: bool, steps: list[tuple[str, int]]) -> None:
    """Each confirmation left at most the capacity then in force taken; holds alone never exceed what is free."""
    form = Form(Seats(capacity, 0, 0, 0, waiting_list))
    for step, number in steps:
        if step == "register":
            form.register()
            seats = form.counted()
            lowered = any(kind == "capacity" for kind, _ in steps)
            assert lowered or seats.confirmed + seats.held <= capacity
        elif step == "promote":
            form.promote()
        elif step == "click":
            form.click(number)
        elif step == "wait":
            form.now += timedelta(hours=number)
        else:
            form.seats = replace(form.seats, capacity=number)
    assert all(seats <= most for seats, most in form.given if most is not None)


def test_hold_in_time_goes_before_those_who_wait() -> None:
    seats = Seats(1, 0, 5, 5, True, held=1)
    place, after = decide_verified(OPEN, seats, unverified(1, NOON + HOLD), NOON)
    assert (place.status, after.confirmed, after.held, after.waiting) == ("confirmed", 1, 0, 5)


def test_hold_that_has_run_out_waits_behind_the_others() -> None:
    seats = Seats(1, 0, 5, 5, True)
    place, after = decide_verified(OPEN, seats, unverified(1, NOON), NOON)
    assert (place.status, place.position, after.waiting) == ("waitlisted", 6, 6)


def test_late_click_takes_a_free_seat() -> None:
    place, _ = decide_verified(OPEN, Seats(1, 0, 0, 0, True), unverified(1, NOON - HOLD), NOON)
    assert place.status == "confirmed"


def test_late_click_without_seat_or_list_is_refused() -> None:
    with pytest.raises(DomainError) as caught:
        decide_verified(OPEN, Seats(1, 1, 0, 0, False), unverified(1, None), NOON)
    assert caught.value.detail == "full"


@pytest.mark.parametrize(
    ("change", "hold", "refused"),
    [
        ({"switched_on": False}, NOON + HOLD, ""),
        ({"switched_on": False}, NOON, "closed"),
        ({"closes_hours_before": 48}, NOON + HOLD, ""),
        ({"closes_hours_before": 48}, None, "guest-list-closed"),
        ({"event_status": "cancelled"}, NOON + HOLD, "cancelled"),
        ({"starts_at": NOON}, NOON + HOLD, "held"),
    ],
)
def test_seat_that_is_kept_outlives_the_closing_but_not_the_event(
    change: dict[str, object], hold: datetime | None, refused: str
) -> None:
    event = Opening(True, True, "confirmed", NOON + HOLD)
    opening, seats = replace(event, **change), Seats(9, 0, 0, 0, True, held=1)  # type: ignore[arg-type]
    try:
        decide_verified(opening, seats, unverified(1, hold), NOON)
        found = ""
    except DomainError as refusal:
        found = refusal.detail
    assert found == refused


@pytest.mark.parametrize(
    ("hours", "reason"), [(-49, ""), (-48, "guest-list-closed"), (-1, "guest-list-closed"), (0, "held")]
)
def test_guest_list_closes_before_the_start(hours: int, reason: str) -> None:
    opening = Opening(True, True, "confirmed", NOON, kind="attendance", closes_hours_before=48)
    assert closed_reason(opening, NOON + timedelta(hours=hours)) == reason


@pytest.mark.parametrize(("kind", "reason"), [("interest", ""), ("webinar", "held")])
def test_interest_can_be_said_until_the_end(kind: str, reason: str) -> None:
    opening = Opening(True, True, "confirmed", NOON, NOON + HOLD, kind)
    assert closed_reason(opening, NOON + timedelta(hours=1)) == reason
    assert closed_reason(opening, NOON + HOLD) == "held"
