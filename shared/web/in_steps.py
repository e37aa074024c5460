"""Answers that leave in steps of time, so that how long they took does not tell what was found (ADR 21)."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import request

from shared.web.fine_sleep import set_up, sleep_until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STEP_S = 0.01
"""A quiet machine stores a registration in 2 ms and a proposal in 4, a slower one in twice as much. What differs, a
fiftieth of it, has to lie far from the step's end."""

BEGAN = "troika.step_began_s"
"""In the environment of a request whose answer leaves in steps: when the first of them began, monotonic seconds."""


def begin_step() -> None:
    """Let the answer to this request leave at whole steps from now on.

    To be called when all is done that depends on what was sent alone, and before anything is looked up: whoever makes
    the reading of their request slow does not move the step under what is to be hidden.
    """
    request.environ[BEGAN] = time.monotonic()


class InSteps:
    """An application, and around it the wait for the end of a step.

    It stands outside of the door: who waits holds no place.

    Args:
        inner: the application.
        clock: seconds.
        wait_until: returns at that time of ``clock``.

    Raises:
        OSError: the kernel gives no timer; asked for now, so that none is lacking when something has been stored.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        *,
        clock: Callable[[], float] = time.monotonic,
        wait_until: Callable[[float], None] = sleep_until,
    ) -> None:
        self._inner, self._clock, self._wait_until = inner, clock, wait_until
        set_up()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, and hold the answer back to the end of its step if one has begun."""
        answer = self._inner(environ, start_response)
        began_s: float | None = environ.get(BEGAN)
        if began_s is not None:
            steps = (self._clock() - began_s) // STEP_S + 1
            self._wait_until(began_s + steps * STEP_S)
        return answer
