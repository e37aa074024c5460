"""Gates of a web process: it serves nothing before its keys fit the database, and changes nothing in quarantine.

The quarantine gate runs before the page cache and admission control, so that no cached page invites people to
register. Health probes, metrics, reading in the console, and signing in and out still work.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING

from flask import Flask, current_app, request

from shared.db.quarantine import Quarantine, QuarantineWatch
from shared.http.error_pages import QUARANTINE, Why, asked_language, busy_page, is_browser
from shared.http.problems import EARLIEST_S, QUARANTINE_S, busy_problem
from shared.runtime.errors import Unavailable
from shared.security.keys import KeyChecks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

AGAIN_S = 1.0
LOG_EVERY_S = 60.0


class KeyGate:
    """Compares the keys at the first request only: they do not change while the process runs.

    Args:
        keys: the checks of the process's keys.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(self, keys: KeyChecks, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._monotonic, self._lock = keys, monotonic, Lock()
        self._fit = False
        self._again_at_s = self._log_at_s = float("-inf")

    def require_fit(self) -> None:
        """Do nothing if all keys fit.

        Raises:
            Unavailable: a key is not the database's, or the database could not be queried.
        """
        if self._fit:
            return
        with self._lock:
            if not self._fit and self._monotonic() >= self._again_at_s:
                self._again_at_s = self._monotonic() + AGAIN_S
                self._fit = self._compare()
            if not self._fit:
                raise Unavailable("keys do not fit")

    def _compare(self) -> bool:
        faults = self._keys.faults()
        if faults and self._monotonic() >= self._log_at_s:
            self._log_at_s = self._monotonic() + LOG_EVERY_S
            for name in faults:
                log.error("a key is not the key of this database: every request is refused", extra={"key": name})
        return not faults


def require_keys(app: Flask, service: str, keys: KeyChecks) -> None:
    """Refuse every request of ``app`` but those of probes while a key does not fit."""
    gate, probes = KeyGate(keys), f"/-/{service}/"

    @app.before_request
    def refuse_with_another_key() -> None:
        if not request.path.startswith(probes):
            gate.require_fit()


QUARANTINE_WATCH = "troika-quarantine-watch"
"""Key of the application's :class:`QuarantineWatch` in Flask's ``extensions``."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_FILES = (".js", ".css", ".svg", ".png", ".woff2", "/openapi.json")
"""Ends of paths of what is the same in every database; a path may also end so because its last part is free."""


class QuarantineGate:
    """An application and its gate.

    Args:
        inner: the application.
        watch: reports whether there is a quarantine.
        signing: paths by which people sign in and out; they are never refused here.
        paused: path prefixes that answer 503 even for reading.
        gated: whole paths that answer an outage themselves, such as a form with what was typed. They are served while
            the database is away; each transaction in which they write must be gated by ``watch.require_none``.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        watch: QuarantineWatch,
        signing: frozenset[str],
        paused: tuple[str, ...] = (),
        gated: re.Pattern[str] | None = None,
    ) -> None:
        self._inner, self._watch, self._signing = inner, watch, signing
        self._paused, self._gated = paused, gated

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer 503 in quarantine, or to a change while the state is not known; else ask the application."""
        is_file = environ["REQUEST_METHOD"] in _SAFE and environ["PATH_INFO"].endswith(_FILES)
        code = "" if is_file else self._code(environ["REQUEST_METHOD"])
        if not code or self._passes(environ, code):
            return self._inner(environ, start_response)
        why: Why = QUARANTINE if code == QUARANTINE else "busy"
        retry_after_s = QUARANTINE_S if code == QUARANTINE else EARLIEST_S
        if is_browser(environ):
            headers, body = busy_page(retry_after_s, asked_language(environ), why)
        else:
            headers, body = busy_problem(retry_after_s, 503, code)
        start_response("503 Service Unavailable", headers)
        return [body]

    def _code(self, method: str) -> str:
        """Code of the problem; empty if the request is allowed."""
        try:
            found = self._watch.current() if method in _SAFE else self._watch.recent()
        except Unavailable:
            return "unavailable"  # the database has not answered: never, or not for too long to change anything
        return "" if found is None else QUARANTINE

    def _passes(self, environ: "WSGIEnvironment", code: str) -> bool:
        path = environ["PATH_INFO"]
        if path.startswith("/-/") or path in self._signing:
            return True
        if code != QUARANTINE and self._gated is not None and self._gated.fullmatch(path):
            return True
        return environ["REQUEST_METHOD"] in _SAFE and not path.startswith(self._paused)


def quarantine_shown() -> Quarantine | None:
    """The quarantine of the service that answers the current request, for a banner; None if there is none."""
    watch: QuarantineWatch | None = current_app.extensions.get(QUARANTINE_WATCH)
    try:
        return None if watch is None else watch.current()
    except Unavailable:
        return None
