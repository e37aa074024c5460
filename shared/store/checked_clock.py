"""The injected clock, compared with the database's before work that cannot be undone.

Erasing, expiring, giving up and pruning depend on the time alone, so a process whose clock is wrong must not do them.
What it must never do: hand out a time for such work that was not compared with the database's.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from shared.core.clock import Clock
from shared.core.metrics import clock_difference_seconds, final_work_refused_total
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

MAX_DIFFERENCE = timedelta(seconds=2)
"""Far above what NTP leaves between two hosts, far below any retention or timeout of the project."""

LOG_EVERY_S = 60.0

DatabaseTime = Callable[[Connection], datetime]
"""Reads the database server's time; aware."""

_NOW = text("SELECT clock_timestamp()")


def read_database_time(connection: Connection) -> datetime:
    """The database server's time now, which moves within a transaction too; aware, UTC."""
    found: datetime = connection.execute(_NOW).scalar_one()
    return found


class CheckedClock:
    """A :data:`shared.core.clock.Clock` that also hands out the time for final work, once it has been compared.

    Args:
        clock: of this process.
        work: on the service's database.
        service: under which name differences are measured.
        database_time: reads the database server's time.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        clock: Clock,
        work: UnitOfWork,
        service: str,
        database_time: DatabaseTime = read_database_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._work, self._service = clock, work, service
        self._database_time, self._monotonic = database_time, monotonic
        self._logged_at_s: dict[str, float] = {}

    def __call__(self) -> datetime:
        """This process's time, not compared with anything."""
        return self._clock()

    def final_now(self, work: str, connection: Connection | None = None) -> datetime | None:
        """The time for final work.

        Use the returned value and ask no clock again: the clock may jump after the comparison.

        Args:
            work: what is to be done, a constant; label of the metric.
            connection: of the caller's transaction; None to open one.

        Returns:
            this process's time; None if it differs too much from the database's, so that the work is refused.

        Raises:
            Unavailable: the database is away.
        """
        now, difference = self._compared(connection)
        if abs(difference) <= MAX_DIFFERENCE:
            return now
        final_work_refused_total.labels(self._service, work).inc()
        self._log_refusal(work, difference)
        return None

    def database_now(self, connection: Connection) -> datetime:
        """The database server's time, for what has to be measured by it."""
        return self._database_time(connection)

    def problem(self) -> str:
        """Why a process with this clock is not ready; empty if the clock is right.

        Raises:
            Unavailable: the database is away.
        """
        _now, difference = self._compared(None)
        if abs(difference) <= MAX_DIFFERENCE:
            return ""
        side = "ahead of" if difference > timedelta() else "behind"
        return f"clock: {abs(difference).total_seconds():.0f} s {side} the database's; synchronise this host's time"

    def _compared(self, connection: Connection | None) -> tuple[datetime, timedelta]:
        """The time, and how far it is ahead of the database's (negative: behind)."""
        if connection is None:
            with self._work.transaction() as opened:
                return self._compared(opened)
        now, began_s = self._clock(), self._monotonic()
        database_now = self._database_time(connection)
        asking = timedelta(seconds=self._monotonic() - began_s)
        difference = _distance(database_now, now, now + asking)
        clock_difference_seconds.labels(self._service).set(difference.total_seconds())
        return now, difference

    def _log_refusal(self, work: str, difference: timedelta) -> None:
        now_s = self._monotonic()
        if now_s - self._logged_at_s.get(work, float("-inf")) >= LOG_EVERY_S:
            self._logged_at_s[work] = now_s
            ahead_s = round(difference.total_seconds(), 1)
            log.error(
                "refused: this process's clock differs from the database's", extra={"work": work, "ahead_s": ahead_s}
            )


def _distance(database_now: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """How far this process's time is ahead of the database's, which was read between ``earliest`` and ``latest``."""
    if database_now < earliest:
        return earliest - database_now
    return min(latest - database_now, timedelta())
