"""Keeps public pages in memory for a second, compressed: a rush then costs one page a second, not one a visitor.

It is a shared cache in the sense of RFC 9111, inside the process: it stores what the application itself calls
``public`` and nothing else, so a page with anything secret or personal in it is neither kept nor compressed (BREACH).
It runs before admission control: a page that is in memory needs no slot and no connection to the database.
"""

import gzip
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.http.access import KNOWN_HOLDER
from shared.runtime.clock import Clock
from shared.runtime.metrics import public_pages_total

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PAGE_CACHE = "troika-page-cache"
"""Where an application keeps its cache (Flask's ``extensions``)."""

FRESH_S = 1.0
"""How long a page is sent without asking the application again."""

WHILE_RENEWED_S = 5.0
"""How old a page may be that is sent while one request renews it."""

INSTEAD_OF_ERROR_S = 60.0
"""How old a page may be that is sent because the application answers with its own error (5xx)."""

WAIT_S = 2.0
"""How long a request waits for another one that has already requested a page that is not cached yet."""

MAX_PAGES, MAX_BYTES, MAX_ADDRESS = 256, 16 * 1024 * 1024, 1024
"""Of one process; an address that is longer (path and query) is not kept."""

GZIP_LEVEL, MIN_COMPRESSED_BYTES = 8, 1000
"""A form of 70 kB takes 3.5 ms at this level, once a second at most: 100 bytes less than at 7, and 9 saves no more."""
_COMPRESSED_TYPES = ("text/", "application/javascript", "application/json", "image/svg+xml")
MAX_ACCEPT_ENCODING = 200
"""Characters; a longer header is not read, and the page is sent as it is. The pattern takes quadratic time."""
_TAKES_GZIP = re.compile(r"(?:^|[, ])gzip(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)
_LIFETIME = re.compile(r"\b(s-maxage|max-age)=(\d+)")
_UNDERSTOOD_VARY = {"accept-language", "accept-encoding"}
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE", "HTTP_IF_RANGE")
_PER_REQUEST = {"x-correlation-id", "content-length", "date", "connection"}
_SAFE = ("GET", "HEAD", "OPTIONS")

Headers = list[tuple[str, str]]
Key = tuple[str, str, str | None]
"""Path, query and ``Accept-Language``; None for a page that is the same in every language asked for."""


@dataclass(frozen=True, slots=True)
class CachedPages:
    """Which pages of a service may be cached.

    Attributes:
        below: beginnings of the paths of public pages and their files.
        forget: called when a coordinator may have changed something, so that its effect is seen at once.
    """

    below: tuple[str, ...] = ()
    forget: Callable[[], object] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of the application, as it is and compressed (empty where it is sent as it is only)."""

    status: str
    headers: Headers
    body: bytes
    compressed: bytes
    etag: str
    made_s: float
    made_at: datetime
    fresh_s: float

    @property
    def size(self) -> int:
        return len(self.body) + len(self.compressed)


class PageCache:
    """An application and the memory of its public pages.

    Args:
        inner: the application, with its admission control.
        service: its name, for the metric.
        cached: what may be kept.
        people: beginnings of the paths of visitors. What they send changes no page; with a key they are coordinators'.
        clock: the source of the current time. A page is not older than ``FRESH_S`` by this one either, so that a page
            whose content depends on the time follows when the clock is set.
    """

    def __init__(
        self, inner: "WSGIApplication", service: str, cached: CachedPages, people: tuple[str, ...], clock: Clock
    ) -> None:
        self._inner, self._cached, self._people, self._clock = inner, cached, people, clock
        self._count = {how: public_pages_total.labels(service, how) for how in ("memory", "made", "stale")}
        self._pages: OrderedDict[Key, _Page] = OrderedDict()
        self._bytes = 0
        self._flights: dict[Key, threading.Event] = {}
        self._lock = threading.Lock()
        self._generation = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer from memory where that is possible, else ask the application."""
        if environ["REQUEST_METHOD"] not in _SAFE:
            return self._write(environ, start_response)
        if not self._may_keep(environ):
            return self._inner(environ, start_response)
        page = self._find(environ)
        if page is not None and self._is_fresh(page):
            self._count["memory"].inc()
            return _send(page, environ, start_response)
        return self._renew(page, environ, start_response)

    def __len__(self) -> int:
        """How many pages are kept."""
        return len(self._pages)

    def clear(self) -> None:
        """Delete all pages, including those that are being rendered."""
        with self._lock:
            self._generation += 1
            self._pages.clear()
            self._bytes = 0
        self._cached.forget()

    def _write(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Forget all pages after a coordinator's write that succeeded, so that it is seen at once.

        Only a caller whose key or session was recognised counts: else anyone could keep the memory empty.
        """
        if environ["PATH_INFO"].startswith(self._people) and "HTTP_AUTHORIZATION" not in environ:
            return self._inner(environ, start_response)

        def start(status: str, headers: Headers, *failure: Any) -> Callable[[bytes], object]:
            if status.startswith(("2", "3")) and KNOWN_HOLDER in environ:
                self.clear()
            return start_response(status, headers, *failure)

        return self._inner(environ, start)

    def _may_keep(self, environ: "WSGIEnvironment") -> bool:
        """Whether the response may come from the cache.

        Requests with a key may see more and always reach the application (RFC 9111, 3.5).
        """
        path = environ["PATH_INFO"]
        return (
            environ["REQUEST_METHOD"] == "GET"
            and path.startswith(self._cached.below)
            and len(path) + len(environ.get("QUERY_STRING", "")) <= MAX_ADDRESS
            and "HTTP_AUTHORIZATION" not in environ
        )

    def _find(self, environ: "WSGIEnvironment") -> _Page | None:
        same, own = _keys(environ)
        with self._lock:
            key = same if same in self._pages else own
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
        return page

    def _is_fresh(self, page: _Page) -> bool:
        by_clock = timedelta() <= self._clock() - page.made_at < timedelta(seconds=page.fresh_s)
        return by_clock and time.monotonic() - page.made_s < page.fresh_s

    def _renew(
        self, page: _Page | None, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """One request reaches the application; the others receive the previous page, or wait for the new one."""
        _, key = _keys(environ)
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = mine = threading.Event()
        if flight is None:
            try:
                return self._ask(page, environ, start_response)
            finally:
                with self._lock:
                    del self._flights[key]
                mine.set()
        if page is None or self._age_s(page) > WHILE_RENEWED_S:
            flight.wait(WAIT_S)
            page = self._find(environ)
        if page is None or self._age_s(page) > WHILE_RENEWED_S:
            return self._inner(environ, start_response)
        self._count["stale"].inc()
        return _send(page, environ, start_response)

    def _age_s(self, page: _Page) -> float:
        return max(time.monotonic() - page.made_s, abs((self._clock() - page.made_at).total_seconds()))

    def _ask(self, old: _Page | None, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Request the whole page, even if this visitor has it already, and cache it if it is public."""
        generation, made_s, made_at = self._generation, time.monotonic(), self._clock()
        whole = {name: value for name, value in environ.items() if name not in _CONDITIONS}
        status, headers, body = _collected(self._inner, whole)
        if status.startswith("5") and old is not None and self._age_s(old) <= INSTEAD_OF_ERROR_S:
            self._count["stale"].inc()
            return _send(old, environ, start_response)
        self._count["made"].inc()
        given = {name.lower(): value for name, value in headers}
        varies = {name.strip().lower() for name in given.get("vary", "").split(",") if name.strip()}
        fresh_s = _fresh_s(status, given) if varies <= _UNDERSTOOD_VARY else 0.0
        page = _Page(status, headers, body, b"", given.get("etag", ""), made_s, made_at, fresh_s)
        if fresh_s:
            page = _compressed(page, given, varies)
            same, own = _keys(environ)
            self._keep(own if "accept-language" in varies else same, page, generation)
        return _send(page, environ, start_response)

    def _keep(self, key: Key, page: _Page, generation: int) -> None:
        with self._lock:
            if generation != self._generation:
                return
            if (before := self._pages.pop(key, None)) is not None:
                self._bytes -= before.size
            self._pages[key] = page
            self._bytes += page.size
            while len(self._pages) > MAX_PAGES or self._bytes > MAX_BYTES:
                self._bytes -= self._pages.popitem(last=False)[1].size


def _keys(environ: "WSGIEnvironment") -> tuple[Key, Key]:
    """Where a page is kept that is the same in every language, and where one is that is not."""
    path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    return (path, query, None), (path, query, environ.get("HTTP_ACCEPT_LANGUAGE", ""))


def _fresh_s(status: str, given: dict[str, str]) -> float:
    """How long an answer may be kept, seconds; 0: not at all. ``s-maxage`` overrides ``max-age`` (RFC 9111, 5.2.2)."""
    wanted = given.get("cache-control", "")
    if not status.startswith("200") or "public" not in wanted or "set-cookie" in given or "content-encoding" in given:
        return 0.0
    lifetimes: dict[str, str] = dict(_LIFETIME.findall(wanted))
    return min(FRESH_S, float(lifetimes.get("s-maxage") or lifetimes.get("max-age") or 0))


def _compressed(page: _Page, given: dict[str, str], varies: set[str]) -> _Page:
    """``page`` with its compressed form, where there is something to gain."""
    if len(page.body) < MIN_COMPRESSED_BYTES or not given.get("content-type", "").startswith(_COMPRESSED_TYPES):
        return page
    headers = [pair for pair in page.headers if pair[0].lower() != "vary"]
    vary = ", ".join(["Accept-Encoding", *(["Accept-Language"] if "accept-language" in varies else [])])
    smaller = gzip.compress(page.body, GZIP_LEVEL, mtime=0)
    return replace(page, headers=[*headers, ("Vary", vary)], compressed=smaller)


def _collected(inner: "WSGIApplication", environ: "WSGIEnvironment") -> tuple[str, Headers, bytes]:
    """Status, headers and body of an answer of ``inner``, without those headers that belong to one request only."""
    begun: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, *_failure: Any) -> Callable[[bytes], object]:
        begun[:] = [(status, headers)]
        return lambda _: None

    answer = inner(environ, start)
    try:
        body = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    status, headers = begun[0]
    return status, [pair for pair in headers if pair[0].lower() not in _PER_REQUEST], body


def _send(page: _Page, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The page in an encoding that the client accepts; 304 if they have it. ETags are weak (RFC 9110, 13.1.2)."""
    compressed = bool(page.compressed) and _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    headers = list(page.headers)
    if compressed:
        weak = f"W/{page.etag.removeprefix('W/')}"
        headers = [(name, weak if name.lower() == "etag" else value) for name, value in headers]
    seen = environ.get("HTTP_IF_NONE_MATCH", "")
    if page.etag and seen and page.status.startswith("200") and _is_among(page.etag, seen):
        start_response("304 Not Modified", [pair for pair in headers if pair[0].lower() != "content-type"])
        return []
    body = page.compressed if compressed else page.body
    if compressed:
        headers.append(("Content-Encoding", "gzip"))
    start_response(page.status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _takes_gzip(accepted: str) -> bool:
    return len(accepted) <= MAX_ACCEPT_ENCODING and _TAKES_GZIP.search(accepted) is not None


def _is_among(etag: str, seen: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in seen.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
