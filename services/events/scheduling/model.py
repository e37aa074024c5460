"""The CP-SAT model of a timetable: one Boolean variable says that a proposal is in a slot.

Rooms are not variables; they are assigned afterwards. That suitable rooms exist is one linear constraint for each slot
and capacity (Hall's theorem for nested sets, see ``openings``), so identical rooms cause no symmetry and the model
stays small: 300 proposals and 80 slots have 24,000 variables instead of 240,000.

A published side event has a second variable: it keeps its slot *and* its room. Who keeps a room takes it away from the
others in that slot, which the same constraints express.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from ortools.sat.python import cp_model

from services.events.domain.schedule import Slot
from services.events.scheduling.openings import Openings, busy_names
from services.events.scheduling.problem import Request
from services.events.scheduling.score import BUSIEST_DAY, wish_weight

Places: TypeAlias = Mapping[tuple[str, str], cp_model.IntVar]
"""Variables by proposal and slot."""


@dataclass(frozen=True, slots=True)
class Model:
    """The rules as CP-SAT takes them, without an objective.

    Attributes:
        cp: the model.
        places: by proposal and slot.
        kept: by proposal: it stays in the slot and the room in which it is published.
        placed: how many have a place.
        moves: how many published side events that can stay do not.
        wishes: the weight of the wishes that are granted, less the busiest day.
    """

    cp: cp_model.CpModel
    places: Places
    kept: Mapping[str, cp_model.IntVar]
    placed: cp_model.LinearExpr
    moves: cp_model.LinearExpr
    wishes: cp_model.LinearExpr


def build_model(openings: Openings, *, least_placed: int, most_moves: int | None = None) -> Model:
    """Return the model of a problem.

    Args:
        openings: of the problem.
        least_placed: how many proposals (without pinned ones) must have a place; 0 to all of them.
        most_moves: how many published side events may move; None: any number.
    """
    cp = cp_model.CpModel()
    places = _places(cp, openings)
    _once_each(cp, openings, places, least_placed)
    _nobody_twice(cp, openings, places)
    kept = _kept(cp, openings, places)
    _rooms_suffice(cp, openings, places, kept)
    placed = cp_model.LinearExpr.sum(list(places.values()))
    moves = len(kept) - cp_model.LinearExpr.sum(list(kept.values()))
    if most_moves is not None and kept:
        cp.add(moves <= most_moves)
    return Model(cp, places, kept, placed, moves, _wishes(cp, openings, places, least_placed))


def add_rules(cp: cp_model.CpModel, openings: Openings) -> Places:
    """Add the variables and the hard rules alone: nobody is busy twice, and the rooms suffice."""
    places = _places(cp, openings)
    _nobody_twice(cp, openings, places)
    _rooms_suffice(cp, openings, places, {})
    return places


def _places(cp: cp_model.CpModel, openings: Openings) -> Places:
    return {
        (request.proposal_id, slot.id): cp.new_bool_var("")
        for request in openings.free
        for slot in openings.open_slots[request.proposal_id]
    }


def _once_each(cp: cp_model.CpModel, openings: Openings, places: Places, least_placed: int) -> None:
    """Exactly one slot each, or none, which is a variable too: the local search needs that to find anything."""
    without = []
    for request in openings.free:
        none = cp.new_bool_var("")
        without.append(none)
        cp.add_exactly_one(
            none, *(places[request.proposal_id, slot.id] for slot in openings.open_slots[request.proposal_id])
        )
    cp.add(sum(without) <= len(without) - least_placed)


def _nobody_twice(cp: cp_model.CpModel, openings: Openings, places: Places) -> None:
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


def _rooms_suffice(
    cp: cp_model.CpModel, openings: Openings, places: Places, kept: Mapping[str, cp_model.IntVar]
) -> None:
    """In each slot, for each capacity: whoever needs, or keeps, a room of at least that size has one of their own."""
    capacity_of = {room.id: room.capacity for room in openings.problem.rooms}
    for slot in openings.problem.slots:
        here = [request for request in openings.free if (request.proposal_id, slot.id) in places]
        for below, capacity in openings.capacity_steps(slot.id):
            using = [places[request.proposal_id, slot.id] for request in here if request.attendance > below]
            using += [
                kept[request.proposal_id]
                for request in here
                if request.attendance <= below
                and (published := openings.keepable.get(request.proposal_id)) is not None
                and published.slot_id == slot.id
                and capacity_of[published.room_id] >= capacity
            ]
            rooms = sum(room.capacity >= capacity for room in openings.rooms[slot.id])
            if len(using) > rooms:
                cp.add(sum(using) <= rooms)


def _wishes(cp: cp_model.CpModel, openings: Openings, places: Places, least_placed: int) -> cp_model.LinearExpr:
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


def _each(openings: Openings, places: Places) -> Iterator[tuple[Request, Slot, cp_model.IntVar]]:
    for request in openings.free:
        for slot in openings.open_slots[request.proposal_id]:
            yield request, slot, places[request.proposal_id, slot.id]
