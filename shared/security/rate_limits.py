"""Rate limits: beyond them a request gets 429 with ``Retry-After``.

A client network is refused only for its own requests: by its address, or by the IPv6 /64, /56 and /48 prefixes around
it, of which a larger one may send more. There is no limit for a form or for all requests together, so no one can close
a form for others.

A view states its kind, as it states who may call it: ``@limited("intake")``. A view that finds out only later whether
a request counts (a wrong key, for example) calls :meth:`Limits.spend`. The service states the rate of each kind.

An address is known here for as long as a request lasts. What is counted is a hash of it under a key that changes every
day: it is stored nowhere, and no log and no metric holds it.

Counters are in memory that all workers of one gunicorn share: bounded, exact, and without a thread. The library's own
storage counts for one process, and starts a thread after every count, which then scans all of them: with the addresses
of an hour (20,000) that took a tenth of a millisecond from each request (measured).
"""

import fcntl
import logging
import mmap
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from shared.runtime.clock import Clock, system_clock
from shared.runtime.deployment import MEMORY, LimitSettings, TrustedProxies, client_address, networks_around
from shared.runtime.ids import keyed_hash
from shared.runtime.logs import TOO_MANY, describe, record_security_event
from shared.runtime.metrics import requests_limited_total

SLOTS = 131_072
"""4 MiB, of which the kernel gives what is used. A client network takes two slots for an hour."""

MAX_PROBES = 16
_SLOT = struct.Struct("<16sdQ")
"""Digest of the key, when its window ends (seconds since the epoch), count."""


class CounterTable:
    """A hash table in anonymous shared memory: made before the workers are forked, it is the same in each of them.

    Where a key finds no room, the count that would end first gives way: memory is bounded, and a client with very many
    addresses makes counts too low, never too high. A worker that is killed holds no lock: the kernel takes it back.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots = slots
        self._memory = mmap.mmap(-1, slots * _SLOT.size)
        self._file = os.memfd_create("troika-counters")
        self._thread_lock = threading.Lock()
        weakref.finalize(self, os.close, self._file)

    def add(self, key: str, window_s: int, amount: int, now: float) -> int:
        """Add ``amount`` to ``key``, whose window ends ``window_s`` seconds after its first; returns the sum."""
        digest = _digest(key)
        with self._locked():
            found = self._find(digest, now)
            place = found if found is not None else self._room(digest, now)
            _, ends_at, count = _SLOT.unpack_from(self._memory, place)
            ends_at, count = (ends_at, count + amount) if found is not None else (now + window_s, amount)
            _SLOT.pack_into(self._memory, place, digest, ends_at, count)
        return int(count)

    def look_up(self, key: str, now: float) -> tuple[int, float]:
        """Count of ``key`` and when its window ends; (0, ``now``) where none has begun."""
        with self._locked():
            place = self._find(_digest(key), now)
            if place is None:
                return 0, now
            _, ends_at, count = _SLOT.unpack_from(self._memory, place)
        return int(count), float(ends_at)

    def forget(self, key: str) -> None:
        """Reset ``key``."""
        with self._locked():
            place = self._find(_digest(key), 0.0)
            if place is not None:
                _SLOT.pack_into(self._memory, place, bytes(16), 0.0, 0)

    def forget_all(self) -> None:
        """Reset all keys."""
        with self._locked():
            self._memory[:] = bytes(self._slots * _SLOT.size)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Runs in one thread of one process at a time; nothing inside waits for anything."""
        with self._thread_lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _places(self, digest: bytes) -> Iterator[int]:
        first = int.from_bytes(digest[:8], "little")
        return ((first + step) % self._slots * _SLOT.size for step in range(MAX_PROBES))

    def _find(self, digest: bytes, now: float) -> int | None:
        for place in self._places(digest):
            held, ends_at, _ = _SLOT.unpack_from(self._memory, place)
            if held == digest and ends_at > now:
                return place
        return None

    def _room(self, digest: bytes, now: float) -> int:
        """The first place that is free, else the one that is free first."""
        best, best_ends_at = -1, float("inf")
        for place in self._places(digest):
            _, ends_at, _ = _SLOT.unpack_from(self._memory, place)
            if ends_at <= now:
                return place
            if ends_at < best_ends_at:
                best, best_ends_at = place, ends_at
        return best


class Counters(Storage):
    """A storage of ``limits``, for fixed windows.

    Args:
        table: shared with other processes; a new one if None.
    """

    STORAGE_SCHEME = None

    def __init__(self, table: CounterTable | None = None) -> None:
        super().__init__()
        self._table = table or CounterTable()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """This cannot fail."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add ``amount`` to ``key``, whose window ends ``expiry`` seconds after its first; returns the sum."""
        return self._table.add(key, expiry, amount, time.time())

    def get(self, key: str) -> int:
        """The sum in the window of now."""
        return self._table.look_up(key, time.time())[0]

    def get_expiry(self, key: str) -> float:
        """When the window of ``key`` ends, seconds since the epoch."""
        return self._table.look_up(key, time.time())[1]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        self._table.forget_all()
        return None

    def clear(self, key: str) -> None:
        """Forget ``key``."""
        self._table.forget(key)


_of_all_workers: CounterTable | None = None


def share_counters() -> None:
    """Make the table of this process and of all that it forks; gunicorn's main process calls it before its workers."""
    global _of_all_workers
    _of_all_workers = CounterTable()


def shared_counters() -> Counters:
    """Counts of all workers where :func:`share_counters` was called before they were forked, else of this process."""
    return Counters(_of_all_workers)


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()


log = logging.getLogger(__name__)

NAME = "troika-limits"
STORAGE_WITHIN_S = 0.5
"""A storage that takes longer counts as unavailable. No request waits for it: each host then counts for itself."""

