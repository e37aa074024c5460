"""Answers that leave in steps of time, so that how long they took does not tell what was found (ADR 21)."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from shared.web.fine_sleep import sleep_until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STEP_S = 0.01
"""A quiet machine answers a registration after 2.3 ms and a proposal after 4.4, a slower one after twice as much. What
differs, a fiftieth of it, has to lie far from the step's end."""

Chosen = Callable[["WSGIEnvironment"], bool]


def no_answer(_environ: "WSGIEnvironment") -> bool:
    """For a service that is never asked about an address by somebody it does not know."""
    return False


class InSteps:
    """An application some of whose answers leave at whole steps after their request had come in.

    It stands inside of the door, which waits for the body: a step does not begin where a slow sender wants it to.

    Args:
        inner: the application.
        chosen: whether the answer to this request leaves in steps.
        clock: seconds.
        wait_until: returns at that time of ``clock``.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        chosen: Chosen,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait_until: Callable[[float], None] = sleep_until,
    ) -> None:
        self._inner, self._chosen = inner, chosen
        self._clock, self._wait_until = clock, wait_until

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, and hold the answer back to the end of its step."""
        if not self._chosen(environ):
            return self._inner(environ, start_response)
        began_s = self._clock()
        answer = self._inner(environ, start_response)
        steps = (self._clock() - began_s) // STEP_S + 1
        self._wait_until(began_s + steps * STEP_S)
        return answer
