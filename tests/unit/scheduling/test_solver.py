"""No timetable breaks a hard rule, the most are placed, wishes are granted, and whoever is left out is told why."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from services.events.domain.room import Room
from services.events.domain.schedule import Placement, Slot, Span
from services.events.domain.schedule_conflicts import Fixed
from services.events.scheduling.halt import Halt
from services.events.scheduling.problem import Limits, Problem, Reason, Request
from services.events.scheduling.solver import solve
from tests.support.timetable_checker import broken_rules
from tests.support.timetable_instances import FIRST_DAY, ZONE, an_instance

QUICK = Limits(seconds=5.0, seed=1)


def hour(number: int) -> Span:
    """One hour, ``number`` hours after the first day began."""
    start = FIRST_DAY + timedelta(hours=number)
    return Span(start, start + timedelta(hours=1))


def a_slot(number: int) -> Slot:
    """The slot of an hour."""
    return Slot(f"slot-{number}", hour(number), ZONE)


def a_room(name: str, capacity: int = 50) -> Room:
    """A room that is always open."""
    window = Span(FIRST_DAY - timedelta(days=9), FIRST_DAY + timedelta(days=9))
    return Room(id=name, title=name, city="Geneva", capacity=capacity, time_zone=ZONE, open=(window,))


@pytest.mark.parametrize("seed", range(100))
def test_generated_instance_breaks_no_hard_rule(seed: int) -> None:
    size = 5 + seed % 31
    problem = an_instance(
        seed, proposals=size, rooms=1 + seed % 5, days=1 + seed % 3, slots_a_day=2 + seed % 4, pins=min(size, seed % 4)
    )
    made = solve(problem, QUICK)
    assert broken_rules(problem, made) == []
    assert made.placed.value == len(made.placements) <= made.placed.bound


def test_checker_finds_each_rule_that_is_broken() -> None:
    """The negative control: a timetable that was spoilt is not let through."""
    problem = an_instance(3, proposals=12, rooms=3, days=2, slots_a_day=4)
    made = solve(problem, QUICK)
    first, second = made.placements[:2]
    together = replace(second, room_id=first.room_id, slot_id=first.slot_id)
    spoilt = replace(made, placements=(first, together, *made.placements[2:]))
    assert any(fault.startswith(f"room {first.room_id} twice") for fault in broken_rules(problem, spoilt))
    last = replace(first, slot_id=problem.slots[-1].id)
    during = replace(made, placements=(last, *made.placements[1:]))
    assert any("during upr-review" in fault for fault in broken_rules(problem, during))
    assert broken_rules(problem, replace(made, placements=made.placements[1:])) != []


@pytest.mark.parametrize("seed", range(12))
def test_no_timetable_has_more_places_than_the_solver_finds(seed: int) -> None:
    """All timetables of small problems, one by one."""
    problem = an_instance(seed, proposals=4, rooms=2, days=1, slots_a_day=2)
    made = solve(problem, QUICK)
    assert len(made.placements) == _most_by_trying(problem)


def _most_by_trying(problem: Problem) -> int:
    places = [(room.id, slot.id) for room in problem.rooms for slot in problem.slots]
    empty = solve(replace(problem, requests=()), QUICK)
    best = 0
    for choice in product((None, *places), repeat=len(problem.requests)):
        placements = tuple(
            Placement(request.proposal_id, *place)
            for request, place in zip(problem.requests, choice, strict=True)
            if place is not None
        )
        if len(placements) > best:
            unplaced = {
                request.proposal_id: (Reason("any"),)
                for request, place in zip(problem.requests, choice, strict=True)
                if place is None
            }
            made = replace(empty, placements=placements, unplaced=unplaced)
            if not broken_rules(problem, made):
                best = len(placements)
    return best


def test_preferred_day_is_granted_and_the_old_place_kept() -> None:
    slots = (a_slot(8), a_slot(9), a_slot(32))
    tuesday = slots[2].on
    requests = (
        Request("wishes", 10, preferred_on=frozenset({tuesday})),
        Request("stays", 10, previous=Placement("stays", "b", "slot-9")),
    )
    made = solve(Problem(requests, (a_room("a"), a_room("b")), slots), QUICK)
    by_id = {placement.proposal_id: placement for placement in made.placements}
    assert by_id["wishes"].slot_id == "slot-32"
    assert (by_id["stays"].slot_id, by_id["stays"].room_id) == ("slot-9", "b")
    assert made.wishes.gap == 0


def test_place_comes_before_wishes() -> None:
    """One slot that both wish, one that nobody wishes: both have a place."""
    slots = (a_slot(8), a_slot(32))
    wish = frozenset({slots[0].on})
    requests = (Request("p", 10, preferred_on=wish), Request("q", 10, preferred_on=wish))
    assert len(solve(Problem(requests, (a_room("a"),), slots), QUICK).placements) == 2


def test_pinned_stays_also_where_it_breaks_a_rule() -> None:
    pin = Placement("large", "a", "slot-8", True)
    requests = (Request("large", 500, "housing"), Request("other", 10, "housing"))
    made = solve(Problem(requests, (a_room("a"), a_room("b")), (a_slot(8), a_slot(9)), pinned=(pin,)), QUICK)
    assert made.placements == (pin, replace(made.placements[1], slot_id="slot-9"))


def test_unplaced_are_told_reasons_that_hold() -> None:
    slots = (a_slot(8), a_slot(9))
    requests = (
        Request("too-large", 51),
        Request("away", 10, unavailable=(Span(hour(0).starts_at, hour(20).ends_at),)),
        Request("first", 10, "housing"),
        Request("second", 10, "housing"),
        Request("third", 10),
    )
    review = Fixed("upr-review", hour(9))
    made = solve(Problem(requests, (a_room("a"),), slots, (review,)), QUICK)
    assert made.unplaced["too-large"] == (Reason("no_room_large_enough", 2),)
    assert made.unplaced["away"] == (Reason("fixed_event", 1), Reason("speaker_unavailable", 1))
    (placed,) = made.placements
    left = {"first", "second", "third"} - {placed.proposal_id}
    for name in left:
        clash = "busy" if {name, placed.proposal_id} == {"first", "second"} else "rooms_taken"
        assert sorted(made.unplaced[name], key=str) == sorted((Reason(clash, 1), Reason("fixed_event", 1)), key=str)


def test_impossible_wish_is_named() -> None:
    slots = (a_slot(8), a_slot(32))
    requests = (Request("wishes", 10, preferred_on=frozenset({slots[0].on})),)
    made = solve(Problem(requests, (a_room("a"),), slots, (Fixed("upr-review", hour(8)),)), QUICK)
    assert made.impossible_wishes == ("wishes",)
    assert made.placements[0].slot_id == "slot-32"


def test_same_seed_makes_the_same_timetable() -> None:
    problem = an_instance(7, proposals=40, rooms=3, days=2, slots_a_day=6, pins=2)
    first, second = (solve(problem, QUICK) for _ in range(2))
    assert first.placements == second.placements


def test_halted_search_still_gives_a_timetable_that_keeps_the_rules() -> None:
    problem = an_instance(5, proposals=40, rooms=3, days=2, slots_a_day=6)
    halt = Halt()
    halt.stop()
    made = solve(problem, QUICK, halt)
    assert not made.finished
    assert broken_rules(problem, made) == []


def test_nothing_to_place_is_a_timetable_too() -> None:
    made = solve(Problem((), (a_room("a"),), (a_slot(8),)), QUICK)
    assert (made.placements, made.unplaced, made.placed.gap) == ((), {}, 0)


def test_overlapping_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Problem((), (), (a_slot(8), Slot("b", Span(hour(8).starts_at, hour(9).ends_at), ZONE)))