STORAGE_AGAIN_S = 5.0
"""After which one that was down is asked again."""

READ = "read"
"""Kind of request of every service: anyone reads what is public from the database, outside of cached pages."""

COMMON_RATES: Mapping[str, str] = MappingProxyType({READ: "600 per minute"})
"""Rates of the kinds that every service has: generous, so that a partner's server can read for its visitors."""

SHARES = (1, 4, 16)
"""How many times the limit of an address or a /64 prefix the prefixes around it may use: /56, /48."""

View = TypeVar("View", bound=Callable[..., Any])


class TooMany(Exception):
    """A client has sent more requests than it may; ``retry_after_s`` is when it may send again, whole seconds."""

    def __init__(self, kind: str, scope: str, retry_after_s: int) -> None:
        super().__init__(f"{kind}: too many for one {scope}")
        self.kind, self.scope, self.retry_after_s = kind, scope, retry_after_s


class Limits:
    """The limits of one process.

    Args:
        service: its name.
        settings: where it is counted, and rates that the deployment sets.
        proxies: gateways that are trusted to report the client's address.
        clock: the source of the current time, which determines the day.
        counters: where it is counted unless the settings name a place for all hosts; that of all workers if None.
        rates: the rate of each kind of request that the service limits, unless the settings have another.
    """

    def __init__(
        self,
        service: str,
        settings: LimitSettings,
        proxies: TrustedProxies,
        clock: Clock = system_clock,
        counters: Storage | None = None,
        rates: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._service, self._settings, self._proxies, self._clock = service, settings, proxies, clock
        stated = {**COMMON_RATES, **rates, **settings.rates}
        self._rates: dict[str, list[RateLimitItem]] = {kind: parse_many(rate) for kind, rate in stated.items()}
        self._own = FixedWindowRateLimiter(counters or shared_counters())
        self._shared = self._own
        if settings.storage_url != MEMORY:
            self._shared = FixedWindowRateLimiter(_open(settings.storage_url))
        self._away_until = 0.0

    def spend(self, kind: str) -> None:
        """Count the current request as one of ``kind``.

        Args:
            kind: one of the service's.

        Raises:
            TooMany: a limit of the client network is reached.
            KeyError: nothing is known of this kind.
        """
        address = client_address(request.environ, self._proxies)
        if address is not None and any(address in network for network in self._settings.exempt):
            return
        day = self._clock().date()
        networks = networks_around(address) if address is not None else ("unknown",)
        for network, share in zip(networks, SHARES, strict=False):
            who = keyed_hash(self._settings.key, f"client network {day}", network).hex()
            for rate in self._rates[kind]:
                self._hit(_times(rate, share), kind, "network", who)

    def must_know(self, kind: str) -> None:
        """Raises:
        KeyError: nothing is known of this kind; found when the application is built, not by the first request.
        """
        self._rates[kind]

    def around(self, kind: str, view: View) -> View:
        """``view``, counted as ``kind`` before anything of it runs."""

        @wraps(view)
        def limited_view(*args: Any, **values: Any) -> Any:
            self.spend(kind)
            return view(*args, **values)

        return limited_view  # type: ignore[return-value]  # wraps keeps its shape

    def _hit(self, rate: RateLimitItem, kind: str, scope: str, what: str) -> None:
        until = self._reached(rate, kind, scope, what)
        if until is not None:
            self._count_attempt(kind, scope)
            raise TooMany(kind, scope, max(1, round(until - time.time())))

    def _reached(self, rate: RateLimitItem, *what: str) -> float | None:
        """Count one more; when the window ends, seconds since the epoch, if that is one too many."""
        if time.monotonic() >= self._away_until:
            try:
                return _count(self._shared, rate, *what)
            except StorageError as error:
                self._away_until = time.monotonic() + STORAGE_AGAIN_S
                log.warning(
                    "the storage of limits is away: each process counts for itself", extra={"error": describe(error)}
                )
        return _count(self._own, rate, *what)

    def _count_attempt(self, kind: str, scope: str) -> None:
        requests_limited_total.labels(self._service, kind, scope).inc()
        record_security_event(TOO_MANY, kind=kind, scope=scope)


def limited(kind: str) -> Callable[[View], View]:
    """This view counts as ``kind`` (see :meth:`Limits.spend`)."""

    def state(view: View) -> View:
        view.limited_as = kind  # type: ignore[attr-defined]  # read back by limit_views
        return view

    return state


def spend(kind: str) -> None:
    """As :meth:`Limits.spend`, of the current application."""
    current_app.extensions[NAME].spend(kind)


def limit_views(app: Flask, limits: Limits, refuse: Callable[[TooMany], Response]) -> None:
    """Put the limits of ``app`` around all views that state one; call it when all are registered.

    Args:
        refuse: makes the response to a request beyond a limit.
    """
    app.extensions[NAME] = limits
    for endpoint, view in app.view_functions.items():
        if kind := getattr(view, "limited_as", ""):
            limits.must_know(kind)
            app.view_functions[endpoint] = limits.around(kind, view)
    app.register_error_handler(TooMany, refuse)


def _count(limiter: FixedWindowRateLimiter, rate: RateLimitItem, *what: str) -> float | None:
    return None if limiter.hit(rate, *what) else limiter.get_window_stats(rate, *what).reset_time


def _times(rate: RateLimitItem, share: int) -> RateLimitItem:
    return type(rate)(rate.amount * share, rate.multiples, rate.namespace)


def _open(url: str) -> Storage:
    within = {"socket_timeout": STORAGE_WITHIN_S, "socket_connect_timeout": STORAGE_WITHIN_S}
    storage = storage_from_string(url, wrap_exceptions=True, **within)
    assert isinstance(storage, Storage)
    return storage
