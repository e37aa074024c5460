"""Figures of the benchmarks for known input."""

from collections.abc import Sequence
from itertools import islice

import pytest

from tests.benchmarks.floor import FIELDS, INSERT, NUMBERED
from tests.benchmarks.intake_adapter import ACCEPTED
from tests.benchmarks.overload import Overload, from_elsewhere, normal_after_s
from tests.benchmarks.single_client import ask_times_ms
from tests.benchmarks.steady_load import ABOVE, Offered, offered
from tests.support.open_loop import Load, Shot

GOOD = Overload(
    goodput=0.9,
    p99_ms=700,
    refused=50_000,
    refused_p99_ms=120,
    without_retry_after=0,
    unanswered=0,
    others=0,
    normal_s=0.5,
    queries=1.4,
    queries_refused=0,
    offered_per_s=990,
)
FAULTS = {
    "goodput": 0.8,
    "p99_ms": 1000,
    "refused_p99_ms": 301,
    "without_retry_after": 1,
    "unanswered": 1,
    "others": 1,
    "normal_s": 11,
    "queries": 2.1,
    "queries_refused": 1,
}


def shot(due_s: float, took_s: float, status: int) -> Shot:
    """A request that was sent when it was due."""
    return Shot(0, due_s, due_s, due_s + took_s, status)


def test_receipt_is_asked_as_its_page_asks() -> None:
    assert list(islice(ask_times_ms(), 5)) == [100, 250, 600, 1200, 2400]


def test_floors_store_the_same_fields() -> None:
    assert len(FIELDS) == 12
    assert INSERT.count("%s") == len(FIELDS)
    assert NUMBERED.count("$") == len(FIELDS)
    assert "$1, $2" in NUMBERED
    assert f"${len(FIELDS)})" in NUMBERED


def test_overload_meets_its_aims_only_as_a_whole() -> None:
    assert GOOD.met
    for name, value in FAULTS.items():
        fields = {field: getattr(GOOD, field) for field in Overload.__slots__}
        assert not Overload(**fields | {name: value}).met, name


@pytest.mark.parametrize(
    ("shots", "normal_s"),
    [
        ([shot(9.0, 0.1, 503), shot(10.5, 0.1, ACCEPTED)], 0.0),
        ([shot(11.0, 0.1, 503), shot(12.0, 0.1, ACCEPTED)], 1.0),
        ([shot(11.0, 0.1, 503), shot(13.0, 1.5, ACCEPTED), shot(14.0, 0.1, ACCEPTED)], 3.0),
        ([shot(12.5, 20.0, 0)], 2.5),
    ],
)
def test_normal_begins_after_the_last_that_was_refused_slow_or_unanswered(
    shots: Sequence[Shot], normal_s: float
) -> None:
    assert normal_after_s(shots, 10.0) == normal_s


def test_clients_of_an_overload_come_from_separate_networks() -> None:
    assert b"X-Forwarded-For: 2001:db8:ffff::1\r\n" in from_elsewhere(65_535)
    assert from_elsewhere(1).count(b"\r\n\r\n") == 1


def test_open_loop_is_counted_by_answer() -> None:
    statuses = [(0.05, ACCEPTED)] * 98 + [
        (0.2, ACCEPTED),
        (0.3, ACCEPTED),
        (0.01, 503),
        (0.02, 429),
        (0.1, 500),
        (9, 0),
    ]
    load = Load([shot(number / 100, took_s, status) for number, (took_s, status) in enumerate(statuses)])
    assert offered(load, 100.0) == Offered(100, 101, 100, 2, 1, 1, 50.0, 300.0, 20.0)


def test_refusals_are_allowed_above_the_capacity_alone() -> None:
    calm, refusing = Offered(50, 50, 100, 0, 0, 0, 5, 99, 0), Offered(120, 120, 100, 20, 0, 0, 300, 900, 10)
    assert calm.meets(0.5)
    assert not refusing.meets(0.85)
    assert refusing.meets(ABOVE)
    assert not Offered(120, 120, 100, 20, 0, 1, 300, 900, 10).meets(ABOVE)
    assert not Offered(120, 120, 100, 20, 0, 0, 300, 900, 301).meets(ABOVE)
    assert not Offered(120, 120, 0, 120, 0, 0, 0, 0, 10).meets(ABOVE)
