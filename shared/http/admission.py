"""Admission control (load shedding), a WSGI middleware: refuses requests beyond capacity before parsing anything.

``AdmissionMiddleware`` wraps the application. A refusal costs a hundredth of the work: it depends on path, a few
headers and the number of requests in progress. Slots of coordinators are for callers whom this process has recognised,
since anyone can send a header or a cookie. A refused client gets ``Retry-After``, a random number between 2 and 10
seconds. Nothing of a refused request has happened; sent again with its idempotency key it is like new.

A request's body is received before the request takes a slot: a slow sender holds a socket, never a slot.
"""

import socket
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gevent import Timeout, monkey

from shared.http.access import RECOGNISED
from shared.http.error_pages import asked_language, busy_page, is_browser
from shared.http.problems import EARLIEST_S, busy_problem, retry_after_s
from shared.runtime.deployment import (
    FIRST,
    LAST,
    LATER,
    LINKS,
    PUBLIC,
    SIGNING,
    AdmissionLimits,
    ConcurrencyLimit,
    TrustedProxies,
)
from shared.runtime.metrics import requests_refused_total

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_WITHIN_S = 10.0
"""From the head of a request to the end of its body. A filled form is a few kilobytes: 56 kbit/s take one second."""

SLOWEST_BYTES_S = 250_000
"""A large body has the time beside it that this many bytes a second take."""


class TooSlow(Exception):
    """The body was not there in time. gunicorn closes a connection on which reading has failed."""


class CutOff(Exception):
    """The sender has disconnected in the middle of the body."""


def max_body_bytes(path: str, usual: int, larger: Mapping[str, int]) -> int:
    """How long a body may be that is sent to ``path``, bytes: ``larger`` has the beginnings of paths that take more."""
    return next((most for beginning, most in larger.items() if path.startswith(beginning)), usual)


def receive(environ: "WSGIEnvironment", max_bytes: int, within_s: float = BODY_WITHIN_S) -> None:
    """Read the body into memory and leave it there as ``wsgi.input``.

    A body whose declared size is too large is left unread; one without a declared size is read up to the point where it
    becomes too large. The next reader of ``CONTENT_LENGTH`` refuses both.

    Args:
        max_bytes: longest body that is wanted.
        within_s: longest time for all of it, seconds. Kept where waiting costs no thread (ADR 12); elsewhere the
            server's own limits hold.

    Raises:
        TooSlow: it takes longer.
        CutOff: it ends before its length.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        if "HTTP_TRANSFER_ENCODING" in environ:
            content = _read(environ, max_bytes + 1, within_s)
            environ["CONTENT_LENGTH"] = str(len(content))
        return
    wanted = int(length)
    within_s += wanted / SLOWEST_BYTES_S
    if 0 < wanted <= max_bytes and len(_read(environ, wanted, within_s)) < wanted:
        raise CutOff


def _read(environ: "WSGIEnvironment", count: int, within_s: float) -> bytes:
    with _read_up_to(within_s):
        content: bytes = environ["wsgi.input"].read(count)
    environ["wsgi.input"] = BytesIO(content)
    return content


def _read_up_to(seconds: float) -> AbstractContextManager[object]:
    return Timeout(seconds, TooSlow()) if monkey.is_module_patched("socket") else nullcontext()


MAX_GATEWAY_WAIT_S = 5.0
"""A request that has waited so long before admission (``X-Request-Start`` of the gateway) is no longer handled.

Its client has disconnected, or has sent another request. Queues inside keep answers within a second; this is for a
process that stalled.
"""

MAX_SOCKET_WAIT_S = 3.0
"""The same for a request without a gateway's timestamp: the kernel reports how long ago its last byte arrived. Above
capacity requests wait there before any code sees them; if they are refused at once, the next ones are answered in
time."""

_TCP_INFO_BYTES, _LAST_DATA_RECEIVED = 104, 52
"""Of ``struct tcp_info`` (Linux, tcp.h): its size up to now, and the offset of the milliseconds since the last byte."""

LARGE_BYTES, MAX_LARGE_BODIES = 2 * 1024 * 1024, 2
"""Limits for large bodies (files of people).

