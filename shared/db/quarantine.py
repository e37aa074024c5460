"""Quarantine: a row in a service's database that stops its work until the database is compared with the others.

A database that was restored from a backup is older than what other databases, the broker and people's mailboxes hold.
While its row is there, its service accepts nothing, decides nothing, publishes and consumes nothing and sends no mail.
`troika restore` inserts the row before any process starts, replacing one that the backup may contain::

    DELETE FROM quarantine;
    INSERT INTO quarantine (reason, backup_at) VALUES ('restored from a backup', '2026-11-29T03:00:00Z')

`troika recover end` deletes it. A process must never work before the database has answered its first query.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Connection, text

from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Quarantined, Unavailable
from shared.runtime.metrics import quarantine

CHECK_EVERY_S = 1.0
"""How old the answer of the database may be, seconds."""

TOO_OLD_S = 3.0
"""With an older answer no transaction begins, seconds: a server cannot be stopped, restored and started faster."""

_READ = text("SELECT since, reason, backup_at, settling, plan FROM quarantine")
_PLAN = text("UPDATE quarantine SET plan = :plan")
_SETTLE = text("UPDATE quarantine SET settling = :settling")
_BEGIN = text("""
    INSERT INTO quarantine (since, reason, backup_at)
    VALUES (coalesce(CAST(:since AS timestamptz), clock_timestamp()), :reason, CAST(:backup_at AS timestamptz))
    ON CONFLICT DO NOTHING
""")
_END = text("DELETE FROM quarantine")


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Attributes:
    since: when it began, by the database's clock.
    reason: the reason in words, for operators.
    backup_at: when the restored backup was made; None if there was none.
    settling: relays and consumers run, so that the databases catch up with each other; nothing else does.
    plan: digest of the plan of recovery that is being applied, or was; None for none.
    """

    since: datetime
    reason: str
    backup_at: datetime | None = None
    settling: bool = False
    plan: str | None = None

    def __str__(self) -> str:
        """One line for operators."""
        backup = f", backup of {self.backup_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.backup_at else ""
        return f"since {self.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: {self.reason}{backup}"


def read_quarantine(connection: Connection) -> Quarantine | None:
    """The quarantine of a database; None if there is none."""
    row = connection.execute(_READ).one_or_none()
    return None if row is None else Quarantine(*row)


def begin_quarantine(
    connection: Connection, reason: str, backup_at: datetime | None = None, since: datetime | None = None
) -> bool:
    """Begin a quarantine, unless there is one; returns whether it was begun.

    Args:
        connection: the connection of the caller's transaction.
        reason: the reason in words, for operators.
        backup_at: when the restored backup was made; None if there was none.
        since: when the quarantine began; None for the current time of the database.
    """
    return connection.execute(_BEGIN, {"since": since, "reason": reason, "backup_at": backup_at}).rowcount == 1


def end_quarantine(connection: Connection) -> bool:
    """End the quarantine; returns whether there was one."""
    return connection.execute(_END).rowcount == 1


def let_settle(connection: Connection, *, settling: bool) -> None:
    """Allow relays and consumers to run in the quarantine, or stop them again."""
    connection.execute(_SETTLE, {"settling": settling})


def name_plan(connection: Connection, digest: str) -> None:
    """Record which plan of recovery is being applied."""
    connection.execute(_PLAN, {"plan": digest})


class QuarantineWatch:
    """A process's cached state of the quarantine: queried again after a second, and kept while the database is down.

    One caller queries, the others use the last answer. Before the first answer all callers wait for it. A caller that
    would begin a transaction also waits for a new answer if the last one is too old: while the database was down it may
    have been restored.

    Args:
        work: the unit of work on the service's database; its transactions are not stopped by a quarantine.
        service: label of the metric.
        monotonic: seconds, unaffected by changes of the machine's time.
    """

    def __init__(self, work: UnitOfWork, service: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._work, self._service, self._monotonic = work, service, monotonic
        self._lock = Lock()
        self._known: Quarantine | None = None
        self._is_known = False
        self._ask_at_s = self._answered_at_s = float("-inf")

    def current(self) -> Quarantine | None:
        """The quarantine, at most ``CHECK_EVERY_S`` old while the database answers; None if there is none.

        Raises:
            Unavailable: the database has never answered.
        """
        if self._is_known and self._monotonic() < self._ask_at_s:
            return self._known
        if not self._lock.acquire(blocking=not self._is_known):
            return self._known
        try:
            if self._monotonic() >= self._ask_at_s:
                self._ask()
        finally:
            self._lock.release()
        return self._known

    def recent(self) -> Quarantine | None:
        """The quarantine, by an answer that is at most ``TOO_OLD_S`` old; None if there is none.

        For what begins a transaction that writes: during an outage the database may have been restored. It may wait
        for the query that another caller runs, and runs one itself at most once in ``CHECK_EVERY_S``.

        Raises:
            Unavailable: the database has not answered for ``TOO_OLD_S``, or never.
        """
        self.current()
        if self._is_too_old():
            with self._lock:  # wait for the answer to the query that is running
                pass
            if self._is_too_old():
                raise Unavailable("whether there is a quarantine is not known")
        return self._known

    def require_none(self) -> None:
        """Do nothing while there is no quarantine.

        Raises:
            Quarantined: there is one.
            Unavailable: the database has not answered for ``TOO_OLD_S``, or never.
        """
        found = self.recent()
        if found is not None:
            raise Quarantined(str(found))

    def require_none_or_settling(self) -> None:
        """The same for relays and consumers, which also run while the databases catch up with each other.

        Raises:
            Quarantined: there is a quarantine, and the databases are not settling.
            Unavailable: the database has not answered for ``TOO_OLD_S``, or never.
        """
        found = self.recent()
        if found is not None and not found.settling:
            raise Quarantined(str(found))

    def _is_too_old(self) -> bool:
        return self._monotonic() - self._answered_at_s > TOO_OLD_S

    def _ask(self) -> None:
        try:
            with self._work.single_statement() as connection:
                self._known = read_quarantine(connection)
        except Unavailable:
            if not self._is_known:
                raise
        else:
            self._is_known, self._answered_at_s = True, self._monotonic()
            quarantine.labels(self._service).set(self._known is not None)
        self._ask_at_s = self._monotonic() + CHECK_EVERY_S
