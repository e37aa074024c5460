"""What the events service shows of itself: its metrics and its fail points.

The reference is generated from these declarations. Labels are bounded and never contain personal data.
"""

from prometheus_client import Counter, Gauge, Histogram

from shared.runtime.failpoints import Point

schedule_solve_seconds = Histogram(
    "troika_schedule_solve_seconds",
    "Time from a scheduling job's claim to its end, seconds.",
    buckets=(0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0),
)
schedule_solves_total = Counter(
    "troika_schedule_solves_total",
    "Scheduling jobs by outcome: done, returned (asked to stop), overtaken (the board was changed during the search), "
    "failed (the search raised an error).",
    ["outcome"],
)
schedule_proposals = Gauge(
    "troika_schedule_proposals",
    "Proposals in the last timetable that was made, by state: placed, unplaced.",
    ["state"],
    multiprocess_mode="mostrecent",
)
schedule_gap_ratio = Gauge(
    "troika_schedule_gap_ratio",
    "Gap between the last timetable and the proven bound, as a fraction of the bound, by goal: places, moves, wishes.",
    ["goal"],
    multiprocess_mode="mostrecent",
)

FAIL_POINTS = {
    "solve.claimed": Point("a job is claimed and committed", ("solve",)),
    "solve.searched": Point("a timetable is found but not stored", ("solve",)),
    "solve.stored": Point("it is committed", ("solve",)),
}
"""Places at which a test may make one of its processes die, fail or hang."""
