"""A kombu consumer's connection to the broker: opened again after each loss, logged in one line, shown in metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from kombu import Connection
from kombu.mixins import ConsumerProducerMixin
from kombu.utils.limits import TokenBucket

from shared.bus.outage_log import OutageLog
from shared.core.logs import describe
from shared.core.metrics import broker_connected, broker_reconnects_total, consumer_last_tick_timestamp_seconds

RECONNECT_FIRST_S = 0.5
RECONNECT_MOST_S = 2.0
"""kombu's own pauses between attempts grow to half a minute, which an outage would then last longer for us."""


class ReconnectingConsumer(ConsumerProducerMixin):
    """kombu's mixin without what it leaves open; a subclass consumes.

    Args:
        connection: from :func:`shared.bus.connection.open_connection`.
        service: named in metrics and in the log.
    """

    def __init__(self, connection: Connection, service: str) -> None:
        self.connection = connection
        self.ticked_at = time.monotonic()
        self._service = service
        self._outage = OutageLog(f"{service}-consumer")

    def tick(self) -> None:
        """Sign of life, for the watchdog and for Prometheus."""
        self.ticked_at = time.monotonic()
        consumer_last_tick_timestamp_seconds.labels(self._service).set_to_current_time()

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """Yield a connection while it lasts. A lost connection is dropped without waiting for a close handshake.

        kombu closes channel and connection and waits for each reply: with packets dropped, a loss was noticed after
        41 s, half of which was that wait.
        """
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                interval_start=RECONNECT_FIRST_S,
                interval_step=RECONNECT_FIRST_S,
                interval_max=RECONNECT_MOST_S,
            )
            try:
                yield connection
            except self.connection_errors:
                broker_connected.labels(self._service, "consumer").set(0)
                connection.collect()
                raise

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        del interval
        self._outage.lost(describe(exc))
        broker_connected.labels(self._service, "consumer").set(0)
        self.tick()

    def on_connection_revived(self) -> None:
        self._outage.restored()
        broker_connected.labels(self._service, "consumer").set(1)
        broker_reconnects_total.labels(self._service, "consumer").inc()
        self.tick()

    @cached_property
    def restart_limit(self) -> TokenBucket:
        """How often the connection may be taken up again: twice a second."""
        return TokenBucket(2)

    def run(self, _tokens: int = 1, **options: Any) -> None:
        """Consume until asked to stop, reconnecting after each loss (kombu's own logs a traceback)."""
        lost = (*self.connection.connection_errors, *self.connection.channel_errors)
        while not self.should_stop:
            if not self.restart_limit.can_consume(_tokens):
                time.sleep(self.restart_limit.expected_time(_tokens))  # at most two connections a second
                continue
            try:
                for _ in self.consume(**options):
                    pass
            except lost as error:
                self._outage.lost(describe(error))
