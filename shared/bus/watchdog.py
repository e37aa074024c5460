"""Ends a process whose loop has stopped turning: a supervisor restarts it, a hung one helps nobody."""

import logging
import os
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SILENCE_S = 45.0
EXIT_CODE = 70


def watch(ticked_at: Callable[[], float], *, silence_s: float = SILENCE_S) -> threading.Thread:
    """Start a thread that ends the process when ``ticked_at`` (monotonic seconds) is older than ``silence_s``."""

    def run() -> None:
        while time.monotonic() - ticked_at() <= silence_s:
            time.sleep(min(1.0, silence_s / 4))  # the beat of a thread of its own
        log.error("no turn of the loop for too long: the process ends itself", extra={"silence_s": silence_s})
        os._exit(EXIT_CODE)

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    return thread
