"""Readiness of a database: schema and server version, and the clock compared with the database's.

Erasing, expiring, giving up and pruning depend only on the time, so a process with a wrong clock must not do them, nor
any process after the whole host's clock has jumped (:mod:`shared.db.highest_time`). Must never hand out a time for such
work that was not compared with both. Alembic, which only ``migrate`` needs, is not imported.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from shared.db import highest_time
from shared.db.highest_time import HighestTime, observe_time
from shared.db.roles import limit_problems
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import Unavailable
from shared.runtime.metrics import clock_difference_seconds, final_work_refused_total, time_jump_seconds

OLDEST_SERVER = 16
"""The oldest PostgreSQL with which the tests have passed."""

STANDBY = "database: this server is a standby, which stores nothing; name the primary, or all servers in one address"
_SERVER = text("SELECT current_setting('server_version_num'), pg_is_in_recovery()")


def newest_revision(migrations: Path) -> str:
    """The newest revision in a service's ``migrations`` folder: its files are numbered, ``0007_what_it_does.py``."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def database_problem(work: UnitOfWork, newest: str) -> str:
    """Why this database cannot be used (PostgreSQL or schema too old, a standby, no time limits); empty if it can.

    A later schema than ``newest`` does: migrations only add what the code before them can do without,
    so that the processes of a running system keep working while the next version is rolled out.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        if problem := server_problem(connection):
            return problem
        limits = limit_problems(connection.connection.driver_connection)  # type: ignore[arg-type]  # psycopg's
        return "\n".join(filter(None, [*limits, _schema_problem(connection, newest)]))


def server_problem(connection: Connection) -> str:
    """Why nothing can be stored on this server: it is too old, or a standby; empty if it can."""
    number, standby = connection.execute(_SERVER).one()
    found = int(number) // 10_000
    if found < OLDEST_SERVER:
        return f"database: PostgreSQL {found} is too old, {OLDEST_SERVER} is the oldest"
    return STANDBY if standby else ""


def _schema_problem(connection: Connection, newest: str) -> str:
    if not connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar():
        return f"schema: there is none, this program needs {newest}; run migrate"
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and str(found) >= newest:
        return ""
    return f"schema: at {found}, this program needs {newest}; run migrate"


log = logging.getLogger(__name__)

MAX_DIFFERENCE = timedelta(seconds=2)
"""Far above what NTP leaves between two hosts, far below any retention or timeout of the project."""

LOG_EVERY_S = 60.0
OBSERVE_EVERY_S = 30.0
"""How often work that goes on after a jump looks at the highest time, so that it is stored where nothing is final."""

DatabaseTime = Callable[[Connection], datetime]
"""Reads the database server's time; aware."""

_NOW = text("SELECT clock_timestamp()")


def read_database_time(connection: Connection) -> datetime:
    """The database server's time now, which moves within a transaction too; aware, UTC."""
    found: datetime = connection.execute(_NOW).scalar_one()
    return found


class ClockComparison:
    """A process's clock compared with its database's.

    Args:
        clock: the clock of this process.
        work: the unit of work on the service's database.
        service: the service's name, the label of the metric of clock differences.
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

    def problem(self) -> str:
        """Why a process with this clock is not ready; empty if the clock is right.

        Raises:
            Unavailable: the database is down.
        """
        with self._work.transaction() as connection:
            _now, difference = self.compare(connection)
        if abs(difference) <= MAX_DIFFERENCE:
            return ""
        side = "ahead of" if difference > timedelta() else "behind"
        return f"clock: {abs(difference).total_seconds():.0f} s {side} the database's; synchronise this host's time"

    def compare(self, connection: Connection) -> tuple[datetime, timedelta]:
        """The time, and how far it is ahead of the database's (negative: behind)."""
        now, began_s = self._clock(), self._monotonic()
        database_now = self._database_time(connection)
        asking = timedelta(seconds=self._monotonic() - began_s)
        difference = _distance(database_now, now, now + asking)
        clock_difference_seconds.labels(self._service).set(difference.total_seconds())
        return now, difference


