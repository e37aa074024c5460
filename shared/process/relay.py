"""The relay: takes what the outbox holds to the bus, and marks it only when the broker has it.

The rows stay locked while the broker answers (at most a few seconds): this is the one transaction that waits for
the network. A crash rolls it back and the rows are offered again, which the inboxes absorb. It polls: 25 ms after
work, doubling to 200 ms at rest. A message whose content was erased is marked and never offered: nobody is to hear it.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection

from shared.bus.names import FACTS
from shared.bus.publisher import Outcome, Outgoing, Publisher
from shared.contracts.envelope import TYPE_PREFIX, trace_of
from shared.contracts.registry import source_of
from shared.core.errors import Unavailable
from shared.core.failpoints import reach
from shared.core.metrics import outbox_confirm_seconds, outbox_published_total
from shared.core.spans import PUBLISH, Attributes
from shared.core.tracing import begin_spans, is_tracing
from shared.process.housekeeping import Housekeeper
from shared.process.runner import Stop
from shared.store import outbox
from shared.store.checked_clock import CheckedClock
from shared.store.cleanup import Rule
from shared.store.outbox import OutboxRow
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

BATCH = 200
CONFIRM_TIMEOUT_S = 5.0
REST_LEAST_S = 0.025
REST_MOST_S = 0.2
REST_IN_OUTAGE_S = 1.0

REASONS = {
    Outcome.UNROUTABLE: "no queue is bound for this type",
    Outcome.REFUSED: "the broker refused it (a queue is full)",
}


class Relay:
    """One service's relay; any number may run, they share the rows.

    Args:
        work: on the service's database.
        publisher: of the bus.
        service: the producer.
        clock: of the project.
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
        self._housekeeper = Housekeeper(work, service, clock, rules)

    def run(self, stop: Stop) -> None:
        """Relay until ``stop``."""
        rest_s = REST_LEAST_S
        while not stop:
            try:
                moved = self.turn()
                self._housekeeper.turn()
                rest_s = REST_LEAST_S if moved else min(REST_MOST_S, rest_s * 2)
            except Unavailable as error:
                log.warning("relay waits", extra={"reason": error.reason})
                moved, rest_s = 0, REST_IN_OUTAGE_S
            if moved < BATCH:
                stop.wait(rest_s)
        self._publisher.close()

    def turn(self) -> int:
        """Offer one batch; returns how many messages the broker now has."""
        with self._work.transaction() as connection:
            rows = outbox.claim(connection, self._clock(), BATCH)
            if not rows:
                return 0
            reach("relay.claimed")
            told = [row for row in rows if row.body]
            offered = [self._outgoing(row) for row in told]
            reach("relay.publishing")
            outcomes = self._publish(offered) if offered else []
            reach("relay.published")
            self._record(connection, told, outcomes)
            outbox.mark_published(connection, [row.id for row in rows if not row.body], self._clock())
            reach("relay.marked")
        reach("relay.committed")
        return outcomes.count(Outcome.CONFIRMED)

    def _publish(self, offered: Sequence[Outgoing]) -> list[Outcome]:
        """Offer messages, each with a span in the trace that it carries; a span does not change what it carries."""
        if not is_tracing():
            return self._publisher.publish(offered, CONFIRM_TIMEOUT_S)
        spans = begin_spans(
            PUBLISH, ((f"publish {one.routing_key}", trace_of(one.body), _said(one)) for one in offered)
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


def _said(message: Outgoing) -> Attributes:
    return {
        "messaging.destination.name": FACTS,
        "messaging.rabbitmq.destination.routing_key": message.routing_key,
    }
