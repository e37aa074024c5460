"""Sends bytes unchanged, and separates the responses."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

QUIET_S = 2.0
"""So long nothing more comes from a server that keeps the connection, however slow the machine. nginx drops what it has
not passed on yet when its client leaves, so this is far more than the recorder takes."""
QUIET_AFTER_S = 0.3
"""The gateway sends what it has buffered at once."""
AT_ONCE = 16
"""Connections that are kept busy at the same time, on either side."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


@dataclass(frozen=True, slots=True)
class RawResponses:
    """Attributes:
    statuses: of each answer that came, in order.
    closed: whether the server ended the connection.
    content: all of it.
    """

    statuses: tuple[int, ...]
    closed: bool
    content: bytes


def exchange(url: str, raw: bytes) -> RawResponses:
    """The response of a server to ``raw``, until it ends the connection or sends nothing more."""
    place = urlsplit(url)
    content, closed = b"", False
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        with suppress(ConnectionError):
            connection.sendall(raw)
        connection.settimeout(QUIET_S)
        try:
            while part := connection.recv(65536):
                content += part
            closed = True
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
    return RawResponses(tuple(int(status) for status in _STATUS.findall(content)), closed, content)


@dataclass(slots=True)
class Recorder:
    """A service that writes down what the gateway sends it, byte by byte.

    Attributes:
        url: where it listens.
        requests: whole connections.
    """

    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def recorder() -> Iterator[Recorder]:
    """One that answers the first request of each connection and ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Recorder(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            threads = [pool.submit(_serve, listening, made) for _ in range(AT_ONCE)]
            try:
                yield made
            finally:
                with suppress(OSError):
                    listening.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.result()


def _serve(listening: socket.socket, made: Recorder) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            made.requests.append(_whole(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def _whole(connection: socket.socket) -> bytes:
    """All that comes, until nothing more comes."""
    connection.settimeout(QUIET_AFTER_S)
    responses = b""
    with suppress(TimeoutError):
        while part := connection.recv(65536):
            responses += part
    return responses
