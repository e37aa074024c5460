"""Keeps a service's outbox and inbox small, says how old the outbox's backlog is, and lets the service clean up."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from shared.contracts.registry import QUEUES, service_of
from shared.core.metrics import outbox_oldest_unpublished_age_seconds, outbox_unpublished
from shared.store import outbox
from shared.store.checked_clock import CheckedClock
from shared.store.cleanup import Cleanup, Rule
from shared.store.unit_of_work import UnitOfWork

KEEP_PUBLISHED = timedelta(days=7)
KEEP_RECEIVED = timedelta(days=30)
"""Longer than a message can come again: published anew within ``KEEP_PUBLISHED``, and then up to three weeks in a queue
whose consumer is away. After that the effects' own rules (revisions, one mail for each cause) are what is left."""

BITE = 500
"""Rows of one transaction. Whoever waits for the relay waits no longer than it takes, and two relays never wait for
each other: each leaves the rows alone that the other has in hand."""

PUBLISHED = Rule(
    "outbox",
    "t.published_at < :before AND t.stored_at < :before",
    KEEP_PUBLISHED,
    "the audit compares published rows with the inboxes, and after the loss of a broker they are published again; two "
    "processes wrote the two times, so that one wrong clock makes no row old enough",
    order="t.published_at",
    batch=BITE,
    skip_locked=True,
)
RECEIVED: Mapping[str, Rule] = {
    queue: Rule(
        "inbox",
        f"t.consumer = '{queue}' AND t.message_id < CAST(:made_before AS uuid) AND t.received_at < :before",
        KEEP_RECEIVED,
        "a message that comes again has no second effect; one that waited for long before it was received is kept as "
        "long as any other",
        batch=BITE,
        skip_locked=True,
    )
    for queue in QUEUES
}
"""By queue: the primary key is in the order of consumer and time, so that this needs no index of its own."""

EVERY_S = 5.0
AGAIN_S = 0.25
"""Seconds until the next look, and until the next bite if the last one was full: 2,000 rows a second at most, which is
what the intake makes at its best."""


class Housekeeper:
    """The relay's work beside relaying.

    Args:
        work: on the service's database.
        service: whose.
        clock: of this process, compared with the database's before anything is deleted.
        rules: what else is deleted because it was kept long enough.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        work: UnitOfWork,
        service: str,
        clock: CheckedClock,
        rules: Sequence[Rule] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self._service, self._clock = work, service, clock
        self._monotonic = monotonic
        received = [rule for queue, rule in RECEIVED.items() if service_of(queue) == service]
        self._cleanup = Cleanup(work, service, [PUBLISHED, *received, *rules], monotonic)
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
        """Measure the backlog."""
        now = self._clock()
        with self._work.transaction() as connection:
            count, oldest = outbox.unpublished(connection)
        age_s = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        outbox_unpublished.labels(self._service).set(count)
        outbox_oldest_unpublished_age_seconds.labels(self._service).set(age_s)

    def _bite(self) -> bool:
        """A batch of each rule; returns whether there is more at once."""
        now = self._clock.final_now("pruning")
        return now is not None and self._cleanup.turn(now)
