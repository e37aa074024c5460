"""Logs: JSON lines on standard error, correlation ids, and security events.

A message is constant, facts are in ``extra``, and nothing is personal data. The context of a request or message
(correlation id, trace) is carried along one thread of work, into each log line and each outgoing message.

Security events are counted, and a log line names each. The line has names and ids of ours beside it, never an address,
a token, a body or anything else that was sent. Refusals are logged a few times a minute only: repeated refusals must
not fill the disk.
"""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from shared.runtime.ids import new_id
from shared.runtime.metrics import security_events_total

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


class _Formatter(JsonFormatter):
    """Adds the process and its ids; a newline in a value stays inside its JSON string."""

    def __init__(self, service: str, role: str) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            timestamp="at",
            rename_fields={"levelname": "level", "name": "logger"},
        )
        self._who = {"service": service, "role": role}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.update(self._who)
        if correlation := correlation_id():
            log_data["correlation_id"] = correlation
        if trace := traceparent():
            log_data["trace_id"] = trace[3:35]


def configure_logs(service: str, role: str, level: str = "INFO") -> None:
    """Send every logger of this process to standard error as JSON lines. Never raises on a closed stream."""
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(service, role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("amqp", "kombu", "mail.log", "alembic"):
        logging.getLogger(noisy).setLevel("WARNING")
    logging.getLogger("pika").setLevel("CRITICAL")  # up to nine lines and a traceback for each attempt to connect
    logging.getLogger("opentelemetry").setLevel("CRITICAL")  # shared.runtime.tracing reports the same, once a minute


class LogInterval:
    """When a message is written that each request would write: at most once in a while, else it fills the log.

    Args:
        every_s: seconds from line to line.
        monotonic: clock of the waiting, seconds.
    """

    def __init__(self, every_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._monotonic = every_s, monotonic
        self._next_s, self._left_out = float("-inf"), 0

    def due(self) -> int | None:
        """How many were left out since the last line if one is due now; None if this one is left out too."""
        now_s = self._monotonic()
        if now_s < self._next_s:
            self._left_out += 1
            return None
        left_out, self._left_out, self._next_s = self._left_out, 0, now_s + self._every_s
        return left_out


def describe(error: BaseException) -> str:
    """Type and place of an error (``ValueError at reader.py:41``), never its message: that may quote people's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} at {trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"


log = logging.getLogger(__name__)

LOGGED_PER_MINUTE = 10
"""Of each refusal, by each process."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """What is counted, and logged. Those below occur in every service; a service declares its own in ``telemetry``.

    Attributes:
        name: the label of the counter, and the message of the log line.
        is_permitted: whether it is a permitted act of a person, which is logged each time.
    """

    name: str
    is_permitted: bool = False


SIGNED_IN = SecurityEvent("signed-in", is_permitted=True)
SIGN_IN_REFUSED = SecurityEvent("sign-in-refused")
KEY_REFUSED = SecurityEvent("key-refused")
ROLE_REFUSED = SecurityEvent("role-refused")
CROSS_SITE_REFUSED = SecurityEvent("cross-site-refused")
TOO_MANY = SecurityEvent("too-many-requests")
EXPORTED = SecurityEvent("list-exported", is_permitted=True)


@dataclass(slots=True)
class _Window:
    """Lines in the minute that began at ``began_at`` (monotonic seconds). Changes with each."""

    began_at: float
    lines: int = 0


_windows: dict[SecurityEvent, _Window] = {}
_lock = Lock()


def record_security_event(event: SecurityEvent, **facts: str) -> None:
    """Count ``event``, and log it with ``facts`` unless it is a refusal like many before it in this minute.

    Args:
        event: what happened.
        facts: our names and ids.
    """
    security_events_total.labels(event.name).inc()
    if event.is_permitted:
        log.info(event.name, extra=facts)
    elif _is_one_of_few(event):
        log.warning(event.name, extra=facts)


def _is_one_of_few(event: SecurityEvent) -> bool:
    with _lock:
        window = _windows.get(event)
        if window is None or time.monotonic() - window.began_at > 60:
            window = _windows[event] = _Window(time.monotonic())
        window.lines += 1
        return window.lines <= LOGGED_PER_MINUTE
