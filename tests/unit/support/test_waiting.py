"""The deadline of a poll and the clock of the tests."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import waiting
from tests.support.clock import FrozenClock
from tests.support.ports import FIRST_PORT, LAST_PORT, free_port, is_listening
from tests.support.waiting import allowed_s, poll_until, strict


def test_poll_returns_the_first_true_value() -> None:
    values = iter([0, "", 7, 8])
    assert poll_until(lambda: next(values), every_s=0.0) == 7


def test_poll_past_its_deadline_names_what_was_awaited_and_the_last_value() -> None:
    with pytest.raises(AssertionError) as failure:
        poll_until(lambda: 0, 0.02, every_s=0.001, what="the mail")
    assert str(failure.value) == f"not within {allowed_s(0.02):g} s: the mail (last value: 0)"


def test_beside_others_everything_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_factor", 1.0)
    assert (allowed_s(1.5), strict()) == (1.5, True)
    waiting.scale_timeouts()
    assert (allowed_s(1.5), strict()) == (1.5 * waiting.BESIDE_OTHERS, False)
    clock = _PausedClock()
    monkeypatch.setattr(waiting, "time", clock)
    assert poll_until(lambda: clock.now_s > 0.08, 0.05, every_s=0.03) is True
    with pytest.raises(AssertionError, match=r"not within 0\.15 s"):
        poll_until(lambda: clock.now_s > 9.0, 0.05, every_s=0.03)


class _PausedClock:
    """Replaces the ``time`` of a poll and moves by its pauses alone, however busy the machine is."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s


def test_poll_lets_an_error_through_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        poll_until(lambda: 1 / 0, 60.0)


def test_frozen_clock_is_constant_until_it_is_moved() -> None:
    clock = FrozenClock(datetime(2020, 3, 4, 19, 0, tzinfo=UTC))
    assert clock() == clock() == datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
    clock.advance(timedelta(hours=1), seconds=30)
    assert clock() == datetime(2020, 3, 4, 20, 0, 30, tzinfo=UTC)


def test_frozen_clock_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FrozenClock(datetime(2020, 3, 4, 19, 0))  # noqa: DTZ001 - the very thing that is refused


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)
    assert not any(is_listening(port) for port in ports)


def test_port_of_one_process_is_given_to_no_other() -> None:
    """Not even while no one listens on it, as when a test has stopped its server for a short time."""
    port = free_port()
    others = f"from tests.support import ports; ports.FIRST_PORT = ports.LAST_PORT = {port}; ports.free_port()"
    done = subprocess.run([sys.executable, "-c", others], capture_output=True, text=True, check=False)
    assert "no 1 free ports in a row" in done.stderr


def test_block_that_is_not_to_be_had_takes_no_port_from_others() -> None:
    """Else a few failed tries beside another run leave no room for any block, for the lifetime of the process."""
    others = (
        "from tests.support import ports; ports.LAST_PORT = ports.FIRST_PORT + 99\n"
        "ports._reserve(ports.FIRST_PORT + 60); kept = set(ports._reserved)\n"
        "try: ports.free_block(80)\n"
        "except RuntimeError: print(set(ports._reserved) == kept)"
    )
    done = subprocess.run([sys.executable, "-c", others], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
