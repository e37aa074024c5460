"""kombu connections with every limit set that its defaults leave open."""

import ssl
from typing import Any

from kombu import Connection, compression
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.pyamqp import SSLTransport

from shared.bus import embedded_transport
from shared.bus.address import BusAddress
from shared.bus.embedded_publisher import EmbeddedPublisher
from shared.bus.pika_publisher import PikaPublisher
from shared.bus.publisher import Publisher

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
    _verify_brokers()
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
    """Let kombu use :class:`VerifiedTransport` for ``amqps://``."""
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:{VerifiedTransport.__name__}"
