"""Stops what an earlier command has started, known by pid and start time; nothing else is ever signalled."""

import os
import signal
import time
from collections.abc import Callable

from deploy.servers.records import SUPERVISOR, Records

SUPERVISOR_WITHIN_S = 120.0
"""It stops four stages, each of which may drain for 40 s but normally takes one."""

LEFT_WITHIN_S = 10.0


def stop_everything(records: Records) -> list[str]:
    """Ask the supervisor to stop everything in order; what then still runs is killed, and named.

    Raises:
        RuntimeError: something cannot be ended.
    """
    running = records.running()
    if SUPERVISOR in running:
        os.kill(running[SUPERVISOR], signal.SIGTERM)
        _wait(lambda: SUPERVISOR not in records.running(), SUPERVISOR_WITHIN_S)
    left = records.running()
    for pid in left.values():
        _end_session(pid)
    if not _wait(lambda: not records.running(), LEFT_WITHIN_S):
        raise RuntimeError(f"still running: {records.running()}")
    return sorted(left)


def _end_session(pid: int) -> None:
    """Each was started in a separate session, so that what it has started ends with it."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)  # polls; the deadline ends this
    return True
