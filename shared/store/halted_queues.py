"""Halted queues in the service's database: shared by its consumers, kept over restarts, ended by an operator.

Times are the database's, which all processes of a service share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from shared.store.unit_of_work import UnitOfWork

TRY_EVERY_S = 60.0
HALTED = "queues halted"
"""How the readiness probe's line about halted queues begins."""

_READ = text("SELECT queue, halted_at, reason FROM halted_queue ORDER BY queue")
_HALT = text("""
    INSERT INTO halted_queue (queue, halted_at, reason, try_at)
    VALUES (:queue, clock_timestamp(), :reason, clock_timestamp() + :every_s * interval '1 second')
    ON CONFLICT DO NOTHING
""")
_CLAIM_TRIAL = text("""
    UPDATE halted_queue SET try_at = clock_timestamp() + :every_s * interval '1 second'
    WHERE queue = :queue
        AND (try_at <= clock_timestamp() OR try_at > clock_timestamp() + :every_s * interval '1 second')
""")
"""The second condition is for a clock that was set back: no trial is further away than one pause."""

_RESUME = text("DELETE FROM halted_queue WHERE queue = :queue")


@dataclass(frozen=True, slots=True)
class HaltedQueue:
    """A queue from which one message a minute is tried; ``reason`` is that of the message that halted it."""

    queue: str
    halted_at: datetime
    reason: str


def read_halted(connection: Connection) -> Sequence[HaltedQueue]:
    """All halted queues of the service."""
    return [HaltedQueue(*row) for row in connection.execute(_READ)]


def resume(connection: Connection, queue: str) -> bool:
    """Let ``queue`` go on; returns whether it was halted."""
    return connection.execute(_RESUME, {"queue": queue}).rowcount == 1


class StoredHalts:
    """:class:`shared.bus.halts.HaltStore` in a service's database.

    Args:
        work: on that database.
        try_every_s: between two trials of a queue, by all processes together, seconds.
    """

    def __init__(self, work: UnitOfWork, try_every_s: float = TRY_EVERY_S) -> None:
        self._work, self._try_every_s = work, try_every_s

    def halted(self) -> frozenset[str]:
        """See :class:`shared.bus.halts.HaltStore`."""
        with self._work.transaction() as connection:
            return frozenset(each.queue for each in read_halted(connection))

    def halt(self, queue: str, reason: str) -> None:
        """See :class:`shared.bus.halts.HaltStore`."""
        with self._work.transaction() as connection:
            connection.execute(_HALT, {"queue": queue, "reason": reason[:200], "every_s": self._try_every_s})

    def claim_trial(self, queue: str) -> bool:
        """See :class:`shared.bus.halts.HaltStore`."""
        with self._work.transaction() as connection:
            return connection.execute(_CLAIM_TRIAL, {"queue": queue, "every_s": self._try_every_s}).rowcount == 1

    def resume(self, queue: str) -> None:
        """See :class:`shared.bus.halts.HaltStore`."""
        with self._work.transaction() as connection:
            resume(connection, queue)


def halted_problem(work: UnitOfWork) -> str:
    """What the readiness probe says of halted queues; empty if there is none.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        halted = read_halted(connection)
    listed = ", ".join(f"{each.queue} since {each.halted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for each in halted)
    return f"{HALTED}, one message a minute is tried: {listed}" if halted else ""
