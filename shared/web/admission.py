"""The door of a web process: who is let in when too many come, decided before anything is parsed.

It stands around the application. A refusal costs a hundredth of what the work would: it looks at path and two headers,
and at how many are inside. Who is refused is told when to come again, each something else between 2 and 10 seconds.
Nothing of a refused request has happened; sent again with its key it is like new.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shared.core.metrics import requests_refused_total
from shared.core.places import FIRST, LAST, LATER, PUBLIC, Bounds, Places
from shared.core.proxies import TrustedProxies
from shared.web.arriving_body import CutOff, TooSlow, longest, receive
from shared.web.busy_page import EARLIEST_S, asked_language, busy_page, busy_problem, retry_after_s

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LATE_S = 5.0
"""Who has waited so long in front of the door (``X-Request-Start`` of the gateway) is not worked on any more: they have
gone, or come again. Queues inside keep answers within a second; this is for a process that stood still."""

WAITED_S = 3.0
"""The same of a request that no gateway has stamped: the kernel says how long ago its last byte arrived. Above capacity
requests wait there before anything sees them; refused at once, those that come next are answered in time."""

_TCP_INFO_BYTES, _LAST_DATA_RECEIVED = 104, 52
"""Of ``struct tcp_info`` (Linux, tcp.h): its size up to now, and where the milliseconds since the last byte stand."""

LARGE_BYTES, MAX_LARGE_BODIES = 2 * 1024 * 1024, 2
"""Of bodies beyond so many bytes (files of people) a process holds so many at once: they are read before anybody knows
whose they are."""

NEVER_REFUSED = "/-/"
"""Probes and metrics: an operator has to see what is going on most of all when too much is."""


def class_of(environ: "WSGIEnvironment", people: tuple[str, ...], pages: tuple[str, ...] = ()) -> str:
    """The class of a request; empty for one that is always let in.

    Args:
        environ: of the request.
        people: beginnings of the paths of those who register. With a key they are a coordinator's.
        pages: the same of public pages.
    """
    path = environ["PATH_INFO"]
    if path.startswith(people) and "HTTP_AUTHORIZATION" not in environ:
        return FIRST
    if path.startswith(NEVER_REFUSED):
        return ""
    if path.startswith(pages) and "HTTP_AUTHORIZATION" not in environ:
        return PUBLIC
    if path.startswith("/console"):
        return LATER if path.startswith("/console/static/") else LAST
    exported = path.endswith(".csv") or "text/csv" in environ.get("HTTP_ACCEPT", "")
    return LAST if exported else LATER


class Door:
    """An application behind its bounds.

    Args:
        inner: the application.
        service: its name, for the count of refusals.
        people: beginnings of the paths of those who register.
        bounds: of this process.
        proxies: gateways whose ``X-Request-Start`` is believed.
        most_bytes: longest body.
        larger: beginnings of paths that take a longer one, and how long.
        pages: beginnings of the paths of public pages.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        service: str,
        people: tuple[str, ...],
        bounds: Bounds,
        *,
        proxies: TrustedProxies = TrustedProxies(),  # noqa: B008 - an immutable value
        most_bytes: int,
        larger: Mapping[str, int] = MappingProxyType({}),
        pages: tuple[str, ...] = (),
    ) -> None:
        self._inner, self._service, self._people, self._pages = inner, service, people, pages
        self._proxies = proxies
        self._most_bytes, self._larger = most_bytes, larger
        self._places = bounds.places()
        self._large = Places(MAX_LARGE_BODIES)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Let the request in, or refuse it."""
        kind = class_of(environ, self._people, self._pages)
        if not kind:
            return self._inner(environ, start_response)
        places = self._places[kind]
        reason = self._objection(environ, places)
        if reason:
            return self._refuse(environ, start_response, kind, reason)
        longest_bytes = longest(environ["PATH_INFO"], self._most_bytes, self._larger)
        if not _may_be_large(environ, longest_bytes):
            return self._let_in(environ, start_response, kind, longest_bytes)
        if not self._large.enter():
            return self._refuse(environ, start_response, kind, "full")
        try:
            return self._let_in(environ, start_response, kind, longest_bytes)
        finally:
            self._large.leave()

    def _let_in(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", kind: str, longest_bytes: int
    ) -> Iterable[bytes]:
        places = self._places[kind]
        try:
            receive(environ, longest_bytes)
        except (TooSlow, CutOff):
            return self._give_up(start_response, kind)
        if not places.enter():
            return self._refuse(environ, start_response, kind, "full")
        if kind is LAST:
            return self._hold(environ, start_response, places)
        try:
            return self._inner(environ, start_response)
        finally:
            places.leave()

    def _objection(self, environ: "WSGIEnvironment", places: Places) -> str:
        if places.full():
            return "full"
        return "late" if self._is_late(environ) else ""

    def _is_late(self, environ: "WSGIEnvironment") -> bool:
        """Whether it has waited too long in front of this process, by the gateway's stamp or by the kernel."""
        if _waited_s(environ.get("gunicorn.socket")) > WAITED_S:
            return True
        stamp = environ.get("HTTP_X_REQUEST_START", "")
        if not stamp or not self._proxies.trust(environ.get("REMOTE_ADDR", "")):
            return False
        try:
            began_at = float(stamp.removeprefix("t="))
        except ValueError:
            return False
        return time.time() - began_at > LATE_S

    def _hold(self, environ: "WSGIEnvironment", start_response: "StartResponse", places: Places) -> Iterable[bytes]:
        """As above, but an answer that is made while it is sent (an export) holds its place to the end."""
        streams = False

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            nonlocal streams
            streams = not any(name.lower() == "content-length" for name, _ in headers)
            return start_response(status, headers, *failure)

        answer: Iterable[bytes] | None = None
        try:
            answer = self._inner(environ, start)
        finally:
            if answer is None or not streams:
                places.leave()
        return _Held(answer, places) if streams else answer

    def _refuse(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", kind: str, reason: str
    ) -> Iterable[bytes]:
        requests_refused_total.labels(self._service, kind, reason).inc()
        seconds = retry_after_s()
        if "text/html" in environ.get("HTTP_ACCEPT", ""):
            headers, body = busy_page(seconds, asked_language(environ))
        else:
            headers, body = busy_problem(seconds)
        start_response("503 Service Unavailable", headers)
        return [body]

    def _give_up(self, start_response: "StartResponse", kind: str) -> Iterable[bytes]:
        """408, and the server closes the connection: where the next request would begin is not known."""
        requests_refused_total.labels(self._service, kind, "slow").inc()
        headers, body = busy_problem(EARLIEST_S, 408, "too-slow")
        start_response("408 Request Timeout", headers)
        return [body]


def _may_be_large(environ: "WSGIEnvironment", longest_bytes: int) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return longest_bytes > LARGE_BYTES and (not length.isdigit() or int(length) > LARGE_BYTES)


def _waited_s(connection: Any) -> float:
    """Seconds since the last byte of a request arrived in the kernel; 0 where it does not say (no TCP, no server)."""
    if connection is None:
        return 0.0
    try:
        known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return 0.0
    return int.from_bytes(known[_LAST_DATA_RECEIVED : _LAST_DATA_RECEIVED + 4], sys.byteorder) / 1000


class _Held:
    """An answer that gives a place back when all of it is sent, or when it is closed before."""

    __slots__ = ("_answer", "_holds", "_places")

    def __init__(self, answer: Iterable[bytes], places: Places) -> None:
        self._answer, self._places, self._holds = answer, places, True

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer
        self._leave()

    def close(self) -> None:
        """Called by the server once, when the answer has been sent or cannot be."""
        close = getattr(self._answer, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._holds:
            self._holds = False
            self._places.leave()