From this size on, a process holds this many at once: they are read before anyone knows whose they are.
"""

_STREAMING = (LAST, PUBLIC)
"""Classes with exports: coordinators' and, of what everyone may read, everyone's."""

_WITHOUT_BODY = ("204", "304")

NEVER_REFUSED = "/-/"
"""Probes and metrics: an operator needs them most of all under overload."""


RECOGNISED_FOR_S = 600.0
"""How long a key is known after it was recognised: it decides only in which line its requests wait."""

MAX_RECOGNISED = 1024


class KnownCallers:
    """Callers whose key, or token of a link, this process has recognised lately, or whose session is genuine.

    Args:
        has_session: whether a request has the cookie of a session, to be decided without asking a database.
    """

    def __init__(self, has_session: "Callable[[WSGIEnvironment], bool]" = lambda _: False) -> None:
        self._has_session = has_session
        self._recognised: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def know(self, environ: "WSGIEnvironment") -> bool:
        """Whether the caller is known. One with a new key becomes known by their first answer."""
        sent = environ.get("HTTP_AUTHORIZATION")
        if sent is None:
            return "HTTP_COOKIE" in environ and self._has_session(environ)
        return self._recognised.get(_hash(sent), 0.0) > time.monotonic()

    def remember(self, environ: "WSGIEnvironment") -> None:
        """Remember the ``Authorization`` header of a request that was recognised, as a hash."""
        sent = environ.get("HTTP_AUTHORIZATION")
        if sent is None or RECOGNISED not in environ:
            return
        with self._lock:
            self._recognised[_hash(sent)] = time.monotonic() + RECOGNISED_FOR_S
            self._recognised.move_to_end(_hash(sent))
            if len(self._recognised) > MAX_RECOGNISED:
                self._recognised.popitem(last=False)


def _hash(sent: str) -> bytes:
    return sha256(sent.encode()).digest()


def priority_class_of(
    environ: "WSGIEnvironment",
    people: tuple[str, ...],
    pages: tuple[str, ...],
    is_known: "Callable[[WSGIEnvironment], bool]",
    signing: frozenset[str] = frozenset(),
    links: tuple[str, ...] = (),
) -> str:
    """The class of a request; empty for one that is always admitted.

    Args:
        people: beginnings of the paths of those who register. With a key they are a coordinator's.
        pages: the same of public pages.
        is_known: whether the caller is known, see :class:`KnownCallers`; the classes of coordinators are for these.
        signing: paths by which people sign in and out.
        links: beginnings of the paths of people's links. A button behind a link belongs to the first class, so that
            a person who has the page is not refused because others open theirs.
    """
    path = environ["PATH_INFO"]
    has_key = "HTTP_AUTHORIZATION" in environ
    if path.startswith(links) and not has_key:
        return LINKS if environ["REQUEST_METHOD"] in ("GET", "HEAD") else FIRST
    if path.startswith(people) and not has_key:
        return FIRST
    if path.startswith(NEVER_REFUSED):
        return ""
    if path in signing:
        return SIGNING
    if (path.startswith(pages) and not has_key) or not is_known(environ):
        return PUBLIC
    if path.startswith("/console"):
        return LATER if path.startswith("/console/static/") else LAST
    exported = path.endswith(".csv") or "text/csv" in environ.get("HTTP_ACCEPT", "")
    return LAST if exported else LATER


class AdmissionMiddleware:
    """An application behind its bounds.

    Args:
        inner: the application.
        service: its name, for the count of refusals.
        people: beginnings of the paths of those who register.
        bounds: the limits of this process.
        proxies: gateways whose ``X-Request-Start`` is believed.
        max_bytes: longest body.
        larger: beginnings of paths that take a longer one, and how long.
        pages: beginnings of the paths of public pages.
        known: callers whose requests may take the slots of coordinators.
        signing: paths by which people sign in and out.
        links: beginnings of the paths of people's links.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        service: str,
        people: tuple[str, ...],
        bounds: AdmissionLimits,
        *,
        proxies: TrustedProxies = TrustedProxies(),  # noqa: B008 - an immutable value
        max_bytes: int,
        larger: Mapping[str, int] = MappingProxyType({}),
        pages: tuple[str, ...] = (),
        known: KnownCallers | None = None,
        signing: frozenset[str] = frozenset(),
        links: tuple[str, ...] = (),
    ) -> None:
        self._inner, self._service, self._people, self._pages = inner, service, people, pages
        self._known, self._signing, self._links = known or KnownCallers(), signing, links
        self._proxies = proxies
        self._max_bytes, self._larger = max_bytes, larger
        self._slots = bounds.slots()
        self._large = ConcurrencyLimit(MAX_LARGE_BODIES)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Admit the request, or refuse it."""
        kind = priority_class_of(environ, self._people, self._pages, self._known.know, self._signing, self._links)
        if not kind:
            return self._inner(environ, start_response)
        slots = self._slots[kind]
        reason = self._objection(environ, slots)
        if reason:
            return self._refuse(environ, start_response, kind, reason)
        allowed_bytes = max_body_bytes(environ["PATH_INFO"], self._max_bytes, self._larger)
        if not _may_be_large(environ, allowed_bytes):
            return self._admit(environ, start_response, kind, allowed_bytes)
        if not self._large.enter():
            return self._refuse(environ, start_response, kind, "full")
        try:
            return self._admit(environ, start_response, kind, allowed_bytes)
        finally:
            self._large.leave()

    def _admit(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", kind: str, allowed_bytes: int
    ) -> Iterable[bytes]:
        slots = self._slots[kind]
        try:
            receive(environ, allowed_bytes)
        except (TooSlow, CutOff):
            return self._give_up(start_response, kind)
        if not slots.enter():
            return self._refuse(environ, start_response, kind, "full")
        try:
            if kind in _STREAMING:
                return self._hold(environ, start_response, slots)
            return self._answer(environ, start_response, slots)
        finally:
            self._known.remember(environ)

    def _answer(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", slots: ConcurrencyLimit
    ) -> Iterable[bytes]:
        try:
            return self._inner(environ, start_response)
        finally:
            slots.leave()

    def _objection(self, environ: "WSGIEnvironment", slots: ConcurrencyLimit) -> str:
        if slots.full():
            return "full"
        return "late" if self._is_late(environ) else ""

    def _is_late(self, environ: "WSGIEnvironment") -> bool:
        """Whether it has waited too long in front of this process, by the gateway's stamp or by the kernel."""
        if _socket_wait_s(environ.get("gunicorn.socket")) > MAX_SOCKET_WAIT_S:
            return True
        stamp = environ.get("HTTP_X_REQUEST_START", "")
        if not stamp or not self._proxies.trust(environ.get("REMOTE_ADDR", "")):
            return False
        try:
            began_at = float(stamp.removeprefix("t="))
        except ValueError:
            return False
        return time.time() - began_at > MAX_GATEWAY_WAIT_S

    def _hold(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", slots: ConcurrencyLimit
    ) -> Iterable[bytes]:
        """Admit and answer a request; a streamed response (an export) occupies its slot until it is sent."""
        streams = False

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            nonlocal streams
            has_body = not status.startswith(_WITHOUT_BODY)
            streams = has_body and not any(name.lower() == "content-length" for name, _ in headers)
            return start_response(status, headers, *failure)

        answer: Iterable[bytes] | None = None
        try:
            answer = self._inner(environ, start)
        finally:
            if answer is None or not streams:
                slots.leave()
        return _StreamedResponse(answer, slots) if streams else answer

    def _refuse(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", kind: str, reason: str
    ) -> Iterable[bytes]:
        requests_refused_total.labels(self._service, kind, reason).inc()
        seconds = retry_after_s()
        if is_browser(environ):
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


def _may_be_large(environ: "WSGIEnvironment", allowed_bytes: int) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return allowed_bytes > LARGE_BYTES and (not length.isdigit() or int(length) > LARGE_BYTES)


def _socket_wait_s(connection: Any) -> float:
    """Seconds since the kernel received the last byte of a request; 0 if it does not know (no TCP, no server)."""
    if connection is None:
        return 0.0
    try:
        known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return 0.0
    return int.from_bytes(known[_LAST_DATA_RECEIVED : _LAST_DATA_RECEIVED + 4], sys.byteorder) / 1000


class _StreamedResponse:
    """An answer that gives a place back when all of it is sent, or when it is closed before."""

    __slots__ = ("_answer", "_holds", "_slots")

    def __init__(self, answer: Iterable[bytes], slots: ConcurrencyLimit) -> None:
        self._answer, self._slots, self._holds = answer, slots, True

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
            self._slots.leave()
