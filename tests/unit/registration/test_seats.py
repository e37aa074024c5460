"""Seats: whatever happens in whatever order, no more are given than there are; and when a form stops giving any."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.forms.opening import Opening, closed_reason
from services.registration.forms.seats import Seats, give_back, next_place, promotable, promote, take

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("seats", "word", "status", "position"),
    [
        (Seats(None, 900, 0, 0, True), "open", "confirmed", None),
        (Seats(2, 1, 0, 0, True), "open", "confirmed", None),
        (Seats(2, 2, 0, 4, True), "waiting-list", "waitlisted", 5),
        (Seats(2, 2, 0, 0, False), "full", None, None),
        (Seats(2, 1, 1, 3, True), "waiting-list", "waitlisted", 4),
        (Seats(1, 3, 0, 0, True), "waiting-list", "waitlisted", 1),
    ],
)
def test_newcomer_gets_what_the_word_says(seats: Seats, word: str, status: str | None, position: int | None) -> None:
    """A free seat goes to somebody who waits before it goes to a newcomer."""
    place = next_place(seats)
    assert seats.word == word
    assert (place.status, place.position) == (status, position) if place is not None else status is None


STEPS = st.one_of(
    st.just(("register", 0)),
    st.just(("promote", 0)),
    st.tuples(st.just("give back"), st.sampled_from([0, 1])),
    st.tuples(st.just("capacity"), st.integers(0, 5)),
)


@given(st.integers(0, 4), st.booleans(), st.lists(STEPS, max_size=60))
def test_no_more_seats_than_there_are(capacity: int, waiting_list: bool, steps: list[tuple[str, int]]) -> None:
    """A seat is given only below the capacity then in force, and positions on the waiting list only rise."""
    seats = Seats(capacity, 0, 0, 0, waiting_list)
    for step, number in steps:
        before = seats
        if step == "register" and (place := next_place(seats)) is not None:
            seats = take(seats, place)
        elif step == "promote":
            seats = promote(seats, promotable(seats, None, timedelta(0), NOON))
        elif step == "give back" and (seats.confirmed, seats.waiting)[number]:
            seats = give_back(seats, ("confirmed", "waitlisted")[number])
        elif step == "capacity":
            seats = Seats(number, seats.confirmed, seats.waiting, seats.last_position, waiting_list)
        assert seats.confirmed <= before.confirmed or seats.confirmed <= (seats.capacity or 0)
        assert seats.waiting >= 0
        assert seats.last_position >= before.last_position


@pytest.mark.parametrize(
    ("minutes_before", "count"), [(61, 2), (60, 2), (59, 0)], ids=["early", "at the last moment", "too late"]
)
def test_nobody_is_promoted_shortly_before_the_start(minutes_before: int, count: int) -> None:
    seats = Seats(4, 2, 3, 3, True)
    starts_at = NOON + timedelta(minutes=minutes_before)
    assert promotable(seats, starts_at, HOUR, NOON) == count


@pytest.mark.parametrize(
    ("hours", "reason"), [(-49, ""), (-48, "guest-list-closed"), (-1, "guest-list-closed"), (0, "held")]
)
def test_guest_list_closes_before_the_start(hours: int, reason: str) -> None:
    opening = Opening(True, True, "confirmed", NOON, kind="attendance", closes_hours_before=48)
    assert closed_reason(opening, NOON + timedelta(hours=hours)) == reason


@pytest.mark.parametrize(("kind", "reason"), [("interest", ""), ("webinar", "held")])
def test_interest_can_be_stated_until_the_end(kind: str, reason: str) -> None:
    opening = Opening(True, True, "confirmed", NOON, NOON + 24 * HOUR, kind)
    assert closed_reason(opening, NOON + HOUR) == reason
    assert closed_reason(opening, NOON + 24 * HOUR) == "held"
