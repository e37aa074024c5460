"""The writing side of the embedded bus: a batch is one transaction on the bus's table."""

import logging
from collections.abc import Sequence

import psycopg

from shared.bus.embedded_store import EmbeddedQueues, StoredMessage
from shared.bus.names import FACTS, route
from shared.bus.publisher import Outcome, Outgoing
from shared.contracts.envelope import CONTENT_TYPE
from shared.core.logs import describe
from shared.core.metrics import broker_connected

log = logging.getLogger(__name__)


class EmbeddedPublisher:
    """Stores a copy of each message on every queue bound for it; connects when needed, again after a loss."""

    def __init__(self, database_url: str, service: str) -> None:
        self._url = database_url
        self._service = service
        self._queues: EmbeddedQueues | None = None

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """See :class:`shared.bus.publisher.Publisher`; the time limit is the connection's own (5 s a statement)."""
        del timeout_s
        copies = [copy for message in batch for copy in _copies(message)]
        try:
            if self._queues is None:
                self._queues = EmbeddedQueues(self._url)
            self._queues.put(copies)
        except psycopg.Error as error:
            log.warning("embedded bus unreachable", extra={"reason": describe(error)})
            self.close()
            return [Outcome.UNKNOWN] * len(batch)
        broker_connected.labels(self._service, "relay").set(1)
        return [Outcome.CONFIRMED if route(FACTS, m.routing_key) else Outcome.UNROUTABLE for m in batch]

    def close(self) -> None:
        """See :class:`shared.bus.publisher.Publisher`."""
        broker_connected.labels(self._service, "relay").set(0)
        if self._queues is not None:
            self._queues.close()
            self._queues = None


def _copies(message: Outgoing) -> list[StoredMessage]:
    properties = {
        "content_type": CONTENT_TYPE,
        "message_id": message.message_id,
        "type": message.type,
        "app_id": message.source,
    }
    return [StoredMessage(queue, message.body, properties) for queue, _delay in route(FACTS, message.routing_key)]
