"""Waiting in tests: polls with a deadline, never a bare sleep.

Where five workers share two processors, as in `make test`, everything is given three times the time: what is late
there is late because others run. Alone (``-n 0``), and in both parts of `make chaos`, a limit is used as it is.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BESIDE_OTHERS = 3.0
SELDOM_S = 0.25
"""Between two polls, once a wait is long: each poll may take a connection and ten milliseconds of processor time."""
_factor = 1.0


def scale_timeouts() -> None:
    """Give everything in this process ``BESIDE_OTHERS`` times the time."""
    global _factor
    _factor = BESIDE_OTHERS


def strict() -> bool:
    """Whether a limit is used as it is, since the system has the machine for itself."""
    return _factor == 1.0


def allowed_s(seconds: float) -> float:
    """How long something may take in this run that may take ``seconds`` on an idle machine."""
    return seconds * _factor


def poll_until(condition: Callable[[], T], within_s: float = 10.0, *, every_s: float = 0.05, what: str = "") -> T:
    """Call ``condition`` until it gives something true and return that.

    Args:
        condition: called without arguments; what it raises ends the wait at once.
        within_s: seconds after which the wait has failed (see ``allowed_s``); it is called again at the deadline.
        every_s: seconds between two calls; then a tenth of what was waited so far, at most ``SELDOM_S``.
        what: the sentence of the failure; by default the condition's name.

    Returns:
        the first true value.

    Raises:
        AssertionError: nothing true within ``within_s``; names the last value seen.
    """
    allowed = allowed_s(within_s)
    began = time.monotonic()
    deadline = began + allowed
    while True:
        late = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if late:
            wanted = what or getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"not within {allowed:g} s: {wanted} (last value: {value!r})")
        time.sleep(max(every_s, min(SELDOM_S, (time.monotonic() - began) / 10)))
