"""A process with several loops ends all of them when any one ends."""

import threading

import pytest

from shared.runtime.deployment import ProbeAddress
from shared.runtime.runner import Stop, run


def _wait(ended: list[str], name: str, stop: Stop) -> None:
    stop.wait(30.0)
    ended.append(name)


@pytest.mark.parametrize(("error", "code"), [(None, 0), (RuntimeError("broken"), 1)])
def test_end_of_one_loop_ends_all(error: Exception | None, code: int) -> None:
    ended: list[str] = []

    def first(_stop: Stop) -> None:
        if error is not None:
            raise error

    loops = {"first": first, "second": lambda stop: _wait(ended, "second", stop)}
    assert run(loops, probes=ProbeAddress(), ready=list) == code
    assert ended == ["second"]


def test_loops_run_beside_each_other() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet(_stop: Stop) -> None:
        meeting.wait()

    assert run({"first": meet, "second": meet}, probes=ProbeAddress(), ready=list) == 0
