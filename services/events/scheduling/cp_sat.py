"""The CP-SAT model of a timetable, and proofs that a proposal can have no place.

One Boolean variable states that a proposal is in a slot. Rooms are not variables; they are assigned afterwards. That
suitable rooms exist is one linear constraint for each slot and capacity (see ``openings``), so identical rooms cause no
symmetry and the model stays small: 300 proposals and 80 slots have 24,000 variables instead of 240,000. A published
side event has a second variable: it keeps its slot *and* its room, which others in that slot cannot use.

A proof is a minimal set of proposals that cannot all be placed together with a given one. Three arguments are tried,
the cheap ones first:

- *Rooms*: a bipartite matching of proposals to places (a slot with a room) leaves one unmatched. The proposals that
alternating paths reach from it share one place too few; without any one of them the places suffice.
- *Busy*: the same for the proposals of one speaker or one working group and the slots.
- *Search*: CP-SAT is asked whether a set can be placed, with one assumption for each proposal. The assumptions that it
needs for a refusal are a contradictory set, which is made minimal by leaving out one after the other.
"""

import time
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from ortools.sat.python import cp_model

from services.events.scheduling.model import Argument, Proof, Request, StopSignal
from services.events.scheduling.openings import BUSIEST_DAY, Openings, busy_names, wish_weight
from services.events.venue.model import TimeSlot

Places: TypeAlias = Mapping[tuple[str, str], cp_model.IntVar]
"""Variables by proposal and slot."""

Place: TypeAlias = Hashable
"""What only one proposal can have: a slot with a room, or a slot of one speaker."""


@dataclass(frozen=True, slots=True)
class Model:
    """The rules as a CP-SAT model, without an objective.

    Attributes:
        cp: the model.
        places: the variables by proposal and slot; true for the slot that the proposal has.
        kept: the variables by proposal; true if it stays in the slot and the room in which it is published.
        placed: how many have a place.
        moves: how many published side events that can stay do not.
        preferences: the weight of the preferences that are met, less the busiest day.
    """

    cp: cp_model.CpModel
    places: Places
    kept: Mapping[str, cp_model.IntVar]
    placed: cp_model.LinearExpr
    moves: cp_model.LinearExpr
    preferences: cp_model.LinearExpr


def build_model(openings: Openings, *, least_placed: int, max_moves: int | None = None) -> Model:
    """Return the model of a problem.

    Args:
        openings: the indexed problem.
        least_placed: how many proposals (without pinned ones) must have a place; 0 to all of them.
        max_moves: how many published side events may move; None for any number.
    """
    cp = cp_model.CpModel()
    places = _places(cp, openings)
    _one_slot_each(cp, openings, places, least_placed)
    _no_double_booking(cp, openings, places)
    kept = _kept(cp, openings, places)
    _room_capacities(cp, openings, places, kept)
    placed = cp_model.LinearExpr.sum(list(places.values()))
    moves = len(kept) - cp_model.LinearExpr.sum(list(kept.values()))
    if max_moves is not None and kept:
        cp.add(moves <= max_moves)
    return Model(cp, places, kept, placed, moves, _preferences_met(cp, openings, places, least_placed))


def add_rules(cp: cp_model.CpModel, openings: Openings) -> Places:
    """Add only the variables and the hard rules: no one is busy twice, and the rooms suffice."""
    places = _places(cp, openings)
    _no_double_booking(cp, openings, places)
    _room_capacities(cp, openings, places, {})
    return places


def _places(cp: cp_model.CpModel, openings: Openings) -> Places:
    return {
        (request.proposal_id, slot.id): cp.new_bool_var("")
        for request in openings.free
        for slot in openings.open_slots[request.proposal_id]
    }


def _one_slot_each(cp: cp_model.CpModel, openings: Openings, places: Places, least_placed: int) -> None:
    """Exactly one slot each, or none, which is a variable too: the local search needs that to find anything."""
    without = []
    for request in openings.free:
        none = cp.new_bool_var("")
        without.append(none)
        cp.add_exactly_one(
            none, *(places[request.proposal_id, slot.id] for slot in openings.open_slots[request.proposal_id])
        )
    cp.add(sum(without) <= len(without) - least_placed)


