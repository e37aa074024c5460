"""Connections of kombu with every limit set that its defaults leave open, reopened after each loss."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from kombu import Connection, compression
from kombu.mixins import ConsumerProducerMixin
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.pyamqp import SSLTransport
from kombu.utils.limits import TokenBucket

from shared.messaging import embedded
from shared.messaging.broker import BusAddress, OutageLog
from shared.messaging.publisher import EmbeddedPublisher, PikaPublisher, Publisher
from shared.runtime.logs import describe
from shared.runtime.metrics import broker_connected, broker_reconnects_total, consumer_last_tick_timestamp_seconds

HEARTBEAT_S = 10
IO_TIMEOUT_S = 10
"""Without a read and a write time-out a black-holed connection hangs kombu forever (reproduced)."""


def open_connection(address: BusAddress, name: str) -> Connection:
    """A connection for consuming.

    Args:
        address: the address of the message bus.
        name: shown in the broker's list of connections.
    """
    _decompress_nothing()
    _verify_brokers()
    if address.embedded:
        return Connection(transport=embedded.Transport, transport_options={"database_url": address.database_url})
    options: dict[str, Any] = {
        "read_timeout": IO_TIMEOUT_S,
        "write_timeout": IO_TIMEOUT_S,
        "confirm_publish": True,
        "client_properties": {"connection_name": name},
    }
    return Connection(
        list(address.broker_urls),
        heartbeat=HEARTBEAT_S,
        connect_timeout=3,
        transport_options=options,
        failover_strategy="round-robin",
    )


def open_publisher(address: BusAddress, service: str) -> Publisher:
    """The publisher for a service's relay."""
    if address.embedded:
        return EmbeddedPublisher(address.database_url, service)
    return PikaPublisher(address, service)


def _decompress_nothing() -> None:
    """Our bodies are plain JSON. kombu would decompress a body that a header declares compressed, to any size."""
    for kind in compression.encoders():
        compression.register(_as_it_is, _as_it_is, kind)


def _as_it_is(body: Any) -> Any:
    return body


class VerifiedTransport(SSLTransport):
    """kombu's transport of ``amqps://``, which compares the certificate with the name of the host that is tried now."""

    def establish_connection(self) -> Any:
        """See :class:`kombu.transport.pyamqp.Transport`.

        kombu verifies the certificate (``SSL_CERT_FILE`` or the system's authorities) but not the name: any certificate
        of a trusted authority would do. pika compares the name by itself.
        """
        self.client.ssl = {"server_hostname": self.client.hostname, "cert_reqs": ssl.CERT_REQUIRED}
        return super().establish_connection()


def _verify_brokers() -> None:
    """Make kombu use :class:`VerifiedTransport` for ``amqps://``."""
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:{VerifiedTransport.__name__}"


RECONNECT_FIRST_S = 0.5
MAX_RECONNECT_DELAY_S = 2.0
"""kombu's own pauses between attempts grow to half a minute, which an outage would then last longer for us."""


class ReconnectingConsumer(ConsumerProducerMixin):
    """kombu's mixin without what it leaves open; a subclass consumes.

    Args:
        connection: a connection from :func:`shared.messaging.connection.open_connection`.
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
                interval_max=MAX_RECONNECT_DELAY_S,
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
        """How often reconnecting is tried: twice a second."""
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
