"""The bulletin beside which mails are timed is not over before them, even on a fast machine."""

import pytest

from tests.benchmarks.mailing import BESIDE_S, bulletin_size


@pytest.mark.parametrize("capacity", [75.0, 249.4, 2000.0])
def test_bulletin_lasts_longer_than_what_is_measured_beside_it(capacity: float) -> None:
    assert bulletin_size(1, capacity) >= 1.5 * BESIDE_S * capacity


def test_as_many_as_asked_for_where_they_last() -> None:
    assert bulletin_size(50_000, 249.4) == 50_000