def _no_double_booking(cp: cp_model.CpModel, openings: Openings, places: Places) -> None:
    """In each slot each speaker and each group at most once."""
    sharing: defaultdict[tuple[str, str], list[cp_model.IntVar]] = defaultdict(list)
    for request in openings.free:
        for name in sorted(busy_names(request)):
            for slot in openings.open_slots[request.proposal_id]:
                sharing[name, slot.id].append(places[request.proposal_id, slot.id])
    for together in sharing.values():
        if len(together) > 1:
            cp.add_at_most_one(together)


def _kept(cp: cp_model.CpModel, openings: Openings, places: Places) -> dict[str, cp_model.IntVar]:
    kept: dict[str, cp_model.IntVar] = {}
    by_cell: defaultdict[tuple[str, str], list[cp_model.IntVar]] = defaultdict(list)
    for proposal_id, published in openings.keepable.items():
        variable = kept[proposal_id] = cp.new_bool_var("")
        cp.add_implication(variable, places[proposal_id, published.slot_id])
        by_cell[published.slot_id, published.room_id].append(variable)
    for together in by_cell.values():
        if len(together) > 1:
            cp.add_at_most_one(together)
    return kept


def _room_capacities(
    cp: cp_model.CpModel, openings: Openings, places: Places, kept: Mapping[str, cp_model.IntVar]
) -> None:
    """In each slot, for each capacity: proposals that need, or keep, a room of at least that size have one each."""
    capacity_of = {room.id: room.capacity for room in openings.problem.rooms}
    for slot in openings.problem.slots:
        here = [request for request in openings.free if (request.proposal_id, slot.id) in places]
        for below, capacity in openings.capacity_steps(slot.id):
            using = [places[request.proposal_id, slot.id] for request in here if request.attendance > below]
            using += [
                kept[request.proposal_id]
                for request in here
                if request.attendance <= below
                and request.proposal_id in kept
                and (published := openings.keepable[request.proposal_id]).slot_id == slot.id
                and capacity_of[published.room_id] >= capacity
            ]
            rooms = sum(room.capacity >= capacity for room in openings.rooms[slot.id])
            if len(using) > rooms:
                cp.add(sum(using) <= rooms)


