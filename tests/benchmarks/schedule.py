"""How good a timetable is after ten seconds: 300 proposals, 10 rooms, 80 slots, against the bound it proves.

``python -m tests.benchmarks.schedule [seed …]`` prints a line for each instance and exits 1 if one misses the aim.
"""

import sys

from services.events.scheduling.problem import Limits
from services.events.scheduling.solver import solve
from tests.support.timetable_checker import broken_rules
from tests.support.timetable_instances import an_instance

AIM_GAP = 0.01
AIM_S = 10.0


def main(seeds: list[int]) -> int:
    """Measure each seed's instance."""
    missed = 0
    for seed in seeds:
        problem = an_instance(seed, proposals=300, rooms=10, days=8, slots_a_day=10, pins=5)
        made = solve(problem, Limits(seconds=AIM_S, seed=1))
        faults = broken_rules(problem, made)
        met = made.placed.gap <= AIM_GAP and made.wishes.gap <= AIM_GAP and made.seconds <= AIM_S * 1.1 and not faults
        missed += not met
        print(
            f"seed {seed}: placed {made.placed.value:.0f} of {len(problem.requests)} (bound {made.placed.bound:.0f}, "
            f"gap {made.placed.gap:.2%}), wishes {made.wishes.value:.0f} (bound {made.wishes.bound:.0f}, "
            f"gap {made.wishes.gap:.2%}), {made.seconds:.1f} s, broken rules {len(faults)}, "
            f"aim {'met' if met else 'missed'}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main([int(seed) for seed in sys.argv[1:]] or [1, 2, 3]))
