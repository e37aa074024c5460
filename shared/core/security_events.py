"""What somebody who watches over an installation wants to know of: all of it is counted, and a log line names it.

The names are constants. What a line says beside them is who holds the key, which route, which registration: never an
address, a token, a body, or anything else that was sent. Refusals are logged a few times a minute: whoever is refused
again and again must not fill the disk.
"""

import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from shared.core.metrics import security_events_total

log = logging.getLogger(__name__)

LOGGED_PER_MINUTE = 10
"""Of each refusal, by each process."""


class SecurityEvent(StrEnum):
    """The label of the counter, and the message of the log line."""

    SIGNED_IN = "signed-in"
    SIGN_IN_REFUSED = "sign-in-refused"
    KEY_REFUSED = "key-refused"
    ROLE_REFUSED = "role-refused"
    CROSS_SITE_REFUSED = "cross-site-refused"
    TOO_MANY = "too-many-requests"
    EXPORTED = "list-exported"
    SEALED_READ = "sealed-answers-read"


DEEDS = frozenset({SecurityEvent.SIGNED_IN, SecurityEvent.EXPORTED, SecurityEvent.SEALED_READ})
"""What somebody did who may: each time is logged."""


@dataclass(slots=True)
class _Window:
    """Lines in the minute that began at ``began_at`` (monotonic seconds). Changes with each."""

    began_at: float
    lines: int = 0


_windows: dict[SecurityEvent, _Window] = {}
_lock = Lock()


def note(event: SecurityEvent, **facts: str) -> None:
    """Count ``event``, and log it with ``facts`` unless it is a refusal like many before it in this minute.

    Args:
        event: what happened.
        facts: names and ids of ours.
    """
    security_events_total.labels(event.value).inc()
    if event in DEEDS:
        log.info(event.value, extra=facts)
    elif _is_one_of_few(event):
        log.warning(event.value, extra=facts)


def _is_one_of_few(event: SecurityEvent) -> bool:
    with _lock:
        window = _windows.get(event)
        if window is None or time.monotonic() - window.began_at > 60:
            window = _windows[event] = _Window(time.monotonic())
        window.lines += 1
        return window.lines <= LOGGED_PER_MINUTE