def _preferences_met(
    cp: cp_model.CpModel, openings: Openings, places: Places, least_placed: int
) -> cp_model.LinearExpr:
    by_day: defaultdict[date, list[cp_model.IntVar]] = defaultdict(list)
    worth = []
    for request, slot, place in _each(openings, places):
        by_day[slot.on].append(place)
        if weight := wish_weight(request, slot):
            worth.append(weight * place)
    average = -(-least_placed // max(1, len(by_day)))
    busiest = cp.new_int_var(average, max(average, len(openings.free)), "busiest day")
    for day in by_day.values():
        cp.add(sum(day) <= busiest)
    return cp_model.LinearExpr.sum(worth) - BUSIEST_DAY * busiest


def _each(openings: Openings, places: Places) -> Iterator[tuple[Request, TimeSlot, cp_model.IntVar]]:
    for request in openings.free:
        for slot in openings.open_slots[request.proposal_id]:
            yield request, slot, places[request.proposal_id, slot.id]


def prove_unplaced(openings: Openings, slots: Mapping[str, str], seconds: float, halt: StopSignal) -> dict[str, Proof]:
    """Return a proof for each proposal without a place for which one is found.

    Args:
        openings: the indexed problem.
        slots: the ids of the timetable's slots, by proposal.
        seconds: the time for all proofs together, in seconds.
        halt: ends the search early.
    """
    until = time.monotonic() + seconds
    placed = [request for request in openings.free if request.proposal_id in slots]
    unplaced = [request for request in openings.free if request.proposal_id not in slots]
    proofs = {}
    for request in unplaced:
        if halt or time.monotonic() >= until:
            break
        if (proof := _proof(openings, placed, request, until)) is not None:
            proofs[request.proposal_id] = proof
    return proofs


def _proof(openings: Openings, placed: Sequence[Request], extra: Request, until: float) -> Proof | None:
    argument, found = Argument.ROOMS, _too_few_rooms(openings, [*placed, extra])
    if not found:
        argument, found = Argument.BUSY, _too_few_slots(openings, placed, extra)
    if not found:
        argument, found = Argument.SEARCH, _contradiction(openings, placed, extra, until)
    return Proof(argument, tuple(sorted(found - {extra.proposal_id}))) if found else None


def _too_few_rooms(openings: Openings, requests: Sequence[Request]) -> set[str]:
    """The proposals that share one place too few; empty if rooms and their hours suffice for all."""
    return _unmatched(
        {
            request.proposal_id: [
                (slot.id, room.id)
                for slot in openings.open_slots[request.proposal_id]
                for room in openings.rooms[slot.id]
                if room.capacity >= request.attendance
            ]
            for request in requests
        }
    )


def _too_few_slots(openings: Openings, placed: Sequence[Request], extra: Request) -> set[str]:
    """Return the proposals that share a speaker or group with ``extra`` and have one slot too few.

    Empty if there are none.
    """
    for name in sorted(busy_names(extra)):
        sharing = [request for request in placed if name in busy_names(request)]
        slots = {
            request.proposal_id: [slot.id for slot in openings.open_slots[request.proposal_id]]
            for request in (*sharing, extra)
        }
        if found := _unmatched(slots):
            return found
    return set()


def _unmatched(open_places: Mapping[str, Sequence[Place]]) -> set[str]:
    """Return the proposals that alternating paths reach from the first one without a place; empty if all have one."""
    holders: dict[Place, str] = {}
    for name in open_places:
        if reached := _augment(name, open_places, holders):
            return reached
    return set()


def _augment(start: str, open_places: Mapping[str, Sequence[Place]], holders: dict[Place, str]) -> set[str]:
    """Give ``start`` a place by an augmenting path, breadth first.

    Or return every proposal that alternating paths reach.
    """
    reached, queue, came_from = {start}, deque([start]), dict[Place, str]()
    while queue:
        name = queue.popleft()
        for place in open_places[name]:
            if place in came_from:
                continue
            came_from[place] = name
            holder = holders.get(place)
            if holder is None:
                _shift(place, came_from, holders)
                return set()
            reached.add(holder)
            queue.append(holder)
    return reached


def _shift(free: Place, came_from: Mapping[Place, str], holders: dict[Place, str]) -> None:
    """Move every proposal on the path to ``free`` by one place."""
    held = {holder: place for place, holder in holders.items()}
    place: Place | None = free
    while place is not None:
        name = came_from[place]
        holders[place] = name
        place = held.get(name)


def _contradiction(openings: Openings, placed: Sequence[Request], extra: Request, until: float) -> set[str]:
    """A minimal set with ``extra`` that no timetable can place; empty if it is not proved in time."""
    query = _AssumptionQuery(openings, until)
    try:
        core = query.contradiction({extra.proposal_id, *(request.proposal_id for request in placed)})
        needed: set[str] = set()
        while core:
            candidate = core.pop()
            smaller = query.contradiction(needed | core)
            if smaller:
                core = smaller - needed
            else:
                needed.add(candidate)
    except TimeoutError:
        return set()
    return needed


class _AssumptionQuery:
    """Asks CP-SAT whether a set of proposals can all be placed, by one assumption for each of them."""

    def __init__(self, openings: Openings, until: float) -> None:
        self._until = until
        self._cp = cp_model.CpModel()
        places = add_rules(self._cp, openings)
        self._wanted = {request.proposal_id: self._cp.new_bool_var("") for request in openings.free}
        for name, wanted in self._wanted.items():
            own = [places[name, slot.id] for slot in openings.open_slots[name]]
            self._cp.add_at_most_one(own)
            self._cp.add_bool_or(*own, ~wanted)
        self._names = {wanted.index: name for name, wanted in self._wanted.items()}

    def contradiction(self, names: set[str]) -> set[str]:
        """Return some of ``names`` that cannot all be placed; empty if all can.

        Raises:
            TimeoutError: not answered in time.
        """
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._cp.clear_assumptions()
        self._cp.add_assumptions([self._wanted[name] for name in sorted(names)])
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = seconds
        status = solver.solve(self._cp)
        if status == cp_model.INFEASIBLE:
            return {self._names[index] for index in solver.sufficient_assumptions_for_infeasibility()}
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return set()
        raise TimeoutError
