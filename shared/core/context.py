"""What a log line and an outgoing message must know of their cause, carried along one thread of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.core.ids import new_id

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


def correlation_id() -> str:
    """The id that ties a request to every message and log line it caused; empty outside of any."""
    return _correlation_id.get()


def traceparent() -> str:
    """The W3C trace context header as it came in; empty when there was none."""
    return _traceparent.get()


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
