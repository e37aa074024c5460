"""Seats: in any order of events, no more are given than exist; and when a form stops giving any."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.forms.opening import Opening, closed_reason
from services.registration.forms.pools import Pool, Pools, Reservation, Traits
from services.registration.forms.seats import (
    Hold,
    InLine,
    Seats,
    decide_promotion,
    give_back,
    give_seat,
    hold_seat,
    let_pass,
    move,
    next_place,
    promotable,
    take,
)

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
def test_newcomer_gets_what_the_seats_offer(seats: Seats, word: str, status: str | None, position: int | None) -> None:
    """A free seat goes to someone who waits before it goes to a newcomer."""
    place = next_place(seats)
    assert seats.word == word
    assert (place.status, place.position) == (status, position) if place is not None else status is None


REPRESENTATIVES = Reservation("representative", "", 2)
GROUP = Reservation("working_group", "housing", 2)
PEOPLE = st.builds(
    Traits,
    st.sampled_from([None, "housing"]),
    st.none(),
    st.booleans(),
    st.sampled_from([b"", b"d" * 32]),
)
STEPS = st.one_of(
    st.tuples(st.just("register"), PEOPLE),
    st.tuples(st.just("change answers"), PEOPLE),
    st.tuples(st.just("capacity"), st.integers(0, 6)),
    st.tuples(st.just("reserve"), st.sets(st.sampled_from([REPRESENTATIVES, GROUP]))),
    st.tuples(st.sampled_from(["promote", "cancel", "offer", "accept", "decline", "withdraw"]), st.none()),
)
OPEN = Opening(True, False, None, None)


class Hall:
    """A form's seats, and beside them everyone with what they have: counted one by one, as nothing in the code is."""

    def __init__(self, capacity: int, waiting_list: bool, percent: int | None) -> None:
        self.seats = Seats(capacity, 0, 0, 0, waiting_list, pools=Pools((), percent))
        self.people: dict[int, tuple[str, Traits]] = {}
        self.next = 0

    def taken(self, wanted: Callable[[Traits], bool] = lambda who: True) -> int:
        """People with a seat or an offer."""
        return sum(state in ("confirmed", "offered") and wanted(who) for state, who in self.people.values())

    def may_seat(self, who: Traits) -> bool:
        """The rule as documented for coordinators."""
        capacity, pools = self.seats.capacity or 0, self.seats.pools.pools
        lefts = [(one.reservation, one.reservation.seats - self.taken(one.reservation.matches)) for one in pools]
        mine = any(kept.matches(who) and left > 0 for kept, left in lefts)
        kept_for_others = 0 if mine else sum(max(0, left) for _, left in lefts)
        percent = self.seats.pools.domain_percent
        share = (
            percent is None
            or not who.domain
            or self.taken(lambda one: one.domain == who.domain) < max(1, capacity * percent // 100)
        )
        return self.taken() + kept_for_others < capacity and share

    def line(self) -> list[InLine]:
        """Everyone in line, in order."""
        return [InLine(str(number), who) for number, (state, who) in self.people.items() if state == "in line"]

    def first(self, *states: str) -> int | None:
        """The number of the first with one of these states."""
        return next((number for number, (state, _) in self.people.items() if state in states), None)

    def register(self, who: Traits) -> None:
        """A newcomer gets what there is; no one is seated who may not be, and someone for whom a seat is kept is."""
        fits, place = self.may_seat(who), next_place(self.seats, who)
        if place is None:
            assert not self.seats.waiting_list
            return
        assert fits or place.status == "waitlisted"
        assert place.status == "confirmed" or not fits or self.line()
        self.seats = take(self.seats, place, who)
        self.people[self.next] = ("confirmed" if place.status == "confirmed" else "in line", who)
        self.next += 1

    def promote(self) -> None:
        """Everyone in line who may be seated is, in order, and no one else."""
        decided = decide_promotion(OPEN, self.seats, HOUR, NOON, self.line())
        chosen = decided.chosen if self.seats.pools else tuple(one.id for one in self.line()[: decided.count])
        for one in self.line():
            assert self.may_seat(one.who) == (one.id in chosen)
            if one.id in chosen:
                self.seats = give_seat(self.seats, one.who)
                self.people[int(one.id)] = ("confirmed", one.who)
        assert bool(self.line()) == (decided.withheld != "")
        assert decided.after in (None, self.seats)

    def do(self, step: str, value: Any) -> None:
        """One step; nothing where there is no one to take it."""
        if step == "register":
            self.register(value)
        elif step == "promote":
            self.promote()
        elif step == "capacity":
            self.seats = replace(self.seats, capacity=value)
        elif step == "reserve":
            pools = tuple(Pool(one, self.taken(one.matches), self._waiting(one)) for one in sorted(value, key=str))
            self.seats = replace(self.seats, pools=replace(self.seats.pools, pools=pools))
        else:
            self._decide(step, value)

    def _waiting(self, kept: Reservation) -> int:
        return sum(kept.matches(one.who) for one in self.line())

    def _decide(self, step: str, value: Any) -> None:
        of = {"offer": ("in line", "passed"), "cancel": ("confirmed", "offered", "passed", "in line")}
        number = self.first(*of.get(step, ("offered",) if step != "change answers" else of["cancel"]))
        if number is None:
            return
        state, who = self.people[number]
        hold: Hold = "offered" if state == "offered" else "passed" if state == "passed" else ""
        status = "confirmed" if state == "confirmed" else "waitlisted"
        if step == "cancel":
            self.seats = give_back(self.seats, status, who, hold)
            del self.people[number]
        elif step == "change answers":
            self.seats = move(self.seats, status, who, value, hold)
            self.people[number] = (state, value)
        elif step == "offer" and self.may_seat(who):
            self.seats = hold_seat(self.seats, who, hold)
            self.people[number] = ("offered", who)
        elif step == "accept":
            self.seats = give_seat(self.seats, who, hold)
            self.people[number] = ("confirmed", who)
        elif step in ("decline", "withdraw"):
            self.seats = let_pass(self.seats, who, back_in_line=step == "withdraw")
            self.people[number] = ("in line" if step == "withdraw" else "passed", who)

    def check(self) -> None:
        """The numbers are those of the people."""
        seats, states = self.seats, Counter(state for state, _ in self.people.values())
        assert (seats.confirmed, seats.offered, seats.passed) == (
            *(states["confirmed"], states["offered"], states["passed"]),
        )
        assert (seats.waiting, seats.in_line) == (len(self.people) - states["confirmed"], states["in line"])
        for pool in seats.pools.pools:
            kept = pool.reservation
            assert (pool.taken, pool.waiting) == (self.taken(kept.matches), self._waiting(kept))
        if seats.pools.domain_percent is not None:
            assert seats.pools.domains.get(b"d" * 32, 0) == self.taken(lambda one: one.domain != b"")


@given(st.integers(0, 5), st.booleans(), st.sampled_from([None, 40]), st.lists(STEPS, max_size=40))
def test_no_more_seats_than_there_are_and_none_that_is_kept_for_others(
    capacity: int, waiting_list: bool, percent: int | None, steps: list[tuple[str, Any]]
) -> None:
    """For any order of events: taken and offered seats are within the capacity then in force."""
    hall = Hall(capacity, waiting_list, percent)
    for step, value in steps:
        before = hall.seats
        hall.do(step, value)
        hall.check()
        assert hall.seats.taken <= before.taken or hall.seats.taken <= (hall.seats.capacity or 0)
        assert hall.seats.last_position >= before.last_position


@pytest.mark.parametrize(
    ("minutes_before", "count"), [(61, 2), (60, 2), (59, 0)], ids=["early", "just before the end", "too late"]
)
def test_no_one_is_promoted_shortly_before_the_start(minutes_before: int, count: int) -> None:
    seats = Seats(4, 2, 3, 3, True)
    starts_at = NOON + timedelta(minutes=minutes_before)
    assert promotable(seats, starts_at, HOUR, NOON) == count


@pytest.mark.parametrize(
    ("hours", "reason"), [(-49, ""), (-48, "guest-list-closed"), (-1, "guest-list-closed"), (0, "begun"), (12, "held")]
)
def test_guest_list_closes_before_the_start(hours: int, reason: str) -> None:
    opening = Opening(True, True, "confirmed", NOON, kind="attendance", closes_hours_before=48)
    assert closed_reason(opening, NOON + timedelta(hours=hours)) == reason


@pytest.mark.parametrize(
    ("kind", "mode", "until", "reason"),
    [
        ("interest", "in_person", None, ""),
        ("webinar", "online", None, ""),
        ("attendance", "online", None, ""),
        ("delegation", "online", None, "begun"),
        ("webinar", "hybrid", None, "begun"),
        ("webinar", None, None, "begun"),
        ("webinar", "online", "start", "begun"),
        ("webinar", "hybrid", "end", ""),
    ],
)
def test_people_register_while_an_online_event_is_on(
    kind: str, mode: str | None, until: str | None, reason: str
) -> None:
    opening = Opening(True, True, "confirmed", NOON, NOON + 24 * HOUR, kind, open_until=until, mode=mode)
    assert closed_reason(opening, NOON + HOUR) == reason
    assert closed_reason(opening, NOON + 24 * HOUR) == "held"
