"""Relay: publishes the outbox, and marks a row only when the broker has confirmed it; cleans outbox and inbox.

The rows stay locked while the broker answers (at most a few seconds): this is the one transaction that waits for the
network. A crash rolls it back and the rows are offered again, which the inboxes absorb. It polls: 25 ms after work,
doubling to 200 ms when idle. A message whose content was erased is marked and never published.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from shared.db.cleanup import Cleanup, Rule
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.broker import FACTS
from shared.messaging.contracts.registry import QUEUES, service_of, source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, trace_of
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Outgoing, Publisher
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.metrics import (
    outbox_confirm_seconds,
    outbox_oldest_unpublished_age_seconds,
    outbox_published_total,
    outbox_unpublished,
)
from shared.runtime.runner import Stop
from shared.runtime.tracing import PUBLISH, Attributes, begin_spans, is_tracing

KEEP_PUBLISHED = timedelta(days=7)
KEEP_RECEIVED = timedelta(days=30)
"""Longer than a message can come again: republished within ``KEEP_PUBLISHED``, and then up to three weeks in a queue
whose consumer is down. After that the effects' own rules (revisions, one mail for each cause) are what is left."""

BATCH_SIZE = 500
"""Rows of one transaction. A transaction that waits for the relay waits no longer than it takes, and two relays never
wait for each other: each skips the rows that the other has locked."""

MAX_MESSAGES_PER_HOUR = 200_000
"""Rows of outbox or inbox that one relay deletes in an hour: a registration makes several messages."""

PUBLISHED = Rule(
    "outbox",
    "t.published_at < :before AND t.stored_at < :before",
    KEEP_PUBLISHED,
    "the audit compares published rows with the inboxes, and after the loss of a broker they are published again; two "
    "processes wrote the two times, so that one wrong clock makes no row old enough",
    order="t.published_at",
    batch=BATCH_SIZE,
    skip_locked=True,
    by_notice=True,
    max_per_hour=MAX_MESSAGES_PER_HOUR,
)
RECEIVED: Mapping[str, Rule] = {
    queue: Rule(
        "inbox",
        f"t.consumer = '{queue}' AND t.message_id < CAST(:made_before AS uuid) AND t.received_at < :before",
        KEEP_RECEIVED,
        "a message that comes again has no second effect; one that waited for long before it was received is kept as "
        "long as any other",
        batch=BATCH_SIZE,
        skip_locked=True,
        by_notice=True,
        max_per_hour=MAX_MESSAGES_PER_HOUR,
    )
    for queue in QUEUES
}
"""By queue: the primary key is in the order of consumer and time, so that this needs no separate index."""

EVERY_S = 5.0
RETRY_DELAY_S = 0.25
"""Seconds until the next check, and until the next batch if the last one was full: 2,000 rows a second at most, which
is the highest rate of the intake."""


