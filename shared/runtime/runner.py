"""Worker process: signals, a port for Prometheus and health probes, backoff, graceful shutdown."""

import logging
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from socketserver import TCPServer, ThreadingMixIn
from types import FrameType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from shared.runtime.deployment import ProbeAddress
from shared.runtime.logs import describe


def delay_before(attempt: int, *, base_s: float = 5.0, cap_s: float = 900.0) -> float:
    """Seconds to wait before redelivery number ``attempt`` (full jitter, so a burst spreads out).

    Args:
        attempt: 1 for the first redelivery.
        base_s: first delay, seconds.
        cap_s: longest delay, seconds.

    Returns:
        seconds in [0, cap_s].

    Raises:
        ValueError: attempt is below 1.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    return random.uniform(0, min(cap_s, base_s * 2.0 ** min(attempt - 1, 32)))  # noqa: S311 - spreads load, guards nothing


log = logging.getLogger(__name__)

DRAIN_S = 30.0


class Stop:
    """Set by SIGTERM or SIGINT; workers check it between two pieces of work."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep at most ``seconds``; returns whether it is time to stop."""
        return self._event.wait(seconds)

    def then(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` (quick, from a signal handler) when it is time to stop."""
        self._callbacks.append(callback)

    def now(self) -> None:
        """It is time to stop."""
        self._event.set()
        for callback in self._callbacks:
            callback()


def run(
    loops: Mapping[str, Callable[[Stop], None]], *, probes: ProbeAddress, ready: Callable[[], Sequence[str]]
) -> int:
    """Run ``loops``, each in a thread, until one returns or a signal asks for the end; wait at most ``DRAIN_S`` then.

    Args:
        loops: the loops by name of their thread; each returns soon after the stop is set. An exception from one ends
            the process with code 1, so that a supervisor starts it again.
        probes: where to answer probes and Prometheus.
        ready: asked by ``/readyz``, by one thread at a time: why the process is not ready, nothing if it is.

    Returns:
        exit code: 0 drained, 1 failed or not drained in time.
    """
    stop, failure = Stop(), threading.Event()

    def guarded(name: str) -> None:
        try:
            loops[name](stop)
        except Exception as error:
            log.exception("worker failed", exc_info=None, extra={"error": describe(error), "role": name})  # noqa: LOG007 - without its text
            failure.set()
        finally:
            stop.now()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: _on_signal(stop, _frame))
    server = _serve_probes(probes, ready) if probes.port else None
    threads = [threading.Thread(target=guarded, args=(name,), name=name, daemon=True) for name in loops]
    for thread in threads:
        thread.start()
    while not stop.wait(1.0):
        pass
    until_s = time.monotonic() + DRAIN_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    if server is not None:
        server.shutdown()
        server.server_close()
    if left := [thread.name for thread in threads if thread.is_alive()]:
        log.error("not drained in time", extra={"drain_s": DRAIN_S, "roles": left})
    return 1 if failure.is_set() or left else 0


def _on_signal(stop: Stop, frame: FrameType | None) -> None:
    del frame
    stop.now()


REQUEST_TIMEOUT_S = 5
"""How long the port for probes waits for a client that sends nothing, or takes nothing."""

MAX_REQUESTS = 16
"""Requests that are answered at once; connections beyond them are closed."""

READY_WAIT_S = 1.0
"""How long ``/readyz`` waits for an earlier one, below the timeout of any probe."""

BUSY = "readiness: an earlier check has no result yet"


class _QuietHandler(WSGIRequestHandler):
    """Probes come every few seconds: they are not logged."""

    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Report nothing."""


class _ProbeServer(ThreadingMixIn, WSGIServer):
    """Listens on addresses of both kinds; one client that sends nothing delays no other, and no shutdown.

    Each request has a thread, up to ``MAX_REQUESTS``. The thread that accepts connections never waits for one of them.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """As every HTTP server, but without asking the name service what this host is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; close the connection if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system starts no more threads
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report faults of ours; that a client sent nothing, or has gone, is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _ProbeServerV6(_ProbeServer):
    address_family = socket.AF_INET6


def _one_at_a_time(ready: Callable[[], Sequence[str]]) -> Callable[[], Sequence[str]]:
    """``ready`` for several threads: a slow check, such as of a silent database, takes one session of a pool, not all.

    A caller that waits for an earlier check for ``READY_WAIT_S`` gets ``BUSY``.
    """
    lock = threading.Lock()

    def problems() -> Sequence[str]:
        if not lock.acquire(timeout=READY_WAIT_S):
            return [BUSY]
        try:
            return ready()
        finally:
            lock.release()

    return problems


def _serve_probes(probes: ProbeAddress, ready: Callable[[], Sequence[str]]) -> WSGIServer:
    metrics = make_wsgi_app()
    known = {"/livez": list, "/readyz": _one_at_a_time(ready)}

    def application(environ, start_response):  # type: ignore[no-untyped-def]  # WSGI
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        problems = known.get(environ["PATH_INFO"], lambda: ["no such probe"])()
        lines = ["not ready", *problems] if problems else ["ok"]
        start_response("503 Service Unavailable" if problems else "200 OK", [("Content-Type", "text/plain")])
        return ["\n".join([*lines, ""]).encode()]

    kind = _ProbeServerV6 if ":" in probes.host else _ProbeServer
    server = make_server(probes.host, probes.port, application, kind, _QuietHandler)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
