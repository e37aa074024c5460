"""kombu connections with every limit set that its defaults leave open."""

from typing import Any

from kombu import Connection, compression

from shared.bus import embedded_transport
from shared.bus.address import BusAddress
from shared.bus.embedded_publisher import EmbeddedPublisher
from shared.bus.pika_publisher import PikaPublisher
from shared.bus.publisher import Publisher
from shared.bus.tls import verify_brokers

HEARTBEAT_S = 10
IO_TIMEOUT_S = 10
"""Without a read and a write time-out a black-holed connection hangs kombu for ever (reproduced)."""


def open_connection(address: BusAddress, name: str) -> Connection:
    """A connection for consuming.

    Args:
        address: of the bus.
        name: shown in the broker's list of connections.
    """
    _decompress_nothing()
    verify_brokers()
    if address.embedded:
        return Connection(
            transport=embedded_transport.Transport, transport_options={"database_url": address.database_url}
        )
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
    """Our bodies are plain JSON. kombu would decompress what a header says is compressed, however large it becomes."""
    for kind in compression.encoders():
        compression.register(_as_it_is, _as_it_is, kind)


def _as_it_is(body: Any) -> Any:
    return body