class OutboxCleanup:
    """The relay's work beside relaying.

    Args:
        work: the unit of work on the service's database.
        service: the name of the service.
        clock: the process's clock, compared with the database's before anything is deleted.
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
        self._next_measure_at_s = self._next_batch_at_s = float("-inf")

    def run_once(self) -> None:
        """Do what is due, which is mostly nothing. Called between two pieces of the relay's work.

        Raises:
            Unavailable: the database is down; nothing is lost.
        """
        now_s = self._monotonic()
        if now_s >= self._next_measure_at_s:
            self._next_measure_at_s = now_s + EVERY_S
            self._measure()
        if now_s >= self._next_batch_at_s:
            self._next_batch_at_s = now_s + (RETRY_DELAY_S if self._clean_batch() else EVERY_S)

    def _measure(self) -> None:
        """Measure the backlog."""
        now = self._clock()
        with self._work.transaction() as connection:
            count, oldest = outbox.unpublished(connection)
        age_s = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        outbox_unpublished.labels(self._service).set(count)
        outbox_oldest_unpublished_age_seconds.labels(self._service).set(age_s)

    def _clean_batch(self) -> bool:
        """A batch of each rule; returns whether there is more at once."""
        now = self._clock.final_now("pruning")
        return now is not None and self._cleanup.run_once(now)


log = logging.getLogger(__name__)

BATCH = 200
CONFIRM_TIMEOUT_S = 5.0
MIN_POLL_DELAY_S = 0.025
MAX_POLL_DELAY_S = 0.2
OUTAGE_POLL_DELAY_S = 1.0

REASONS = {
    Outcome.UNROUTABLE: "no queue is bound for this type",
    Outcome.REFUSED: "the broker refused it (a queue is full or down)",
}


class Relay:
    """One service's relay; any number of relays may run, and they share the rows.

    Args:
        work: the unit of work on the service's database.
        service: the producer.
        clock: the process's clock, compared with the database's.
        rules: what else of the service's is deleted because it was kept long enough.
    """

    def __init__(
        self,
        work: UnitOfWork,
        publisher: Publisher,
        service: str,
        clock: CheckedClock,
        rules: Sequence[Rule] = (),
    ) -> None:
        self._work = work
        self._publisher = publisher
        self._service = service
        self._clock = clock
        self._housekeeper = OutboxCleanup(work, service, clock, rules)

    def run(self, stop: Stop) -> None:
        """Relay until ``stop``."""
        rest_s = MIN_POLL_DELAY_S
        while not stop:
            try:
                moved = self.run_once()
                self._housekeeper.run_once()
                rest_s = MIN_POLL_DELAY_S if moved else min(MAX_POLL_DELAY_S, rest_s * 2)
            except Unavailable as error:
                log.warning("relay waits", extra={"reason": error.reason})
                moved, rest_s = 0, OUTAGE_POLL_DELAY_S
            if moved < BATCH:
                stop.wait(rest_s)
        self._publisher.close()

    def run_once(self) -> int:
        """Offer one batch; returns how many messages the broker now has."""
        with self._work.transaction() as connection:
            rows = outbox.claim(connection, self._clock(), BATCH)
            if not rows:
                return 0
            reach("relay.claimed")
            unerased = [row for row in rows if row.body]
            offered = [self._outgoing(row) for row in unerased]
            reach("relay.publishing")
            outcomes = self._publish(offered) if offered else []
            reach("relay.published")
            self._record(connection, unerased, outcomes)
            outbox.mark_published(connection, [row.id for row in rows if not row.body], self._clock())
            reach("relay.marked")
        reach("relay.committed")
        return outcomes.count(Outcome.CONFIRMED)

    def _publish(self, offered: Sequence[Outgoing]) -> list[Outcome]:
        """Offer messages, each with a span in the trace that it carries; a span does not change what it carries."""
        if not is_tracing():
            return self._publisher.publish(offered, CONFIRM_TIMEOUT_S)
        spans = begin_spans(
            PUBLISH,
            (
                (f"publish {message.routing_key}", trace_of(message.body), _outcome_attributes(message))
                for message in offered
            ),
        )
        outcomes = self._publisher.publish(offered, CONFIRM_TIMEOUT_S)
        for span, outcome in zip(spans, outcomes, strict=True):
            span.end({"troika.outcome": outcome.value})
        return outcomes

    def _outgoing(self, row: OutboxRow) -> Outgoing:
        key = row.type.removeprefix(TYPE_PREFIX)
        return Outgoing(row.message_id, row.type, key, source_of(self._service), row.body)

    def _record(self, connection: Connection, rows: Sequence[OutboxRow], outcomes: Sequence[Outcome]) -> None:
        now = self._clock()
        by_outcome: dict[Outcome, list[OutboxRow]] = {}
        for row, outcome in zip(rows, outcomes, strict=True):
            by_outcome.setdefault(outcome, []).append(row)
        for outcome, such in by_outcome.items():
            outbox_published_total.labels(self._service, outcome.value).inc(len(such))
        confirmed = by_outcome.get(Outcome.CONFIRMED, [])
        outbox.mark_published(connection, [row.id for row in confirmed], now)
        waited_s = outbox_confirm_seconds.labels(self._service)
        for row in confirmed:
            waited_s.observe(max(0.0, (now - row.stored_at).total_seconds()))
        for outcome, reason in REASONS.items():
            refused = [row.id for row in by_outcome.get(outcome, [])]
            if refused:
                log.error("messages not accepted by the broker", extra={"reason": reason, "count": len(refused)})
            outbox.mark_refused(connection, refused, reason, now)


def _outcome_attributes(message: Outgoing) -> Attributes:
    return {
        "messaging.destination.name": FACTS,
        "messaging.rabbitmq.destination.routing_key": message.routing_key,
    }
