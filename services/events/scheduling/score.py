"""How good a timetable is: most placed, then fewest moves of what is published, then wishes.

The three are compared in this order; a later one never outweighs an earlier one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.events.domain.schedule import Placement, Slot, same_place
from services.events.scheduling.openings import Openings
from services.events.scheduling.problem import Request

PREFERRED_DAY, DRAFTED_SLOT, BUSIEST_DAY = 10, 6, 1
"""Weights of the wishes: a preferred day, the slot in the draft, and one less for each on the busiest day."""


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """Attributes, in the order in which they count:

    placed: proposals with a place, without pinned ones.
    kept: published side events that stay in slot and room.
    wishes: weight of the wishes that are granted.
    """

    placed: int
    kept: int
    wishes: int


def score(openings: Openings, placements: tuple[Placement, ...]) -> Score:
    """Return the score of a timetable.

    Args:
        openings: of the problem.
        placements: of proposals that are not pinned.
    """
    places = {placement.proposal_id: placement for placement in placements}
    kept = sum(same_place(places.get(name), published) for name, published in openings.keepable.items())
    return Score(len(places), kept, _wishes(openings, places))


def most_wishes(openings: Openings, placed: int) -> int:
    """Return an upper bound of the weight: everybody has the best open slot, and ``placed`` are spread evenly."""
    best = (
        max((wish_weight(request, slot) for slot in openings.open_slots[request.proposal_id]), default=0)
        for request in openings.free
    )
    days = {slot.on for request in openings.free for slot in openings.open_slots[request.proposal_id]}
    return sum(best) - BUSIEST_DAY * -(-placed // max(1, len(days)))


def _wishes(openings: Openings, places: Mapping[str, Placement]) -> int:
    slots = {slot.id: slot for slot in openings.problem.slots}
    granted = sum(
        wish_weight(request, slots[places[request.proposal_id].slot_id])
        for request in openings.free
        if request.proposal_id in places
    )
    days = Counter(slots[placement.slot_id].on for placement in places.values())
    return granted - BUSIEST_DAY * max(days.values(), default=0)


def wish_weight(request: Request, slot: Slot) -> int:
    """Return the weight of the wishes that are granted by having the request in the slot."""
    preferred = PREFERRED_DAY if slot.on in request.preferred_on else 0
    drafted = DRAFTED_SLOT if request.drafted is not None and request.drafted.slot_id == slot.id else 0
    return preferred + drafted
