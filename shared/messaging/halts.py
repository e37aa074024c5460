"""Halted queues: a circuit breaker for each queue of a consumer.

Too many messages poisoned in a row mean that this deployment or the producer's is bad, and going on would park every
waiting message. Then that queue halts: its consumer stops, and single messages are tried. A message that succeeds,
or an operator's ``resume``, resumes the queue. Other queues are not affected.

After a message that could not even be read the next one is tried a second later: its fault is in the message, and says
little about the handler. An operator who knows a fault can have a number of messages with its reason parked at once.

The halt is stored in the service's database: a restart does not park the next ten, several processes of a service
share these trials, and an operator's command reaches all of them. Times are the database's.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Connection, text

from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.metrics import consumer_halted

TRY_EVERY_S = 60.0
TRY_SOON_S = 1.0
"""Until the next trial after a message that could not be read."""

REASON_LENGTH = 200
"""Characters of a reason that are stored."""

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
    RETURNING CASE WHEN parking_left > 0 THEN parking_reason ELSE '' END
""")
"""The second condition is for a clock that was set back: no trial is further away than one pause."""

_TRY_SOON = text("""
    UPDATE halted_queue SET try_at = clock_timestamp() + :after_s * interval '1 second' WHERE queue = :queue
""")
_ALLOW_PARKING = text("""
    UPDATE halted_queue SET parking_reason = :reason, parking_left = :most, try_at = clock_timestamp()
    WHERE queue = :queue
""")
_USE_PARKING = text("""
    UPDATE halted_queue SET parking_left = parking_left - 1
    WHERE queue = :queue AND parking_reason = :reason AND parking_left > 0
""")
_RESUME = text("DELETE FROM halted_queue WHERE queue = :queue")


