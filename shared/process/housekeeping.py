"""Deletes what outbox and inbox have held long enough, a bite at a time, each in a transaction of its own.

A bite takes milliseconds, so whoever waits for a row or for the relay waits no longer than that. Two relays never wait
for each other: each leaves the rows alone that the other has in hand.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.contracts.registry import QUEUES, service_of
from shared.core.metrics import housekeeping_deleted_total, outbox_oldest_unpublished_age_seconds
from shared.store import outbox
from shared.store.checked_clock import CheckedClock
from shared.store.inbox import forget_received
from shared.store.unit_of_work import UnitOfWork

KEEP_PUBLISHED = timedelta(days=7)
"""The audit reconciles published rows with the inboxes, and after the loss of a broker they are published again."""

KEEP_RECEIVED = timedelta(days=30)
"""Longer than a message can come again: published anew within ``KEEP_PUBLISHED``, and then up to three weeks in a queue
whose consumer is away. After that the effects' own rules (revisions, one mail for each cause) are what is left."""

BITE = 500
"""Rows of one transaction."""

EVERY_S = 5.0
AGAIN_S = 0.25
"""Seconds until the next look, and until the next bite if the last one was full: 2,000 rows a second at most, which is
what the intake makes at its best."""


class Housekeeper:
    """Keeps one service's outbox and inbox small and says how old the outbox's backlog is.

    Args:
        work: on the service's database.
        service: whose.
        clock: of this process, compared with the database's before anything is deleted.
        forget: deletes what else the service has kept long enough, in transactions of its own.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        work: UnitOfWork,
        service: str,
        clock: CheckedClock,
        forget: Callable[[UnitOfWork, datetime], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self._service, self._clock = work, service, clock
        self._forget, self._monotonic = forget, monotonic
        self._consumers = [queue for queue in QUEUES if service_of(queue) == service]
        self._look_at_s = self._bite_at_s = float("-inf")

    def turn(self) -> None:
        """Do what is due, which is mostly nothing. Called between two pieces of the relay's work.

        Raises:
            Unavailable: the database is away; nothing is lost.
        """
        now_s = self._monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + EVERY_S
            self._look()
        if now_s >= self._bite_at_s:
            self._bite_at_s = now_s + (AGAIN_S if self._bite() else EVERY_S)

    def _look(self) -> None:
        """Say how old the backlog is, by its oldest row and never by counting; let the service forget."""
        now = self._clock()
        with self._work.transaction() as connection:
            oldest = outbox.oldest_unpublished(connection)
        age_s = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        outbox_oldest_unpublished_age_seconds.labels(self._service).set(age_s)
        if self._forget is not None and (final_now := self._clock.final_now("housekeeping")) is not None:
            self._forget(self._work, final_now)

    def _bite(self) -> bool:
        """A bite of each; returns whether there is more at once."""
        now = self._clock.final_now("pruning")
        if now is None:
            return False
        with self._work.transaction() as connection:
            deleted = [("outbox", outbox.forget_published(connection, now - KEEP_PUBLISHED, BITE))]
        for consumer in self._consumers:
            with self._work.transaction() as connection:
                deleted.append(("inbox", forget_received(connection, consumer, now - KEEP_RECEIVED, BITE)))
        for table, rows in deleted:
            if rows:
                housekeeping_deleted_total.labels(self._service, table).inc(rows)
        return any(rows == BITE for _table, rows in deleted)
