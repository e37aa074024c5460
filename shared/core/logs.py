"""JSON lines on standard error: a constant message, facts in ``extra``, never personal data."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from shared.core.context import correlation_id, traceparent


class _Formatter(JsonFormatter):
    """Adds who speaks and what it belongs to; a newline in a value stays inside its JSON string."""

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
    logging.getLogger("opentelemetry").setLevel("CRITICAL")  # shared.core.tracing says what it would, once a minute


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
