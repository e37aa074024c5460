"""A receiver of webhooks on loopback, by TLS under its own name; and a way there from any address."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.notifications.webhooks.http_client import Address, WebhookClient

HOST = "hooks.example.org"
OUTSIDE = "8.8.8.8"
"""A public address. Nothing is sent there: :class:`Receiver` answers for it."""

Behave = Callable[[ssl.SSLSocket], None]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request that was received: its first line, its headers in lower case, its body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Serves until it is closed.

    Attributes:
        certificate: file with key and certificate for ``HOST``.
        behave: what it does with a connection once it has read the request.
        requests: in order.
        connected: addresses and ports that a caller wanted to connect to, in order.
        resolved: hosts that a caller resolved, in order.
    """

    certificate: Path
    behave: Behave
    requests: list[ReceivedRequest] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def caller(self, *answers: Sequence[str], within_s: float = 5.0, trusting: bool = True) -> WebhookClient:
        """A caller for whom each lookup of a name gives the next of ``answers`` (the last one forever after).

        All addresses that are not public are refused as in production; a connection to a public one ends here.
        """
        remaining = list(answers) or [[OUTSIDE]]

        def resolve(host: str, _port: int) -> list[Address]:
            self.resolved.append(host)
            return [ip_address(text) for text in (remaining.pop(0) if len(remaining) > 1 else remaining[0])]

        def connect(address: Address, port: int, within_s: float) -> socket.socket:
            self.connected.append((str(address), port))
            return socket.create_connection(self._server.getsockname(), timeout=within_s)

        context = ssl.create_default_context(cafile=str(self.certificate)) if trusting else None
        return WebhookClient(context, resolve, connect, within_s)

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown(socket.SHUT_RDWR)  # or the thread would wait for another connection
        self._server.close()
        self._thread.join(10)

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(plain,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self.requests.append(_read(connection))
                self.behave(connection)
        except OSError:
            plain.close()


def answering(status: int, *headers: str) -> Behave:
    """Answers so, and closes."""
    head = "\r\n".join([f"HTTP/1.1 {status} Status", *headers, "Content-Length: 0", "", ""])
    return lambda connection: connection.sendall(head.encode())


def make_certificate(folder: Path, host: str = HOST) -> Path:
    """A self-signed certificate for ``host`` with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "receiver.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def _read(connection: ssl.SSLSocket) -> ReceivedRequest:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            raise OSError("ended in the head")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(4096)
    return ReceivedRequest(line, headers, body)
