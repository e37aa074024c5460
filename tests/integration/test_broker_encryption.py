"""``amqps://`` verifies the broker: the AMQP header is sent to the right certificate alone, by both libraries."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.messaging.broker import BusAddress
from shared.messaging.connection import open_connection
from shared.messaging.topology import missing
from tests.support.certificate import make_certificate

HEADER = b"AMQP"


@dataclass(slots=True)
class Broker:
    """Speaks TLS, records the first bytes on each connection, and closes it."""

    certificate: Path
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    received: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.getsockname()[1])

    def serve(self) -> None:
        """Until the socket is closed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as tls:
                    self.received.append(tls.recv(4))


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """A broker called ``localhost``, whose certificate is trusted."""
    made = Broker(make_certificate(tmp_path / "broker.pem", "localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.server.shutdown(socket.SHUT_RDWR)
    made.server.close()
    thread.join(10)


def _consume(*urls: str) -> None:
    connection = open_connection(BusAddress(broker_urls=urls), "test")
    connection.ensure_connection(max_retries=len(urls) - 1, interval_start=0, timeout=10)


def _ask(*urls: str) -> None:
    missing(BusAddress(broker_urls=urls))


@pytest.mark.parametrize("connect", [_consume, _ask])
class TestVerification:
    """By kombu, and by pika."""

    def test_host_with_a_trusted_certificate_is_connected_to(
        self, broker: Broker, connect: Callable[..., None]
    ) -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - it hangs up
            connect(f"amqps://user:word@localhost:{broker.port}/")
        assert set(broker.received) == {HEADER}

    def test_certificate_of_another_host_is_not(self, broker: Broker, connect: Callable[..., None]) -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - any exception of the library
            connect(f"amqps://user:word@127.0.0.1:{broker.port}/")
        assert HEADER not in broker.received

    def test_certificate_that_is_not_trusted_is_not(
        self, broker: Broker, connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(Exception):  # noqa: B017, PT011 - any exception of the library
            connect(f"amqps://user:word@localhost:{broker.port}/")
        assert HEADER not in broker.received

    def test_each_of_several_hosts_is_compared_with_its_own_name(
        self, broker: Broker, connect: Callable[..., None]
    ) -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - the first is another host, the second hangs up
            connect(f"amqps://u:w@127.0.0.1:{broker.port}/", f"amqps://u:w@localhost:{broker.port}/")
        assert HEADER in broker.received