@dataclass(frozen=True, slots=True)
class HaltedQueue:
    """A queue from which single messages are tried; ``reason`` is that of the message that halted it."""

    queue: str
    halted_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of a halted queue. Messages with exactly the reason ``parking``, if there is one, may be parked in it."""

    parking: str = ""


def read_halted(connection: Connection) -> Sequence[HaltedQueue]:
    """All halted queues of the service."""
    return [HaltedQueue(*row) for row in connection.execute(_READ)]


def allow_parking(connection: Connection, queue: str, reason: str, most: int) -> bool:
    """Have ``queue``, if it is halted, park at most ``most`` messages for exactly ``reason`` without a pause.

    Its other messages are handled one by one; when it is empty, or a success comes after the last of them,
    the queue resumes. Returns whether it was halted.
    """
    values = {"queue": queue, "reason": reason[:REASON_LENGTH], "most": most}
    return connection.execute(_ALLOW_PARKING, values).rowcount == 1


def resume(connection: Connection, queue: str) -> bool:
    """Resume ``queue``; returns whether it was halted."""
    return connection.execute(_RESUME, {"queue": queue}).rowcount == 1


class StoredHalts:
    """:class:`shared.messaging.halts.HaltStore` in a service's database.

    Args:
        work: the unit of work on that database.
        try_every_s: seconds between two trials of a queue, by all processes together.
    """

    def __init__(self, work: UnitOfWork, try_every_s: float = TRY_EVERY_S) -> None:
        self._work, self._try_every_s = work, try_every_s

    def halted(self) -> frozenset[str]:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            return frozenset(halt.queue for halt in read_halted(connection))

    def halt(self, queue: str, reason: str) -> None:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            connection.execute(_HALT, {"queue": queue, "reason": reason[:REASON_LENGTH], "every_s": self._try_every_s})

    def claim_trial(self, queue: str) -> Trial | None:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            found = connection.execute(_CLAIM_TRIAL, {"queue": queue, "every_s": self._try_every_s}).one_or_none()
        return None if found is None else Trial(found[0])

    def try_soon(self, queue: str, after_s: float) -> None:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            connection.execute(_TRY_SOON, {"queue": queue, "after_s": min(after_s, self._try_every_s)})

    def use_parking(self, queue: str, reason: str) -> bool:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            return connection.execute(_USE_PARKING, {"queue": queue, "reason": reason}).rowcount == 1

    def resume(self, queue: str) -> None:
        """See :class:`shared.messaging.halts.HaltStore`."""
        with self._work.transaction() as connection:
            resume(connection, queue)


def halted_problem(work: UnitOfWork) -> str:
    """What the readiness probe reports about halted queues; empty if there is none.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        halted = read_halted(connection)
    listed = ", ".join(f"{halt.queue} since {halt.halted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for halt in halted)
    return f"{HALTED}, single messages are tried: {listed}" if halted else ""


log = logging.getLogger(__name__)

POISONED_IN_A_ROW = 10
REFRESH_EVERY_S = 2.0
"""How soon a process follows what another one, or an operator, has stored."""


class HaltStore(Protocol):
    """Where halts are stored: the service's database; in tests of the bus only, memory.

    Every method raises Unavailable if the store is down.
    """

    def halted(self) -> frozenset[str]:
        """Names of the queues that are halted."""
        ...

    def halt(self, queue: str, reason: str) -> None:
        """Halt ``queue``; changes nothing if it is halted already."""
        ...

    def claim_trial(self, queue: str) -> Trial | None:
        """The trial, if ``queue`` is halted and a message may be tried now; no other process gets one for a minute."""
        ...

    def try_soon(self, queue: str, after_s: float) -> None:
        """Let the next message be tried after ``after_s`` seconds in place of a minute."""
        ...

    def use_parking(self, queue: str, reason: str) -> bool:
        """Whether an operator allowed one more message of ``queue`` to be parked for ``reason``; counts it."""
        ...

    def resume(self, queue: str) -> None:
        """Resume ``queue``; changes nothing if it is not halted."""
        ...


class QueueHalts:
    """Which queues of a consumer are halted, and which message may be tried.

    Until the store has been read for the first time every queue counts as halted, and nothing is tried.

    Args:
        service: named in metrics.
        queues: the queues of the consumer.
        store: the store of the halts.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        service: str,
        queues: Iterable[str],
        store: HaltStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._queues = service, frozenset(queues)
        self._store, self._monotonic = store, monotonic
        self._poisoned: Counter[str] = Counter()
        self._unsaved: dict[str, str] = {}
        self._stored = self._queues
        self._is_read = False
        self._refresh_at_s = float("-inf")
        self._try_at_s = dict.fromkeys(self._queues, float("-inf"))

    @property
    def halted(self) -> frozenset[str]:
        """Queues from which nothing is consumed, but for single messages that are tried."""
        return self._stored | self._unsaved.keys()

    def refresh(self) -> None:
        """Every few seconds: store what could not be stored yet, and read what others have stored."""
        if self._monotonic() < self._refresh_at_s:
            return
        self._refresh_at_s = self._monotonic() + REFRESH_EVERY_S
        try:
            for queue, reason in list(self._unsaved.items()):
                self._store.halt(queue, reason)
                del self._unsaved[queue]
            self._follow(self._store.halted() & self._queues)
        except Unavailable as error:
            if not self._is_read:
                log.warning("consumer waits", extra={"reason": error.reason})

    def succeeded(self, queue: str) -> None:
        """A message of ``queue`` had its effect."""
        self._poisoned[queue] = 0

    def poisoned(self, queue: str, reason: str) -> None:
        """A message of ``queue`` was parked as poison; the tenth in a row halts the queue."""
        self._poisoned[queue] += 1
        if self._poisoned[queue] < POISONED_IN_A_ROW or queue in self.halted:
            return
        log.error("queue halted", extra={"queue": queue, "parked": self._poisoned[queue], "reason": reason})
        self._unsaved[queue] = reason
        self._try_at_s[queue] = self._refresh_at_s = float("-inf")
        consumer_halted.labels(self._service, queue).set(1)
        self.refresh()

    def claim_trial(self, queue: str) -> Trial | None:
        """The trial of the halted ``queue``, if a message may be tried now; asks the store every few seconds."""
        if not self._is_read or queue in self._unsaved or self._monotonic() < self._try_at_s[queue]:
            return None
        self._try_at_s[queue] = self._monotonic() + REFRESH_EVERY_S
        try:
            return self._store.claim_trial(queue)
        except Unavailable:
            return None

    def try_soon(self, queue: str, after_s: float = TRY_SOON_S) -> None:
        """The last trial said nothing about the handler: the next follows. If that cannot be stored, in a minute."""
        try:
            self._store.try_soon(queue, after_s)
        except Unavailable:
            return
        self._try_at_s[queue] = self._monotonic() + after_s

    def use_parking(self, queue: str, reason: str) -> bool:
        """Whether an operator allowed this message to be parked; if the store is down, none is."""
        try:
            return self._store.use_parking(queue, reason)
        except Unavailable:
            return False

    def resume(self, queue: str) -> None:
        """A message that was tried succeeded: the queue resumes. If that cannot be stored, the next trial decides."""
        try:
            self._store.resume(queue)
        except Unavailable:
            return
        self._follow(self._stored - {queue})

    def _follow(self, stored: frozenset[str]) -> None:
        if self._is_read:
            for queue in self._stored - stored:
                self._poisoned[queue] = 0
                log.info("queue resumed", extra={"queue": queue})
        self._stored, self._is_read = stored, True
        for queue in self._queues:
            consumer_halted.labels(self._service, queue).set(queue in stored)


class MemoryHalts:
    """Halts of one process, for tests of the bus without a database.

    Args:
        try_every_s: seconds between two trials of a queue.
    """

    def __init__(self, try_every_s: float = 60.0) -> None:
        self._try_every_s = try_every_s
        self._next_try_s: dict[str, float] = {}
        self._parking: dict[str, tuple[str, int]] = {}

    def halted(self) -> frozenset[str]:
        """See :class:`HaltStore`."""
        return frozenset(self._next_try_s)

    def halt(self, queue: str, reason: str) -> None:
        """See :class:`HaltStore`."""
        del reason
        self._next_try_s.setdefault(queue, time.monotonic() + self._try_every_s)

    def allow_parking(self, queue: str, reason: str, most: int) -> None:
        """As :func:`allow_parking` does in a database."""
        self._parking[queue] = (reason, most)
        self._next_try_s[queue] = time.monotonic()

    def claim_trial(self, queue: str) -> Trial | None:
        """See :class:`HaltStore`."""
        if self._next_try_s.get(queue, float("inf")) > time.monotonic():
            return None
        self._next_try_s[queue] = time.monotonic() + self._try_every_s
        reason, left = self._parking.get(queue, ("", 0))
        return Trial(reason if left else "")

    def try_soon(self, queue: str, after_s: float) -> None:
        """See :class:`HaltStore`."""
        self._next_try_s[queue] = time.monotonic() + min(after_s, self._try_every_s)

    def use_parking(self, queue: str, reason: str) -> bool:
        """See :class:`HaltStore`."""
        allowed, left = self._parking.get(queue, ("", 0))
        if reason != allowed or not left:
            return False
        self._parking[queue] = (reason, left - 1)
        return True

    def resume(self, queue: str) -> None:
        """See :class:`HaltStore`."""
        self._next_try_s.pop(queue, None)
