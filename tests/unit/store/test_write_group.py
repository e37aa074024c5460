"""Leader and followers: everybody gets their own outcome, once, after the batch; one bad command spoils no other."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.core.errors import DomainError, Overloaded, Unavailable
from shared.store.write_group import WriteGroup
from tests.support.waiting import poll_until

CALLERS = 40


class Batches:
    """What a group runs: doubles numbers, remembers the batches, can be held, and chokes on what it is told to."""

    def __init__(self) -> None:
        self.run: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()
        self.chokes_on: dict[int, Exception] = {}

    def __call__(self, batch: Sequence[int]) -> list[int | DomainError]:
        self.run.append(list(batch))
        self.free.wait()
        for number in batch:
            if number in self.chokes_on:
                raise self.chokes_on[number]
        return [DomainError("negative") if number < 0 else number * 2 for number in batch]


@pytest.fixture
def batches() -> Batches:
    return Batches()


def _submit_all(
    group: WriteGroup[int, int | DomainError], batches: Batches, numbers: Sequence[int]
) -> list["Future[int | DomainError]"]:
    """The first number's batch is held until all others wait; returns when every caller has its outcome."""
    batches.free.clear()
    with ThreadPoolExecutor(len(numbers)) as pool:
        first = pool.submit(group.submit, numbers[0])
        poll_until(lambda: batches.run, what="the first batch runs")
        others = []
        for count, number in enumerate(numbers[1:], start=1):
            others.append(pool.submit(group.submit, number))
            poll_until(lambda count=count: len(group._waiting) == count, what="the caller waits")  # type: ignore[misc]
        batches.free.set()
    return [first, *others]


def test_those_who_wait_go_together_in_order(batches: Batches) -> None:
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches)
    outcomes = _submit_all(group, batches, range(CALLERS))
    assert [outcome.result(1) for outcome in outcomes] == [number * 2 for number in range(CALLERS)]
    assert batches.run == [[0], list(range(1, CALLERS))]


def test_batches_are_bounded_and_the_lead_is_passed_on(batches: Batches) -> None:
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches, most=10)
    outcomes = _submit_all(group, batches, range(31))
    assert [outcome.result(1) for outcome in outcomes] == [number * 2 for number in range(31)]
    assert batches.run == [[0], list(range(1, 11)), list(range(11, 21)), list(range(21, 31))]


def test_a_refusal_is_raised_for_its_caller_alone(batches: Batches) -> None:
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches)
    outcomes = _submit_all(group, batches, [1, 2, -3, 4])
    with pytest.raises(DomainError, match="negative"):
        outcomes[2].result(1)
    assert [outcomes[number].result(1) for number in (0, 1, 3)] == [2, 4, 8]


def test_one_that_breaks_the_batch_is_found_and_the_others_are_stored(batches: Batches) -> None:
    batches.chokes_on[3] = ValueError("three")
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches)
    outcomes = _submit_all(group, batches, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="three"):
        outcomes[2].result(1)
    assert [outcomes[number].result(1) for number in (0, 1, 3)] == [2, 4, 8]
    assert batches.run == [[1], [2, 3, 4], [2], [3], [4]]


def test_an_outage_is_told_to_all_and_tried_by_nobody(batches: Batches) -> None:
    batches.chokes_on[3] = Unavailable("database unavailable")
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches)
    outcomes = _submit_all(group, batches, [1, 2, 3, 4])
    assert outcomes[0].result(1) == 2
    for outcome in outcomes[1:]:
        with pytest.raises(Unavailable):
            outcome.result(1)
    assert batches.run == [[1], [2, 3, 4]]


def test_even_a_leader_that_is_stopped_lets_nobody_wait_for_ever(batches: Batches) -> None:
    batches.chokes_on[2] = SystemExit()  # type: ignore[assignment]  # what stops a thread is no Exception
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches)
    outcomes = _submit_all(group, batches, [1, 2, 3])
    assert outcomes[0].result(1) == 2
    with pytest.raises(SystemExit):
        outcomes[1].result(1)
    with pytest.raises(Unavailable, match="stopped"):
        outcomes[2].result(1)
    assert group.submit(5) == 10


def test_who_waits_too_long_gives_up_and_is_not_run(batches: Batches) -> None:
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches, patience_s=0.05)
    batches.free.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(group.submit, 1)
        poll_until(lambda: batches.run, what="the first batch runs")
        with pytest.raises(Unavailable, match="too many"):
            group.submit(2)
        batches.free.set()
        assert first.result(1) == 2
    assert group.submit(3) == 6
    assert batches.run == [[1], [3]]


def test_whose_batch_already_runs_waits_for_its_end(batches: Batches) -> None:
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches, patience_s=0.3)
    batches.free.clear()
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(group.submit, 1)]
        poll_until(lambda: batches.run, what="the first batch runs")
        futures += [pool.submit(group.submit, number) for number in (2, 3)]
        poll_until(lambda: len(group._waiting) == 2, what="two wait")
        first_half = batches.free
        batches.free = threading.Event()
        first_half.set()
        poll_until(lambda: len(batches.run) == 2, what="the second batch runs")
        threading.Event().wait(0.5)
        assert [future.done() for future in futures] == [True, False, False]
        batches.free.set()
    assert sorted(future.result(1) for future in futures) == [2, 4, 6]  # type: ignore[type-var]


def test_crowd_is_refused_at_once_and_not_run(batches: Batches) -> None:
    """Two batches have shown that a command takes longer than all may wait."""
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches, longest_wait_s=0.0, never_crowded=2)
    assert [group.submit(1), group.submit(2)] == [2, 4]
    batches.free.clear()
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(group.submit, 3)]
        poll_until(lambda: len(batches.run) == 3, what="the third runs")
        assert not group.crowded()
        held.append(pool.submit(group.submit, 4))
        poll_until(lambda: len(group._waiting) == 1, what="the fourth waits")
        assert group.crowded()
        with pytest.raises(Overloaded, match="too many"):
            group.submit(5)
        batches.free.set()
    assert [future.result(1) for future in held] == [6, 8]
    assert batches.run == [[1], [2], [3], [4]]


def test_one_slow_batch_is_no_crowd(batches: Batches) -> None:
    """The quick one beside it says how long a command takes."""
    group: WriteGroup[int, int | DomainError] = WriteGroup(batches, never_crowded=1)
    group._paces_s = (0.001, 60.0)
    batches.free.clear()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(group.submit, 1)
        poll_until(lambda: batches.run, what="the first runs")
        assert not group.crowded()
        group._paces_s = (60.0, 60.0)
        assert group.crowded()
        batches.free.set()
    assert held.result(1) == 2
