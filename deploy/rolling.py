"""gunicorn's gevent worker, with two additions: restarts without a gap, and a response to every connection.

A web worker that has to stop continues until the workers that replace it can answer.

gunicorn signals the old workers as it forks the new ones, seconds before these have started. In between no worker would
accept a connection, and new clients would wait in the socket's queue, which is short on purpose.

When all workers hold as many connections as they may, gunicorn leaves further ones in the socket's queue, and when that
is full the kernel drops what arrives: people waited 20 s and more for nothing. Here they are refused in half a second.
"""

import mmap
import socket
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.util import write_nonblock
from gunicorn.workers.ggevent import GeventWorker

from deploy.discreet import refusal, status_of
from shared.http.error_pages import busy_page
from shared.http.problems import busy_problem, retry_after_s
from shared.runtime.logs import describe

SLOTS = 4096
"""Workers of one start that are distinguished: many more than can run at once."""

MAX_WAIT_S = 20.0
"""A worker that does not start in this time is not waited for; less than ``graceful_timeout`` of the old ones."""

POLL_EVERY_S = 0.05

MAX_ACCEPT = 8
"""Connections accepted in one iteration of the event loop, which lasts 5 ms and more under load. gunicorn accepts one,
so that workers share evenly; then a busy worker accepts 200 a second, and further connections wait unseen."""

FULL_FOR_S = 0.25
"""Once all workers have been full for so long, each refuses the connections at the socket: none can take them."""

ROOM_KNOWN_FOR_S = 2.0
"""A worker reports every ``POLL_EVERY_S`` whether it has room. An older report does not count: the worker has ended or
hangs, and connections at the socket would wait for it in vain."""

MAX_REFUSING = 1024
"""Connections that are being refused at once by one worker."""

REFUSAL_WITHIN_S = 2.0
"""How long a connection that is refused is waited for: to ask, and to take the answer."""

MAX_HEAD_BYTES = 16_384

_HEADERS = (("Connection", "close"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


class Generations:
    """Which workers have been forked, and which of them can answer; in memory that all processes share."""

    def __init__(self) -> None:
        self._newest = mmap.mmap(-1, 8)
        self._settled = mmap.mmap(-1, SLOTS)

    def forked(self, age: int) -> None:
        """gunicorn is about to fork its worker number ``age``. Called in the one process that forks."""
        self._settled[age % SLOTS] = 0
        self._newest[:8] = age.to_bytes(8, "little")

    def settled(self, age: int) -> None:
        """It can answer now, or it has ended: no other worker needs to wait for it."""
        self._settled[age % SLOTS] = 1

    def younger_ones_start(self, age: int) -> bool:
        """Whether a worker younger than ``age`` cannot answer yet."""
        newest = int.from_bytes(self._newest[:8], "little")
        return any(self._settled[number % SLOTS] == 0 for number in range(age + 1, newest + 1))


class SpareRoom:
    """Which workers can take another connection; in memory that all processes share.

    One full worker is no reason to refuse a connection: another worker takes those that wait at the socket.
    """

    def __init__(self) -> None:
        self._last_seen = memoryview(mmap.mmap(-1, 8 * SLOTS)).cast("d")

    def report(self, age: int, *, has_room: bool) -> None:
        """Worker number ``age`` can take another connection, or cannot."""
        self._last_seen[age % SLOTS] = time.monotonic() if has_room else 0.0

    def anywhere(self) -> bool:
        """Whether any worker has room, as far as is known."""
        newest: float = max(self._last_seen)
        return newest > 0.0 and time.monotonic() - newest < ROOM_KNOWN_FOR_S


class RollingWorker(GeventWorker):
    """gunicorn's worker, which exits when it is no longer needed.

    ``generations`` and ``room`` are set before it is forked (deploy/gunicorn.conf.py).
    """

    generations: Generations
    room: SpareRoom

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: BaseException) -> None:
        """A request that gunicorn could not read, or that failed outside of the application."""
        status = status_of(exc)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_IMPLEMENTED:
            self.log.warning("request refused: %s", type(exc).__name__)
        else:
            self.log.error("request failed: %s", describe(exc))
        with suppress(OSError):
            write_nonblock(client, refusal(status))

    def run(self) -> None:
        """Serve until stopped, then finish what has begun. As gunicorn's own, except for the refusals."""
        servers = [self._serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(1.0)
        for server in servers:
            server.close()
        ends_at = time.monotonic() + self.cfg.graceful_timeout
        while any(len(server.pool) for server in servers) and time.monotonic() < ends_at:
            self.notify()
            gevent.sleep(POLL_EVERY_S)
        for server in servers:
            if len(server.pool):
                self.log.warning("Worker graceful timeout (pid:%s)", self.pid)
            server.stop(timeout=1)

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(True)
        server = StreamServer(listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections))
        server.max_accept = MAX_ACCEPT
        server.start()
        gevent.spawn(self._refuse_while_full, server)
        return server

    def _refuse_while_full(self, server: StreamServer) -> None:
        """Report whether this worker has room, and refuse connections at the socket while no worker has room."""
        refusing, full_since = Pool(MAX_REFUSING), time.monotonic()
        while self.alive:
            has_room = not server.full()
            self.room.report(self.age, has_room=has_room)
            if has_room or self.room.anywhere():
                full_since = time.monotonic()
            while time.monotonic() - full_since >= FULL_FOR_S and refusing.free_count() and server.full():
                connection = server.do_read()
                if connection is None:
                    break
                refusing.spawn(_refuse, connection[0])
            gevent.sleep(POLL_EVERY_S)
        self.room.report(self.age, has_room=False)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: of a restart or of the end. At the end there are no younger ones, and nothing is waited for."""
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        with gevent.Timeout(MAX_WAIT_S, False):
            while self.generations.younger_ones_start(self.age):
                gevent.sleep(POLL_EVERY_S)
        self.alive = False


def _refuse(client: Any) -> None:
    """Answer 503 to any request, and wait for the end of the request: otherwise the client may not read the answer."""
    with suppress(OSError), client:
        asked = b""
        with gevent.Timeout(REFUSAL_WITHIN_S, False):
            asked = client.recv(MAX_HEAD_BYTES)
        client.sendall(_busy_answer(asked))
        client.shutdown(socket.SHUT_WR)
        with gevent.Timeout(REFUSAL_WITHIN_S, False):
            while client.recv(MAX_HEAD_BYTES):
                pass


def _busy_answer(asked: bytes) -> bytes:
    """The whole answer, for browsers a page in English: nothing of the request is read that could be read wrongly."""
    made = busy_page(retry_after_s(), "en") if b"text/html" in asked else busy_problem(retry_after_s())
    headers = [*made[0], *_HEADERS]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + made[1]
