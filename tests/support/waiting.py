"""Waiting in tests: polls with a deadline, never a bare sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll_until(condition: Callable[[], T], within_s: float = 10.0, *, every_s: float = 0.05, what: str = "") -> T:
    """Call ``condition`` until it gives something true and return that.

    Args:
        condition: called without arguments; what it raises ends the wait at once.
        within_s: seconds after which the wait has failed; it is called once more at the deadline.
        every_s: seconds between two calls.
        what: the sentence of the failure; by default the condition's name.

    Returns:
        the first true value.

    Raises:
        AssertionError: nothing true within ``within_s``; names the last value seen.
    """
    deadline = time.monotonic() + within_s
    while True:
        late = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if late:
            wanted = what or getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"not within {within_s} s: {wanted} (last value: {value!r})")
        time.sleep(every_s)
