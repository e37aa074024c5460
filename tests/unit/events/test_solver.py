"""Timetables keep the hard rules and are optimal; proposals without a place get a reason and a proof."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from services.events.scheduling.model import (
    Argument,
    Fixed,
    Moves,
    Problem,
    Proof,
    Reason,
    Request,
    SearchLimits,
    StopSignal,
)
from services.events.scheduling.openings import Openings, score
from services.events.scheduling.solver import solve as solve_with
from services.events.venue.model import Placement, Room, Span, TimeSlot, day_span
from shared.i18n.languages import Text
from tests.support.timetable_checker import broken_rules
from tests.support.timetable_instances import FIRST_DAY, ZONE, a_full_instance, an_instance, solve
from tests.support.waiting import allowed_s

QUICK = SearchLimits(seconds=5.0, seed=1)


def hour(number: int) -> Span:
    """One hour, ``number`` hours after the first day began."""
    start = FIRST_DAY + timedelta(hours=number)
    return Span(start, start + timedelta(hours=1))


def a_slot(number: int) -> TimeSlot:
    """The slot of an hour."""
    return TimeSlot(f"slot-{number}", hour(number), ZONE)


def a_room(name: str, capacity: int = 50) -> Room:
    """A room that is always open."""
    window = Span(FIRST_DAY - timedelta(days=9), FIRST_DAY + timedelta(days=9))
    return Room(id=name, title=Text.of(name), city="Geneva", capacity=capacity, time_zone=ZONE, open=(window,))


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
def test_no_timetable_is_better_than_the_one_that_is_found(seed: int) -> None:
    """All timetables of small problems, one by one: places count before moves, and moves before preferences."""
    problem = an_instance(seed, proposals=4, rooms=2, days=2, slots_a_day=1)
    made = solve(problem, QUICK)
    openings = Openings(problem)
    best = max(_all_timetables(problem), key=lambda placements: score(openings, placements))
    assert score(openings, made.placements) == score(openings, best)
    assert (made.placed.gap, made.moves.gap, made.preferences.gap) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(16))
def test_proof_names_proposals_that_no_timetable_places_together(seed: int) -> None:
    problem = an_instance(seed, proposals=5, rooms=1, days=2, slots_a_day=2)
    made = solve(problem, QUICK)
    assert set(made.proofs) == set(made.unplaced)
    together = [{placement.proposal_id for placement in placements} for placements in _all_timetables(problem)]
    for name, proof in made.proofs.items():
        assert not any({name, *proof.others} <= placed for placed in together)
        if proof.argument is Argument.SEARCH:
            assert all(any({name, *proof.others} - {one} <= placed for placed in together) for one in proof.others)


def _all_timetables(problem: Problem) -> Iterator[tuple[Placement, ...]]:
    """Every timetable of a problem without pins that breaks no rule."""
    empty = solve(replace(problem, requests=()), QUICK)

    def is_allowed(placements: tuple[Placement, ...]) -> bool:
        placed = {placement.proposal_id for placement in placements}
        unplaced = {one.proposal_id: (Reason("any"),) for one in problem.requests if one.proposal_id not in placed}
        return not broken_rules(problem, replace(empty, placements=placements, unplaced=unplaced))

    alone = [
        (None, *(place for place in _all_places(problem, request) if is_allowed((place,))))
        for request in problem.requests
    ]
    for choice in product(*alone):
        placements = tuple(place for place in choice if place is not None)
        if len({(place.room_id, place.slot_id) for place in placements}) == len(placements) and is_allowed(placements):
            yield placements


def _all_places(problem: Problem, request: Request) -> Iterator[Placement]:
    for room, slot in product(problem.rooms, problem.slots):
        yield Placement(request.proposal_id, room.id, slot.id)


def test_preferences_are_met_where_first_fit_meets_none() -> None:
    """Three of one group and one more, who are all placed either way."""
    slots, morning = (a_slot(8), a_slot(9), a_slot(32)), (hour(8),)
    first, second = slots[0].on, slots[2].on
    requests = (
        Request("p0", 40, "group", unavailable=morning, preferred_on=frozenset({second})),
        Request("p1", 40, "group", preferred_on=frozenset({second})),
        Request("p2", 40, unavailable=morning, preferred_on=frozenset({first})),
        Request("p3", 10, "group"),
    )
    made = solve(Problem(requests, (a_room("small", 20), a_room("large")), slots), QUICK)
    on = {placement.proposal_id: placement.slot_id for placement in made.placements}
    assert (len(on), on["p2"], "slot-32" in (on["p0"], on["p1"]), made.preferences.gap) == (4, "slot-9", True, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_complete_timetable_is_found_where_no_place_is_left_over(seed: int) -> None:
    """No proposal prefers a day: a search for preferences would use all its time after the places are found."""
    full = a_full_instance(seed, proposals=300, rooms=10, days=5, slots_a_day=6)
    problem = replace(full, requests=tuple(replace(one, preferred_on=frozenset()) for one in full.requests))
    made = solve(problem, SearchLimits(seconds=allowed_s(10.0)))
    assert broken_rules(problem, made) == []
    assert (len(made.placements), made.placed.gap) == (300, 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_new_proposal_moves_as_few_published_side_events_as_can_be(seed: int) -> None:
    """79 are published on 80 places, and the one that is free does not suit the newcomer."""
    full = a_full_instance(seed, proposals=80, rooms=4, days=5, slots_a_day=4, new=1)
    published = [request.previous for request in full.requests if request.previous is not None]
    taken = {(place.slot_id, place.room_id) for place in published}
    (free,) = (slot for slot in full.slots for room in full.rooms if (slot.id, room.id) not in taken)
    newcomer = replace(full.requests[-1], unavailable=(*full.requests[-1].unavailable, day_span(free.on, ZONE)))
    problem = replace(full, requests=(*full.requests[:-1], newcomer))
    made = solve(problem, QUICK)
    moved = [place for place in published if place not in made.placements]
    assert broken_rules(problem, made) == []
    assert (len(made.placements), len(moved), made.moves) == (80, made.moves.made, Moves(79, len(moved), len(moved)))
    assert 1 <= len(moved) <= 3


def test_published_side_event_is_left_out_last() -> None:
    """One place, which the newcomer would like as well."""
    held = Placement("published", "a", "slot-8")
    requests = (Request("new", 10, preferred_on=frozenset({a_slot(8).on})), Request("published", 10, previous=held))
    made = solve(Problem(requests, (a_room("a"),), (a_slot(8),)), QUICK)
    assert made.placements == (held,)
    assert made.proofs["new"].others == ("published",)


def test_published_room_is_kept_although_another_would_do() -> None:
    held = Placement("published", "large", "slot-8")
    requests = (Request("other", 60), Request("published", 10, previous=held))
    rooms = (a_room("small", 20), a_room("large", 80))
    made = solve(Problem(requests, rooms, (a_slot(8), a_slot(9))), QUICK)
    assert made.placements == (Placement("other", "large", "slot-9"), held)


def clashing() -> Problem:
    """Three proposals of which each two share a speaker, in two slots; one is published in a needlessly large room."""
    names = {"ab": ("one", "two"), "bc": ("two", "three"), "ca": ("three", "one")}
    held = Placement("published", "large", "slot-8")
    requests = [Request(name, 10, speakers=frozenset(speakers)) for name, speakers in names.items()]
    rooms = (a_room("small", 20), a_room("large", 80), a_room("middle", 50))
    return Problem((*requests, Request("published", 10, previous=held)), rooms, (a_slot(8), a_slot(9)))


def test_search_proof_beside_a_published_side_event_in_a_large_room() -> None:
    made = solve(clashing(), QUICK)
    ((name, proof),) = made.proofs.items()
    assert (proof.argument, {name, *proof.others}) == (Argument.SEARCH, {"ab", "bc", "ca"})
    assert len(made.placements) == 3


def test_proof_that_fails_costs_no_timetable() -> None:
    def fails(*_given: object) -> dict[str, Proof]:
        raise KeyError("a proposal")

    made = solve_with(clashing(), QUICK, prove=fails)
    assert (len(made.placements), made.finished, made.proofs) == (3, True, {})


def test_one_speaker_with_more_proposals_than_slots_is_the_proof() -> None:
    """A search through all assignments of 21 proposals to 20 slots would not end."""
    slots = tuple(a_slot(24 * day + hour) for day in range(4) for hour in range(5))
    requests = tuple(Request(f"p{n:02}", 10, speakers=frozenset({"somebody"})) for n in range(21))
    made = solve(Problem(requests, (a_room("a"), a_room("b")), slots), QUICK)
    ((name, proof),) = made.proofs.items()
    assert (proof.argument, {name, *proof.others}) == (Argument.BUSY, {request.proposal_id for request in requests})


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
    assert made.preferences.gap == 0


def test_place_comes_before_preferences() -> None:
    """One slot that both prefer, one that no one prefers: both have a place."""
    slots = (a_slot(8), a_slot(32))
    wish = frozenset({slots[0].on})
    requests = (Request("p", 10, preferred_on=wish), Request("q", 10, preferred_on=wish))
    assert len(solve(Problem(requests, (a_room("a"),), slots), QUICK).placements) == 2


def test_pinned_stays_also_where_it_breaks_a_rule() -> None:
    pin = Placement("large", "a", "slot-8", True)
    requests = (Request("large", 500, "housing"), Request("other", 10, "housing"))
    made = solve(Problem(requests, (a_room("a"), a_room("b")), (a_slot(8), a_slot(9)), pinned=(pin,)), QUICK)
    assert made.placements == (pin, replace(made.placements[1], slot_id="slot-9"))


def test_unplaced_proposals_get_valid_reasons() -> None:
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
    assert made.impossible_preferences == ("wishes",)
    assert made.placements[0].slot_id == "slot-32"


def test_same_seed_makes_the_same_timetable() -> None:
    problem = an_instance(7, proposals=40, rooms=3, days=2, slots_a_day=6, pins=2)
    first, second = (solve(problem, QUICK) for _ in range(2))
    assert first.placements == second.placements


def test_halted_search_still_gives_a_timetable_that_keeps_the_rules() -> None:
    problem = an_instance(5, proposals=40, rooms=3, days=2, slots_a_day=6)
    halt = StopSignal()
    halt.stop()
    made = solve(problem, QUICK, halt)
    assert not made.finished
    assert broken_rules(problem, made) == []


def test_nothing_to_place_is_a_timetable_too() -> None:
    made = solve(Problem((), (a_room("a"),), (a_slot(8),)), QUICK)
    assert (made.placements, made.unplaced, made.placed.gap) == ((), {}, 0)


def test_overlapping_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Problem((), (), (a_slot(8), TimeSlot("b", Span(hour(8).starts_at, hour(9).ends_at), ZONE)))
