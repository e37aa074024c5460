"""Connections to PostgreSQL that notice when nobody is there any more, though nothing was closed.

A line that swallows what is sent (a black hole, a frozen machine) tells nobody: no time limit of the server ends the
wait, and TCP's own works only while the other end's kernel is away too. So whoever has heard nothing for a moment asks
whether the server still answers. If it does, the statement is slow and is waited for; if not, the connection is given
up, and for a second no other is tried, so that a queue of callers is told at once and not one time limit after another.
"""

import socket
import struct
import time
from collections.abc import Generator
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

ASK_AFTER_S = 1.25
"""Of silence, and again after as much more: with the answer's time well under the 2.5 s in which people are told."""

ANSWER_WITHIN_S = 0.5
REST_S = 1.0
TICK_S = 0.1
STANDARD_PORT = 5432
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""The shortest question that any PostgreSQL answers, before any login (protocol 3.0, SSLRequest)."""

Address = tuple[str, str]
_silent_until: dict[Address, float] = {}
"""Monotonic seconds, by server; of this process."""


class DatabaseSilent(psycopg.OperationalError):
    """The server takes what is sent and does not answer: a black hole, or a machine that stands still."""


class WatchfulConnection(psycopg.Connection[Any]):
    """A psycopg connection that asks when it hears nothing. Works with threads and with greenlets alike."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's.

        Raises:
            psycopg.OperationalError: nobody answers, or nobody did a moment ago.
        """
        address = _address_in(conninfo, kwargs)
        if time.monotonic() < _silent_until.get(address, 0.0):
            raise DatabaseSilent("the database did not answer a moment ago")
        try:
            return super().connect(conninfo, **kwargs)
        except psycopg.errors.ConnectionTimeout:
            _note_silence(address)
            raise

    def wait(self, gen: Any, interval: float = TICK_S, timeout: float | None = None) -> Any:
        """Psycopg's: drive ``gen`` to its end. Called for whatever needs the server."""
        return super().wait(self._watched(gen), interval, timeout)

    def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """``gen``, with a look at the clock whenever it is woken and nothing has come."""
        heard_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard_at = now
                elif now - heard_at >= ASK_AFTER_S:
                    self._require_answer()
                    heard_at = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _require_answer(self) -> None:
        if answers(self.info.host, self.info.port):
            return
        _note_silence((self.info.host, str(self.info.port)))
        self.pgconn.finish()
        raise DatabaseSilent("the database does not answer")


def answers(host: str, port: int, within_s: float = ANSWER_WITHIN_S) -> bool:
    """Whether a PostgreSQL server at ``host`` (a name, an address, or the folder of its socket) says anything."""
    try:
        with _line_to(host, port, within_s) as line:
            line.sendall(_SSL_REQUEST)
            return line.recv(1) != b""
    except OSError:
        return False


def _line_to(host: str, port: int, within_s: float) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), within_s)  # whichever of its addresses answers
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(within_s)
    line.connect(f"{host}/.s.PGSQL.{port}")
    return line


def _note_silence(address: Address) -> None:
    _silent_until[address] = time.monotonic() + REST_S


def _address_in(conninfo: str, kwargs: dict[str, Any]) -> Address:
    names = ("autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory")
    words = conninfo_to_dict(conninfo, **{name: value for name, value in kwargs.items() if name not in names})
    return str(words.get("host") or ""), str(words.get("port") or STANDARD_PORT)
