"""Keeps a worker from its work until its keys are those of the database."""

import logging
from time import monotonic

from shared.core.errors import Unavailable
from shared.process.runner import Stop
from shared.process.service import KeyFaults

log = logging.getLogger(__name__)

AGAIN_S = 2.0
LOG_EVERY_S = 60.0


def wait_for_keys(compare: KeyFaults, stop: Stop) -> None:
    """Return once all keys fit, or at ``stop``; meanwhile the process answers probes and does nothing else."""
    logged_at_s = float("-inf")
    while not stop:
        try:
            faults = compare()
        except Unavailable as error:
            log.warning("keys wait to be compared", extra={"reason": error.reason})
            stop.wait(AGAIN_S)
            continue
        if not faults:
            return
        if monotonic() - logged_at_s >= LOG_EVERY_S:
            logged_at_s = monotonic()
            for name in faults:
                log.error("a key is not the key of this database: nothing is done", extra={"key": name})
        stop.wait(AGAIN_S)
