"""Makes a timetable: most proposals placed, then fewest moves of what is published, then most wishes granted.

Each goal is searched for by itself and then becomes a constraint of the next search:

1. *Places.* First fit around what is published; a maximum flow bounds what is possible. Where first fit misses the
   bound, a local search looks for a timetable that reaches it (it finds complete timetables of several hundred
   proposals in well under a second). Where it finds none, an exact search lowers the bound, and the local search tries
   again.
2. *Moves.* An exact search with the linear relaxation, which proves the minimum.
3. *Wishes.* The same.

All searches run in one thread with a fixed seed, so the same problem gives the same timetable unless the clock ends a
search. What was measured is in docs/adr/0009-timetable.md.
"""

import math
import time
from dataclasses import dataclass, field, replace

from ortools.sat.python import cp_model

from services.events.domain.schedule import Placement, same_place
from services.events.scheduling.assigning import assign_rooms
from services.events.scheduling.bounding import most_places
from services.events.scheduling.explanation import first_fit, impossible_wishes, reasons_for
from services.events.scheduling.halt import Halt
from services.events.scheduling.model import Model, build_model
from services.events.scheduling.openings import Openings
from services.events.scheduling.problem import Limits, Moves, Problem, Stage, Timetable
from services.events.scheduling.proving import prove_unplaced
from services.events.scheduling.score import Score, most_wishes, score

FIRST_SHARE, EXACT_SHARE, PLACES_SHARE = 0.25, 0.45, 0.65
"""Shares of the time after which the searches for places end: local, exact for the bound, local with that bound."""

LOCAL_EFFORT = 1.0
"""Deterministic time of one local search; it finds what is to be found in a tenth of it."""

MOVES_SHARE = 0.85
"""Share of the time after which the search for fewer moves ends."""

SAME_PLACED_SHARE = 0.9
"""Share of the time after which the search for wishes looks at all proposals, not only at those that have a place."""

ROUNDING = 1e-6
"""Objectives are whole numbers; the library reports their bounds as floats."""

PROOFS_S = 2.0
"""Seconds, beyond the limit of the searches, for the proofs that a proposal can have no place."""


@dataclass(slots=True)
class _Search:
    """The best timetable so far, with all that the searches share."""

    openings: Openings
    limits: Limits
    halt: Halt
    began: float
    slots: dict[str, str] = field(default_factory=dict)
    placements: tuple[Placement, ...] = ()
    score: Score = field(default=Score(-1, 0, 0))

    def remaining_s(self, share: float) -> float:
        """Seconds until ``share`` of the time is over; 0 if it is, or if the search was told to stop."""
        return 0.0 if self.halt else max(0.0, self.began + share * self.limits.seconds - time.monotonic())

    def offer(self, slots: dict[str, str]) -> None:
        """Take these slots (by proposal) if their timetable is better than the best so far."""
        placements = assign_rooms(self.openings, slots)
        if (found := score(self.openings, placements)) > self.score:
            self.slots, self.placements, self.score = slots, placements, found


def solve(problem: Problem, limits: Limits, halt: Halt | None = None) -> Timetable:
    """Return the best timetable that is found in the time.

    Args:
        problem: what is to be scheduled.
        limits: time and seed.
        halt: ends it early; the result is then not ``finished``.
    """
    search = _Search(Openings(problem), limits, halt or Halt(), time.monotonic())
    search.offer(first_fit(search.openings))
    most = _search_places(search)
    moves = _search_moves(search)
    wishes = _search_wishes(search)
    openings, pinned = search.openings, len(problem.pinned)
    proofs = prove_unplaced(openings, search.slots, PROOFS_S, search.halt)
    return Timetable(
        placements=tuple(sorted((*problem.pinned, *search.placements), key=lambda one: one.proposal_id)),
        unplaced=reasons_for(openings, search.slots),
        proofs=proofs,
        impossible_wishes=tuple(impossible_wishes(openings)),
        placed=Stage(search.score.placed + pinned, most + pinned),
        moves=moves,
        wishes=wishes,
        seconds=time.monotonic() - search.began,
        finished=not search.halt,
    )


def _search_places(search: _Search) -> int:
    """Place as many as possible; returns the proven bound."""
    most = most_places(search.openings)
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
    """Look for a timetable with ``most`` places by local search, or else for the largest number that it reaches."""
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


def _search_wishes(search: _Search) -> Stage:
    """Grant as many wishes as possible without placing fewer proposals or moving more published side events."""
    openings = search.openings
    bound = float(most_wishes(openings, search.score.placed))
    if search.score.wishes < bound:
        most_moves = len(openings.keepable) - search.score.kept
        model = build_model(openings, least_placed=search.score.placed, most_moves=most_moves)
        model.cp.maximize(model.wishes)
        if any(request.proposal_id not in search.slots for request in openings.free):
            _run(search, _without_unplaced(model, search), SAME_PLACED_SHARE)
        proven = _run(search, model, 1.0)
        bound = bound if proven is None else min(bound, proven)
    return Stage(search.score.wishes, max(bound, search.score.wishes))


def _run(search: _Search, model: Model, share: float, local_effort: float | None = None) -> float | None:
    """Search until ``share`` of the time is over and offer what is found.

    Args:
        local_effort: search locally, for this much deterministic time; None: search exactly.

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
    """A search in one thread: it takes the same course each time, unless the clock ends it."""
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    return solver
