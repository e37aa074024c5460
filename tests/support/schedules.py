"""Arrival times of people, in seconds from the start, for the open-loop load."""

RUSH = (134, 121, 104, 92, 83, 74, 66, 58, 50, 43, 36, 30, 25, 20, 15, 11, 8)
"""A rush as a conference's ticket sale saw it: 970 people within 17 seconds, 134 of them in the first."""


def steady(per_second: float, seconds: float, begin_s: float = 0.0) -> list[float]:
    """``per_second`` people a second, evenly."""
    return [begin_s + number / per_second for number in range(round(per_second * seconds))]


def step(per_second: float, times: float, before_s: float, during_s: float, after_s: float) -> list[float]:
    """``per_second``, then so many ``times`` as many, then as before."""
    return [
        *steady(per_second, before_s),
        *steady(per_second * times, during_s, before_s),
        *steady(per_second, after_s, before_s + during_s),
    ]


def rush(folds: int = 1) -> list[float]:
    """``RUSH``, with ``folds`` people for each of its."""
    return [at_s for second, people in enumerate(RUSH) for at_s in steady(people * folds, 1.0, float(second))]
