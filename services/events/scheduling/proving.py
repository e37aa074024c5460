"""Proves why a proposal has no place, by a minimal set of proposals with which it cannot be placed together.

Three arguments are tried, the cheap ones first:

- *Rooms*: a bipartite matching of proposals to places (a slot with a room) leaves one over. Whoever alternating paths
  reach from it share one place too few, and without any one of them the places suffice.
- *Busy*: the same for the proposals of one speaker or one working group and the slots.
- *Search*: CP-SAT is asked whether a set can be placed, each proposal by an assumption. The assumptions that it needs
  to say no are a contradictory set, which is made minimal by leaving out one after the other.
"""

import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

from ortools.sat.python import cp_model

from services.events.scheduling.halt import Halt
from services.events.scheduling.model import add_rules
from services.events.scheduling.openings import Openings, busy_names
from services.events.scheduling.problem import Argument, Proof, Request

Place: TypeAlias = Hashable
"""What only one proposal can have: a slot with a room, or a slot of one speaker."""


def prove_unplaced(openings: Openings, slots: Mapping[str, str], seconds: float, halt: Halt) -> dict[str, Proof]:
    """Return a proof for each proposal without a place for which one is found.

    Args:
        openings: of the problem.
        slots: of the timetable, by proposal.
        seconds: for all proofs together.
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
    return _left_over(
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
    """Those who share a speaker or a group with ``extra``, and one slot too few; empty if there are none."""
    for name in sorted(busy_names(extra)):
        sharing = [request for request in placed if name in busy_names(request)]
        slots = {
            request.proposal_id: [slot.id for slot in openings.open_slots[request.proposal_id]]
            for request in (*sharing, extra)
        }
        if found := _left_over(slots):
            return found
    return set()


def _left_over(open_places: Mapping[str, Sequence[Place]]) -> set[str]:
    """Whom alternating paths reach from the first proposal that finds no place; empty if all find one."""
    holders: dict[Place, str] = {}
    for name in open_places:
        if reached := _augment(name, open_places, holders):
            return reached
    return set()


def _augment(start: str, open_places: Mapping[str, Sequence[Place]], holders: dict[Place, str]) -> set[str]:
    """Give ``start`` a place by an augmenting path, breadth first; or return everybody whom alternating paths reach."""
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
    """Move everybody on the path to ``free`` one place on."""
    held = {holder: place for place, holder in holders.items()}
    place: Place | None = free
    while place is not None:
        name = came_from[place]
        holders[place] = name
        place = held.get(name)


def _contradiction(openings: Openings, placed: Sequence[Request], extra: Request, until: float) -> set[str]:
    """A minimal set with ``extra`` that no timetable can place; empty if it is not proved in time."""
    question = _Question(openings, until)
    try:
        core = question.contradiction({extra.proposal_id, *(request.proposal_id for request in placed)})
        needed: set[str] = set()
        while core:
            candidate = core.pop()
            smaller = question.contradiction(needed | core)
            if smaller:
                core = smaller - needed
            else:
                needed.add(candidate)
    except TimeoutError:
        return set()
    return needed


class _Question:
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
