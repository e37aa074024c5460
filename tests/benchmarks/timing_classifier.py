"""How well two kinds of requests can be distinguished by their duration."""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Distinguishability:
    """What the durations reveal.

    Attributes:
        likelihood: that of one known and one new address, each drawn at random, the known one took longer (the area
            under the curve of every classifier by a threshold).
        guessed: share that the best threshold of one half of the pairs gets right in the other half.
        new_ms, known_ms: medians.
    """

    likelihood: float
    guessed: float
    new_ms: float
    known_ms: float

    @property
    def distance(self) -> float:
        """The larger distance from one half."""
        return max(abs(self.likelihood - 0.5), abs(self.guessed - 0.5))


def distinguish(pairs: Sequence[tuple[float, float]]) -> Distinguishability:
    """What the durations in ``pairs`` (new, known; milliseconds) reveal."""
    new, known = ([pair[side] for pair in pairs] for side in (0, 1))
    learnt = best_threshold(pairs[::2])
    return Distinguishability(
        likelihood_of(new, known), guessed_by(learnt, pairs[1::2]), *map(statistics.median, (new, known))
    )


def likelihood_of(new: Sequence[float], known: Sequence[float]) -> float:
    """How likely a ``known`` one is to be greater than a ``new`` one; equal ones count half (Mann and Whitney's U)."""
    ordered = sorted(new)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in known) / 2
    return wins / (len(new) * len(known))


def best_threshold(pairs: Sequence[tuple[float, float]]) -> tuple[float, bool]:
    """The milliseconds that part new from known best, and whether known ones are above."""
    marked = sorted([(new, 0) for new, _ in pairs] + [(known, 1) for _, known in pairs])
    best, right, threshold = 0, 0, (marked[0][0], True)
    for (value, mark), following in zip(marked, [*marked[1:], (math.inf, 0)], strict=True):
        right += 1 if mark == 0 else -1  # of those up to here: new ones less known ones
        if abs(right) > best and following[0] != value:
            best, threshold = abs(right), (value, right > 0)
    return threshold


def guessed_by(threshold: tuple[float, bool], pairs: Sequence[tuple[float, float]]) -> float:
    """The share of ``pairs``' members that ``threshold`` gets right."""
    value, known_above = threshold
    right = sum((new <= value) == known_above for new, _ in pairs) + sum(
        (known > value) == known_above for _, known in pairs
    )
    return right / (2 * len(pairs))
