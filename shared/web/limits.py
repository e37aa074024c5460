"""Rate limits: beyond them a request gets 429 with ``Retry-After``.

A client network is refused only for its own requests: by its address, or by the IPv6 /64, /56 and /48 prefixes around
it, of which a larger one may send more. There is no limit for a form or for all requests together, so nobody can close
a form for others.

A view says what it counts as, as it says who may call it: ``@limited("intake")``. A view that finds out for itself
whether somebody has come (a wrong key, say) calls :meth:`Limits.spend`.

An address is known here for as long as a request lasts. What is counted is a hash of it under a key, another one every
day: it is stored nowhere, and no log and no metric holds it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from shared.core.clock import Clock, system_clock
from shared.core.logs import describe
from shared.core.metrics import requests_limited_total
from shared.core.proxies import TrustedProxies
from shared.core.rates import MEMORY, LimitSettings
from shared.core.sealing import keyed_hash
from shared.core.security_events import SecurityEvent, note
from shared.web.client_address import client_address, networks_around
from shared.web.counters import shared_counters

log = logging.getLogger(__name__)

NAME = "troika-limits"
STORAGE_WITHIN_S = 0.5
"""A storage that takes longer is taken to be away. Nobody waits for it: each host counts for itself meanwhile."""

STORAGE_AGAIN_S = 5.0
"""After which one that was away is asked again."""

SHARES = (1, 4, 16)
"""How many times the limit of an address or a /64 prefix the prefixes around it may use: /56, /48."""

View = TypeVar("View", bound=Callable[..., Any])


class TooMany(Exception):
    """Somebody has come more often than they may; ``retry_after_s`` is when they may again, whole seconds."""

    def __init__(self, kind: str, scope: str, retry_after_s: int) -> None:
        super().__init__(f"{kind}: too many for one {scope}")
        self.kind, self.scope, self.retry_after_s = kind, scope, retry_after_s


class Limits:
    """The limits of one process.

    Args:
        service: its name.
        settings: where it is counted, and rates that the deployment sets.
        proxies: gateways that are believed about who comes.
        clock: of the project; which day it is.
        counters: where it is counted unless the settings name a place for all hosts; that of all workers if None.
        rates: of each kind of request that the service limits, unless the settings have another.
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
        stated = {**rates, **settings.rates}
        self._rates: dict[str, list[RateLimitItem]] = {kind: parse_many(rate) for kind, rate in stated.items()}
        self._own = FixedWindowRateLimiter(counters or shared_counters())
        self._shared = self._own
        if settings.storage_url != MEMORY:
            self._shared = FixedWindowRateLimiter(_open(settings.storage_url))
        self._away_until = 0.0

    def spend(self, kind: str) -> None:
        """Count the request in hand as one of ``kind``.

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
        KeyError: nothing is known of this kind; found when the application is built, and not by who comes first.
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
            self._note(kind, scope)
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

    def _note(self, kind: str, scope: str) -> None:
        requests_limited_total.labels(self._service, kind, scope).inc()
        note(SecurityEvent.TOO_MANY, kind=kind, scope=scope)


def limited(kind: str) -> Callable[[View], View]:
    """This view counts as ``kind`` (see :meth:`Limits.spend`)."""

    def state(view: View) -> View:
        view.limited_as = kind  # type: ignore[attr-defined]  # read back by limit_views
        return view

    return state


def spend(kind: str) -> None:
    """As :meth:`Limits.spend`, of the application in hand."""
    current_app.extensions[NAME].spend(kind)


def limit_views(app: Flask, limits: Limits, refuse: Callable[[TooMany], Response]) -> None:
    """Put the limits of ``app`` around all views that state one; call it when all are registered.

    Args:
        app: the application.
        limits: of its process.
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
