"""The model: one variable says that a proposal is in a slot. Rooms are not in it: they are found afterwards.

That rooms exist is said by one sum for each slot and capacity (see ``openings``), so rooms that are alike make no
symmetry and the model stays small: 300 proposals and 80 slots have 24,000 variables instead of 240,000.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ortools.sat.python import cp_model

from services.events.domain.schedule import Slot
from services.events.scheduling.openings import Openings, busy_names
from services.events.scheduling.problem import Request

PREFERRED, STAYS, SPREAD = 10, 6, 1
"""Weights of the wishes: a preferred day, the slot it had, and one less on the busiest day."""

MOST_WISHED = PREFERRED + STAYS
"""What the wishes of one proposal are worth at most."""


@dataclass(frozen=True, slots=True)
class Model:
    """The rules as CP-SAT takes them.

    Attributes:
        cp: the model, without an objective.
        places: by proposal and slot.
        placed: how many have a place.
        wishes: what the wishes are worth.
        most_wishes: more than they can ever be worth.
    """

    cp: cp_model.CpModel
    places: dict[tuple[str, str], cp_model.IntVar]
    placed: cp_model.LinearExpr
    wishes: cp_model.LinearExpr


def build_model(openings: Openings, least_placed: int) -> Model:
    """The model of a problem; it always has a solution, since nobody needs to have a place.

    Args:
        openings: of the problem.
        least_placed: how many surely will have a place in the end: the busiest day is at least their average.
    """
    cp = cp_model.CpModel()
    places = {
        (request.proposal_id, slot.id): cp.new_bool_var("")
        for request in openings.free
        for slot in openings.open_slots[request.proposal_id]
    }
    _once_each(cp, openings, places)
    _nobody_twice(cp, openings, places)
    _rooms_suffice(cp, openings, places)
    return Model(
        cp, places, cp_model.LinearExpr.sum(list(places.values())), _wishes(cp, openings, places, least_placed)
    )


def _once_each(cp: cp_model.CpModel, openings: Openings, places: dict[tuple[str, str], cp_model.IntVar]) -> None:
    for request in openings.free:
        own = [places[request.proposal_id, slot.id] for slot in openings.open_slots[request.proposal_id]]
        if own:
            cp.add_at_most_one(own)


def _nobody_twice(cp: cp_model.CpModel, openings: Openings, places: dict[tuple[str, str], cp_model.IntVar]) -> None:
    """In each slot each speaker and each group at most once."""
    sharing: defaultdict[tuple[str, str], list[cp_model.IntVar]] = defaultdict(list)
    for request in openings.free:
        for name in sorted(busy_names(request)):
            for slot in openings.open_slots[request.proposal_id]:
                sharing[name, slot.id].append(places[request.proposal_id, slot.id])
    for together in sharing.values():
        if len(together) > 1:
            cp.add_at_most_one(together)


def _rooms_suffice(cp: cp_model.CpModel, openings: Openings, places: dict[tuple[str, str], cp_model.IntVar]) -> None:
    """In each slot, for each capacity: those who need at least so much are no more than the rooms that have it."""
    for slot in openings.problem.slots:
        here = [request for request in openings.free if (request.proposal_id, slot.id) in places]
        capacities = sorted({room.capacity for room in openings.rooms[slot.id]})
        for below, capacity in zip((0, *capacities), capacities, strict=False):
            needing = [places[request.proposal_id, slot.id] for request in here if request.attendance > below]
            rooms = sum(room.capacity >= capacity for room in openings.rooms[slot.id])
            if len(needing) > rooms:
                cp.add(sum(needing) <= rooms)


def _wishes(
    cp: cp_model.CpModel, openings: Openings, places: dict[tuple[str, str], cp_model.IntVar], least_placed: int
) -> cp_model.LinearExpr:
    by_day: defaultdict[date, list[cp_model.IntVar]] = defaultdict(list)
    slots = {slot.id: slot for slot in openings.problem.slots}
    requests = {request.proposal_id: request for request in openings.free}
    worth = []
    for (proposal_id, slot_id), place in places.items():
        by_day[slots[slot_id].on].append(place)
        if weight := wish_of(requests[proposal_id], slots[slot_id]):
            worth.append(weight * place)
    average = -(-least_placed // max(1, len(by_day)))
    busiest = cp.new_int_var(average, max(average, len(openings.free)), "busiest day")
    for day in by_day.values():
        cp.add(sum(day) <= busiest)
    return cp_model.LinearExpr.sum(worth) - SPREAD * busiest


def worth_of(openings: Openings, slots: Mapping[str, str]) -> int:
    """What the wishes are worth with these slots (by proposal): as the model reckons it."""
    by_id = {slot.id: slot for slot in openings.problem.slots}
    granted = sum(
        wish_of(request, by_id[slots[request.proposal_id]]) for request in openings.free if request.proposal_id in slots
    )
    days = Counter(by_id[slot_id].on for slot_id in slots.values())
    return granted - SPREAD * max(days.values(), default=0)


def wish_of(request: Request, slot: Slot) -> int:
    """What it is worth to have the request in the slot."""
    preferred = PREFERRED if slot.on in request.preferred_on else 0
    stays = STAYS if request.previous is not None and request.previous.slot_id == slot.id else 0
    return preferred + stays
