"""Makes a timetable: most proposals placed, then fewest moves of what is published, then most preferences met.

Each goal is searched for by itself and then becomes a constraint of the next search:

1. *Places.* First fit around what is published; a maximum flow bounds what is possible. Where first fit misses the
   bound, a local search tries to find a timetable that reaches it (it finds complete timetables of several hundred
   proposals in well under a second). Where it finds none, an exact search lowers the bound, and the local search tries
   again.
2. *Moves.* An exact search with the linear relaxation, which proves the minimum.
3. *Preferences.* The same.

The bound ignores speakers and groups: each proposal only needs a room that is large enough in one of its slots. The
most that find one is a flow, which is exact and takes milliseconds; with speakers and groups it can only be fewer.
Measured: the bound of the search itself stays far above for longer than there is time.

All searches run in one thread with a fixed seed, so the same problem gives the same timetable unless the clock ends a
search. What was measured is in docs/adr/0009-timetable.md.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ortools.graph.python import max_flow, min_cost_flow  # type: ignore[import-untyped]  # it brings no types
from ortools.sat.python import cp_model

from services.events.scheduling.cp_sat import Model, build_model, prove_unplaced
from services.events.scheduling.model import (
    Moves,
    Problem,
    Proof,
    Request,
    SearchLimits,
    SearchStage,
    StopSignal,
    Timetable,
)
from services.events.scheduling.openings import (
    Openings,
    Score,
    first_fit,
    impossible_preferences,
    max_preferences,
    reasons_for,
    score,
)
from services.events.venue.model import Placement, Room, same_place

log = logging.getLogger(__name__)

NOT_PUBLISHED, NOT_DRAFTED = 1_000_000, 1_000
"""Costs of another room than the published one, and than the one in the draft; beside them a larger room costs 1."""

FIRST_SHARE, EXACT_SHARE, PLACES_SHARE = 0.25, 0.45, 0.65
"""Shares of the time after which the searches for places end: local, exact for the bound, local with that bound."""

LOCAL_EFFORT = 1.0
"""Deterministic time of one local search; it finds what is to be found in a tenth of it."""

MOVES_SHARE = 0.85
"""Share of the time after which the search for fewer moves ends."""

SAME_PLACED_SHARE = 0.9
"""Share of the time after which the search for preferences includes all proposals, not only those that have a place."""

ROUNDING = 1e-6
"""Objectives are whole numbers; the library reports their bounds as floats."""

Prover = Callable[[Openings, Mapping[str, str], float, StopSignal], dict[str, Proof]]

PROOFS_S = 2.0
"""Seconds, beyond the limit of the searches, for the proofs that a proposal can have no place."""


def max_places(openings: Openings) -> int:
    """An upper bound of how many of the proposals that are not pinned can be placed."""
    flow, source, sink = max_flow.SimpleMaxFlow(), 0, 1
    rooms = _room_nodes(openings, flow, sink)
    node = 2 + sum(len(kinds) for kinds in rooms.values())
    for request in openings.free:
        flow.add_arc_with_capacity(source, node, 1)
        for slot in openings.open_slots[request.proposal_id]:
            large_enough = next(found for capacity, found in rooms[slot.id] if capacity >= request.attendance)
            flow.add_arc_with_capacity(node, large_enough, 1)
        node += 1
    if flow.num_arcs() == 0 or flow.solve(source, sink) != flow.OPTIMAL:
        return len(openings.free)
    return int(flow.optimal_flow())


def _room_nodes(openings: Openings, flow: max_flow.SimpleMaxFlow, sink: int) -> dict[str, list[tuple[int, int]]]:
    """(capacity, node) by slot, the smallest first; what fits into one kind also fits into the next larger one."""
    nodes: dict[str, list[tuple[int, int]]] = {}
    node = 2
    for slot in openings.problem.slots:
        kinds = sorted({room.capacity for room in openings.rooms[slot.id]})
        nodes[slot.id] = [(capacity, node + n) for n, capacity in enumerate(kinds)]
        for number, (capacity, here) in enumerate(nodes[slot.id]):
            count = sum(room.capacity == capacity for room in openings.rooms[slot.id])
            flow.add_arc_with_capacity(here, sink, count)
            if number + 1 < len(kinds):
                flow.add_arc_with_capacity(here, here + 1, len(openings.free))
        node += len(kinds)
    return nodes


def assign_rooms(openings: Openings, slots: Mapping[str, str]) -> tuple[Placement, ...]:
    """Return a placement for each proposal in ``slots`` (slot by proposal), sorted by proposal.

    Raises:
        ValueError: the rooms of a slot do not suffice.
    """
    by_slot: dict[str, list[Request]] = {slot.id: [] for slot in openings.problem.slots}
    for request in openings.free:
        if request.proposal_id in slots:
            by_slot[slots[request.proposal_id]].append(request)
    made = [place for slot_id, here in by_slot.items() if here for place in _assigned(openings, slot_id, here)]
    return tuple(sorted(made, key=lambda placement: placement.proposal_id))


def _assigned(openings: Openings, slot_id: str, requests: Sequence[Request]) -> list[Placement]:
    """A minimum cost flow: source, requests, rooms, sink."""
    rooms = openings.rooms[slot_id]
    flow, source, sink = min_cost_flow.SimpleMinCostFlow(), 0, 1
    first_room = 2 + len(requests)
    for node in range(len(rooms)):
        flow.add_arc_with_capacity_and_unit_cost(first_room + node, sink, 1, 0)
    arcs: dict[int, Placement] = {}
    for node, request in enumerate(requests, start=2):
        flow.add_arc_with_capacity_and_unit_cost(source, node, 1, 0)
        for rank, room in enumerate(rooms):
            if room.capacity >= request.attendance:
                cost = _cost(openings, request, room, slot_id) + rank
                arc = flow.add_arc_with_capacity_and_unit_cost(node, first_room + rank, 1, cost)
                arcs[int(arc)] = Placement(request.proposal_id, room.id, slot_id)
    flow.set_nodes_supplies([source, sink], [len(requests), -len(requests)])
    if flow.solve() != flow.OPTIMAL:
        raise ValueError(f"the rooms of slot {slot_id} do not suffice")
    return [placement for arc, placement in arcs.items() if flow.flow(arc)]


def _cost(openings: Openings, request: Request, room: Room, slot_id: str) -> int:
    published, drafted = openings.keepable.get(request.proposal_id), request.drafted
    leaves_published = published is not None and published.slot_id == slot_id and published.room_id != room.id
    leaves_drafted = drafted is not None and drafted.slot_id == slot_id and drafted.room_id != room.id
    return NOT_PUBLISHED * leaves_published + NOT_DRAFTED * leaves_drafted


@dataclass(slots=True)
class _Search:
    """The best timetable so far, with all that the searches share."""

    openings: Openings
    limits: SearchLimits
    halt: StopSignal
    began: float
    slots: dict[str, str] = field(default_factory=dict)
    placements: tuple[Placement, ...] = ()
    score: Score = field(default=Score(-1, 0, 0))

    def remaining_s(self, share: float) -> float:
        """Seconds until ``share`` of the time is over; 0 if it is, or if the search was stopped."""
        return 0.0 if self.halt else max(0.0, self.began + share * self.limits.seconds - time.monotonic())

    def offer(self, slots: dict[str, str]) -> None:
        """Take these slots (by proposal) if their timetable is better than the best so far."""
        placements = assign_rooms(self.openings, slots)
        if (found := score(self.openings, placements)) > self.score:
            self.slots, self.placements, self.score = slots, placements, found


def solve(
    problem: Problem, limits: SearchLimits, halt: StopSignal | None = None, prove: Prover = prove_unplaced
) -> Timetable:
    """Return the best timetable that is found in the time.

    Args:
        problem: what is to be scheduled.
        limits: time and seed.
        halt: ends it early; the result is then not ``finished``.
        prove: makes the proofs; without them, if it fails.
    """
    search = _Search(Openings(problem), limits, halt or StopSignal(), time.monotonic())
    search.offer(first_fit(search.openings))
    most = _search_places(search)
    moves = _search_moves(search)
    preferences = _search_preferences(search)
    openings, pinned = search.openings, len(problem.pinned)
    proofs = _proofs(search, prove)
    return Timetable(
        placements=tuple(sorted((*problem.pinned, *search.placements), key=lambda one: one.proposal_id)),
        unplaced=reasons_for(openings, search.slots),
        proofs=proofs,
        impossible_preferences=tuple(impossible_preferences(openings)),
        placed=SearchStage(search.score.placed + pinned, most + pinned),
        moves=moves,
        preferences=preferences,
        seconds=time.monotonic() - search.began,
        finished=not search.halt,
    )


def _proofs(search: _Search, prove: Prover) -> dict[str, Proof]:
    """Proofs for what has no place; none if they cannot be made, since the timetable is complete without them."""
    try:
        return prove(search.openings, search.slots, PROOFS_S, search.halt)
    except Exception:
        log.exception("no proof could be made; the timetable is stored without")
        return {}


def _search_places(search: _Search) -> int:
    """Place as many as possible; returns the proven bound."""
    most = max_places(search.openings)
    _reach(search, most, FIRST_SHARE)
    if search.score.placed < most:
        model = build_model(search.openings, least_placed=search.score.placed)
        model.cp.add(model.placed <= most)
        model.cp.maximize(model.placed)
        bound = _run(search, model, EXACT_SHARE)
        most = most if bound is None else min(most, math.floor(bound + ROUNDING))
        _reach(search, most, PLACES_SHARE)
    return max(most, search.score.placed)


def _reach(search: _Search, most: int, share: float) -> None:
    """Search for a timetable with ``most`` places by local search, or else for the largest number that it reaches."""
    target = most
    while search.score.placed < target and search.remaining_s(share):
        model = build_model(search.openings, least_placed=target)
        if _run(search, model, share, local_effort=LOCAL_EFFORT) is None:
            most = target - 1
        target = (search.score.placed + most + 1) // 2


def _search_moves(search: _Search) -> Moves:
    """Move as few published side events as possible without placing fewer proposals."""
    openings = search.openings
    published = sum(request.previous is not None for request in openings.free)
    least = published - len(openings.keepable)
    if published - search.score.kept > least:
        model = build_model(openings, least_placed=search.score.placed)
        model.cp.minimize(model.moves)
        bound = _run(search, model, MOVES_SHARE)
        least += 0 if bound is None else max(0, math.ceil(bound - ROUNDING))
    return Moves(published, made=published - search.score.kept, least=least)


def _search_preferences(search: _Search) -> SearchStage:
    """Meet as many preferences as possible without placing fewer proposals or moving more published side events."""
    openings = search.openings
    bound = float(max_preferences(openings, search.score.placed))
    if search.score.preferences < bound:
        max_moves = len(openings.keepable) - search.score.kept
        model = build_model(openings, least_placed=search.score.placed, max_moves=max_moves)
        model.cp.maximize(model.preferences)
        if any(request.proposal_id not in search.slots for request in openings.free):
            _run(search, _without_unplaced(model, search), SAME_PLACED_SHARE)
        proven = _run(search, model, 1.0)
        bound = bound if proven is None else min(bound, proven)
    return SearchStage(search.score.preferences, max(bound, search.score.preferences))


def _run(search: _Search, model: Model, share: float, local_effort: float | None = None) -> float | None:
    """Search until ``share`` of the time is over and offer what is found.

    Args:
        local_effort: the deterministic time of a local search; None for an exact search.

    Returns:
        the proven bound of the objective; None if nothing was found.
    """
    seconds = search.remaining_s(share)
    if not model.places or not seconds:
        return None
    _hint(model, search)
    solver = _solver(search.limits.seed, seconds)
    if local_effort is not None:
        solver.parameters.use_ls_only = True
        solver.parameters.max_deterministic_time = local_effort
    search.halt.watch(solver.stop_search)
    status = solver.solve(model.cp)
    search.halt.forget(solver.stop_search)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    search.offer({name: slot for (name, slot), place in model.places.items() if solver.boolean_value(place)})
    return float(solver.best_objective_bound)


def _without_unplaced(model: Model, search: _Search) -> Model:
    """The same model for the proposals alone that have a place now: it is much easier."""
    cp = model.cp.clone()
    for (name, _), place in model.places.items():
        if name not in search.slots:
            cp.add(place == 0)
    return replace(model, cp=cp)


def _hint(model: Model, search: _Search) -> None:
    places = {placement.proposal_id: placement for placement in search.placements}
    for (name, slot_id), place in model.places.items():
        model.cp.add_hint(place, search.slots.get(name) == slot_id)
    for name, variable in model.kept.items():
        model.cp.add_hint(variable, same_place(places.get(name), search.openings.keepable[name]))


def _solver(seed: int, seconds: float) -> cp_model.CpSolver:
    """A solver with one thread: it is deterministic unless the clock ends the search."""
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    return solver