class CheckedClock:
    """A :data:`shared.runtime.clock.Clock` that also hands out compared times, for work that cannot be undone.

    ``final_now`` is for what deletes, expires or gives up because of the time. ``compared_now`` is for what has to go
    on after a restart that took hours: deciding, leases, sending what is due.

    Args:
        clock: the clock of this process.
        work: the unit of work on the service's database.
        service: the service's name, the label of the metric of clock differences.
        database_time: reads the database server's time.
        monotonic: seconds that no change of the machine's time touches.
        max_step: how far the time moves in the ordinary way; None for :data:`shared.db.highest_time.MAX_STEP`.
    """

    def __init__(
        self,
        clock: Clock,
        work: UnitOfWork,
        service: str,
        database_time: DatabaseTime = read_database_time,
        monotonic: Callable[[], float] = time.monotonic,
        max_step: timedelta | None = None,
    ) -> None:
        self._clock, self._work, self._service = clock, work, service
        self._database_time, self._monotonic = database_time, monotonic
        self._comparison = ClockComparison(clock, work, service, database_time, monotonic)
        self._max_step = highest_time.MAX_STEP if max_step is None else max_step
        self._logged_at_s: dict[str, float] = {}
        self._observe_at_s = float("-inf")

    def __call__(self) -> datetime:
        """This process's time, not compared with anything."""
        return self._clock()

    def final_now(self, work: str, connection: Connection | None = None) -> datetime | None:
        """The time for final work.

        Use the returned value and do not read a clock again: the clock may jump after the comparison.

        Args:
            work: what is to be done, a constant; label of the metric.
            connection: the connection of the caller's transaction; None to open one.

        Returns:
            this process's time; None if it differs too much from the database's, or both have jumped, so that the work
            is refused.

        Raises:
            Unavailable: the database is down.
        """
        if connection is None:
            with self._work.transaction() as opened:
                return self.final_now(work, opened)
        now = self._agreed(work, connection)
        if now is None:
            return None
        seen = self._observe(connection, now)
        if not seen.is_held:
            return now
        jump_s = round(seen.jump_at(now).total_seconds(), 1)
        if self._refuse(work):
            log.error(
                "refused: the time has jumped; check it, then confirm-time", extra={"work": work, "jump_s": jump_s}
            )
        return None

    def compared_now(self, work: str, connection: Connection | None = None) -> datetime | None:
        """The time for work that goes on after a jump; otherwise as :meth:`final_now`.

        Returns:
            this process's time; None if it differs too much from the database's.

        Raises:
            Unavailable: the database is down.
        """
        if connection is None:
            with self._work.transaction() as opened:
                return self.compared_now(work, opened)
        now = self._agreed(work, connection)
        if now is not None and self._monotonic() >= self._observe_at_s:
            self._observe(connection, now)
        return now

    def database_now(self, connection: Connection) -> datetime:
        """The database server's time, for what has to be measured by it."""
        return self._database_time(connection)

    def problem(self) -> str:
        """Why a process with this clock is not ready: :meth:`ClockComparison.problem`."""
        return self._comparison.problem()

    def _agreed(self, work: str, connection: Connection) -> datetime | None:
        now, difference = self._comparison.compare(connection)
        if abs(difference) <= MAX_DIFFERENCE:
            return now
        ahead_s = round(difference.total_seconds(), 1)
        if self._refuse(work):
            log.error(
                "refused: this process's clock differs from the database's", extra={"work": work, "ahead_s": ahead_s}
            )
        return None

    def _observe(self, connection: Connection, now: datetime) -> HighestTime:
        self._observe_at_s = self._monotonic() + OBSERVE_EVERY_S
        before, seen = observe_time(connection, now, self._max_step)
        time_jump_seconds.labels(self._service).set(abs(seen.jump_at(now).total_seconds()))
        if seen.is_held and not before.is_held:
            jump_s = round(seen.jump_at(now).total_seconds(), 1)
            log.error("the time has jumped: nothing is deleted, expired or given up", extra={"jump_s": jump_s})
        if before.is_held and not seen.is_held:
            log.warning("the time is ordinary again: due work is done")
        return seen

    def _refuse(self, work: str) -> bool:
        """Count a refusal; returns whether to log it, which is done once in a while."""
        final_work_refused_total.labels(self._service, work).inc()
        now_s = self._monotonic()
        if now_s - self._logged_at_s.get(work, float("-inf")) < LOG_EVERY_S:
            return False
        self._logged_at_s[work] = now_s
        return True


def _distance(database_now: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """How far this process's time is ahead of the database's, which was read between ``earliest`` and ``latest``."""
    if database_now < earliest:
        return earliest - database_now
    return min(latest - database_now, timedelta())


Check = Callable[[], str]
"""Returns why the process is not ready; empty if it is. May raise ``Unavailable``."""

AWAY = "database: it does not answer"


def readiness(work: UnitOfWork, migrations: Path, *checks: Check) -> Callable[[], Sequence[str]]:
    """Return what a probe calls: a function that returns every reason why the process is not ready, none if it is.

    Args:
        work: the unit of work on the service's database.
        migrations: folder of the service's schema changes.
        checks: further checks, for instance of the clock, made while the database answers.
    """
    newest = newest_revision(migrations)

    def problems() -> Sequence[str]:
        try:
            if problem := database_problem(work, newest):
                return [problem]
            return [problem for check in checks if (problem := check())]
        except Unavailable:
            return [AWAY]

    return problems
