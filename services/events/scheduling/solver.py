"""Makes a timetable: as many proposals as can be, and of all such timetables the one that grants most wishes.

In three steps, as measured on 300 proposals, 10 rooms and 80 slots:

1. The wishes alone. Who wishes nothing costs nothing, so this is small and is proven best within a few seconds.
2. Everybody else is put where there is room. Nearly always as many have a place then as a maximum flow allows.
3. Only if not: a search for more places, in which one place outweighs a handful of wishes, from there on.

Asking for places and wishes at once, or for places first, found less in ten seconds and proved less (see the record
of the decision, docs/adr/0009-timetable.md).
"""

import time
from dataclasses import dataclass

from ortools.sat.python import cp_model

from services.events.scheduling.assigning import assign_rooms
from services.events.scheduling.bounding import most_places
from services.events.scheduling.explanation import add_what_fits, impossible_wishes, reasons_for
from services.events.scheduling.halt import Halt
from services.events.scheduling.model import MOST_WISHED, Model, build_model, worth_of
from services.events.scheduling.openings import Openings
from services.events.scheduling.problem import Limits, Problem, Stage, Timetable

WISHES_SHARE = 0.6
"""Of the time, at most, for the wishes alone; what they leave goes to the search for more places."""

PLACE_WEIGHT = 100
"""What one more place is worth beside the wishes in the last search."""

CLOSE_ENOUGH = 0.005
"""A search ends when it is so near to its bound."""


@dataclass(frozen=True, slots=True)
class _Search:
    """One problem with all that its searches share."""

    openings: Openings
    model: Model
    limits: Limits
    halt: Halt
    until: float


def solve(problem: Problem, limits: Limits, halt: Halt | None = None) -> Timetable:
    """The best timetable that is found in the time; those without a place are named with the reason.

    Args:
        problem: what is to be scheduled.
        limits: time and seed.
        halt: ends it early; the result is then not ``finished``.
    """
    began, stopping = time.monotonic(), halt or Halt()
    openings = Openings(problem)
    slots, bound, wishes = _best(openings, limits, stopping, began)
    pinned = len(problem.pinned)
    return Timetable(
        placements=tuple(sorted((*problem.pinned, *assign_rooms(openings, slots)), key=lambda one: one.proposal_id)),
        unplaced=reasons_for(openings, slots),
        impossible_wishes=tuple(impossible_wishes(openings)),
        placed=Stage(len(slots) + pinned, bound + pinned),
        wishes=wishes,
        seconds=time.monotonic() - began,
        finished=not stopping,
    )


def _best(openings: Openings, limits: Limits, halt: Halt, began: float) -> tuple[dict[str, str], int, Stage]:
    """Slot by proposal, the most that can be placed, and how the wishes fared."""
    simple: dict[str, str] = {}
    add_what_fits(openings, simple)
    bound = most_places(openings)
    search = _Search(openings, build_model(openings, len(simple)), limits, halt, began + limits.seconds)
    wished, most_wishes = _run(search, search.model.wishes, limits.seconds * WISHES_SHARE, simple)
    add_what_fits(openings, wished)
    best = max((simple, wished), key=lambda slots: _worth(openings, slots))
    if len(best) < bound:
        goal = PLACE_WEIGHT * search.model.placed + search.model.wishes
        more, _ = _run(search, goal, search.until - time.monotonic(), best)
        add_what_fits(openings, more)
        best = max((best, more), key=lambda slots: _worth(openings, slots))
    reached = _worth(openings, best)[1]
    return best, bound, Stage(reached, max(reached, most_wishes))


def _worth(openings: Openings, slots: dict[str, str]) -> tuple[int, int]:
    """How many have a place, then what their wishes are worth."""
    return len(slots), worth_of(openings, slots)


def _run(
    search: _Search, goal: cp_model.LinearExpr, seconds: float, hint: dict[str, str]
) -> tuple[dict[str, str], float]:
    """The best slots that are found for ``goal``, beginning at ``hint``, and the proven bound of the goal."""
    model = search.model
    if not model.places or search.halt or seconds <= 0:
        return {}, float(MOST_WISHED * len(model.places))
    model.cp.maximize(goal)
    model.cp.clear_hints()  # type: ignore[no-untyped-call]  # the library's own annotation is missing
    for (proposal_id, slot_id), place in model.places.items():
        model.cp.add_hint(place, hint.get(proposal_id) == slot_id)
    solver = _solver(search.limits.seed, seconds)
    search.halt.watch(solver.stop_search)
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {}, solver.best_objective_bound
    slots = {name: slot for (name, slot), place in model.places.items() if solver.boolean_value(place)}
    return slots, solver.best_objective_bound


def _solver(seed: int, seconds: float) -> cp_model.CpSolver:
    """A search in one thread: it goes the same way each time, unless the clock ends it."""
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    solver.parameters.relative_gap_limit = CLOSE_ENOUGH
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    return solver
