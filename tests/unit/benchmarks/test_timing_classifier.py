"""Guessing by time, on times whose difference is known."""

import random

import pytest

from tests.benchmarks.timing_classifier import best_threshold, distinguish, guessed_by, likelihood_of

CHANCE = random.Random(1)


def noisy(shift_ms: float, count: int = 2000) -> list[tuple[float, float]]:
    """Pairs whose second is slower by ``shift_ms`` on average."""
    return [(CHANCE.gauss(5, 1), CHANCE.gauss(5 + shift_ms, 1)) for _ in range(count)]


def test_times_of_one_kind_are_indistinguishable() -> None:
    found = distinguish(noisy(0))
    assert found.distance < 0.05
    assert abs(found.new_ms - found.known_ms) < 0.15


@pytest.mark.parametrize("shift_ms", [-1.0, 1.0])
def test_a_difference_is_found_in_either_direction(shift_ms: float) -> None:
    """Of two normal distributions one deviation apart: 0.76 and 0.69."""
    found = distinguish(noisy(shift_ms))
    assert found.likelihood == pytest.approx(0.76 if shift_ms > 0 else 0.24, abs=0.02)
    assert found.guessed == pytest.approx(0.69, abs=0.03)
    assert found.distance > 0.15


def test_disjoint_times_are_distinguished_completely() -> None:
    pairs = [(1.3, 2.0), (1.1, 2.1), (1.2, 2.2), (1.0, 2.3)]
    assert (distinguish(pairs).likelihood, distinguish(pairs).guessed) == (1.0, 1.0)
    assert guessed_by(best_threshold([(2.0, 1.0), (2.1, 1.1)]), [(2.2, 1.05)]) == 1.0


def test_equal_times_count_half() -> None:
    assert likelihood_of([1.0, 1.0], [1.0, 1.0]) == 0.5
    assert likelihood_of([1.0, 2.0], [2.0, 3.0]) == 0.875
