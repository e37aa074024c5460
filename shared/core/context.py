"""What a log line and an outgoing message must know of their cause, carried along one thread of work."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.core.ids import new_id

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


def correlation_id() -> str:
    """The id that ties a request to every message and log line it caused; empty outside of any."""
    return _correlation_id.get()


def traceparent() -> str:
    """The W3C trace context: of the span around, else as it came in; empty when there was none."""
    return _traceparent.get()


def carried_trace(given: str) -> str:
    """``given`` if it is a W3C trace context; empty otherwise: what is stored and logged is from others."""
    return given if TRACEPARENT.fullmatch(given) else ""


@contextmanager
def caused_by(correlation: str = "", trace: str = "") -> Iterator[str]:
    """Bind the cause for everything inside; an empty ``correlation`` starts a new one. Yields the id."""
    value = correlation or new_id()
    first, second = _correlation_id.set(value), _traceparent.set(trace)
    try:
        yield value
    finally:
        _correlation_id.reset(first)
        _traceparent.reset(second)


@contextmanager
def carrying(trace: str) -> Iterator[None]:
    """Bind the trace context of a span for everything inside; the correlation id stays."""
    before = _traceparent.set(trace)
    try:
        yield
    finally:
        _traceparent.reset(before)
