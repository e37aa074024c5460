"""Stand-ins for everything that Prometheus scrapes, each on its own port; they can refuse or stop answering."""

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.ports import free_port

Content = Callable[[float], str]
"""What a target returns, by the seconds since the fault; below zero before it."""

WELL, REFUSING, HANGING = "well", "refusing", "hanging"
HANGS_S = 30.0


class Target:
    """An HTTP server that always gives the same kind of answer.

    Args:
        content: what it returns.
        since_fault: seconds since the fault, below zero before it.
        certificate: file with key and certificate; None without TLS.
        kind: content type.
    """

    def __init__(
        self,
        content: Content,
        since_fault: Callable[[], float],
        certificate: Path | None = None,
        kind: str = "text/plain; version=0.0.4",
    ) -> None:
        self.port = free_port()
        self._content, self._since_fault, self._kind = content, since_fault, kind
        self._certificate = certificate
        self._state = WELL
        self._server: ThreadingHTTPServer | None = None
        self._open()

    def become(self, state: str) -> None:
        """Answer from now on, refuse connections, or accept them without answering."""
        self._state = state
        if state == REFUSING:
            self.close()
        elif self._server is None:
            self._open()

    def close(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _open(self) -> None:
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                until = time.monotonic() + HANGS_S
                while target._state == HANGING and time.monotonic() < until:
                    time.sleep(0.1)
                body = target._content(target._since_fault()).encode()
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", target._kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Send nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._server = server
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
