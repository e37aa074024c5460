"""P9: how good a timetable is after ten seconds, against what is known or proved to be the best.

Two kinds of problem, both with 300 proposals and 10 rooms: 80 slots, some people missing on some days; and 30 slots,
made from a timetable that fills every place, with 295 of them published.

``python -m tests.benchmarks.schedule [seed …]`` prints a line for each problem and exits 1 if one misses the aim.
"""

import sys

from services.events.scheduling.model import Problem, SearchLimits
from services.events.scheduling.solver import solve
from tests.benchmarks.servers import Entry, Servers
from tests.support.timetable_checker import broken_rules
from tests.support.timetable_instances import a_full_instance, an_instance

AIM_GAP = 0.05
"""The preferences that are met are at least 95 % of the best known."""

AIM_S = 10.0
SEEDS = (1, 2, 3)


def measure(_ground: Servers) -> Entry:
    """P9."""
    missed, gaps = 0, []
    for seed in SEEDS:
        for problem in _problems(seed):
            met, gap = _measure(seed, problem)
            missed += not met
            gaps.append(gap)
    return {
        "ratio": round(max(gaps), 4),
        "aim": AIM_GAP,
        "met": missed == 0,
        "seconds_each": AIM_S,
        "seeds": len(SEEDS),
    }


def main(seeds: list[int]) -> int:
    """Measure each seed's instance."""
    missed = [seed for seed in seeds for problem in _problems(seed) if not _measure(seed, problem)[0]]
    return 1 if missed else 0


def _problems(seed: int) -> tuple[Problem, Problem]:
    return (
        an_instance(seed, proposals=300, rooms=10, days=8, slots_a_day=10, pins=5),
        a_full_instance(seed, proposals=300, rooms=10, days=5, slots_a_day=6, new=5),
    )


def _measure(seed: int, problem: Problem) -> tuple[bool, float]:
    """Whether the aim is met, and the gap of the preferences."""
    made = solve(problem, SearchLimits(seconds=AIM_S, seed=1))
    faults = broken_rules(problem, made)
    gap = made.preferences.gap
    met = max(gap - AIM_GAP, made.placed.gap, made.moves.gap) <= 0 and made.seconds <= AIM_S * 1.1 and not faults
    print(
        f"  seed {seed}: placed {made.placed.value:.0f} of {len(problem.requests)} (bound {made.placed.bound:.0f}, "
        f"gap {made.placed.gap:.2%}), moved {made.moves.made} of {made.moves.published} (at least {made.moves.least}), "
        f"preferences {made.preferences.value:.0f} (bound {made.preferences.bound:.0f}, "
        f"gap {made.preferences.gap:.2%}), {made.seconds:.1f} s, broken rules {len(faults)}, "
        f"aim {'met' if met else 'missed'}",
        flush=True,
    )
    return met, gap


if __name__ == "__main__":
    sys.exit(main([int(seed) for seed in sys.argv[1:]] or list(SEEDS)))
