"""Keeps a worker waiting until its keys match the database and its sessions have time limits."""

import logging
from collections.abc import Callable, Collection
from functools import partial
from time import monotonic

from shared.core.errors import Unavailable
from shared.process.runner import Stop
from shared.process.service import KeyFaults
from shared.store.session_limits import limit_problems
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

AGAIN_S = 2.0
LOG_EVERY_S = 60.0


def wait_for_keys(compare: KeyFaults, stop: Stop) -> None:
    """Return once all keys match, or at ``stop``; until then the process only answers probes."""
    _wait(compare, _log_keys, stop)


def wait_for_limits(work: UnitOfWork, stop: Stop) -> None:
    """Return once all limits of the database's sessions are in force, or at ``stop``, as above."""
    _wait(partial(_missing_limits, work), _log_limits, stop)


def _wait(find: Callable[[], Collection[str]], report: Callable[[Collection[str]], None], stop: Stop) -> None:
    logged_at_s = float("-inf")
    while not stop:
        try:
            faults = find()
        except Unavailable as error:
            log.warning("the checks of the start wait for the database", extra={"reason": error.reason})
            stop.wait(AGAIN_S)
            continue
        if not faults:
            return
        if monotonic() - logged_at_s >= LOG_EVERY_S:
            logged_at_s = monotonic()
            report(faults)
        stop.wait(AGAIN_S)


def _log_keys(names: Collection[str]) -> None:
    for name in names:
        log.error("a key is not the key of this database: nothing is done", extra={"key": name})


def _missing_limits(work: UnitOfWork) -> Collection[str]:
    with work.transaction() as connection:
        return limit_problems(connection.connection.driver_connection)  # type: ignore[arg-type]  # psycopg's


def _log_limits(problems: Collection[str]) -> None:
    for problem in problems:
        log.error("a limit of the database's sessions is not in force: nothing is done", extra={"problem": problem})
