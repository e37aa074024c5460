"""Prevents an application from changing anything while its database is in quarantine.

It runs before the page cache and admission control, so that no cached page invites people to register, and for requests
that change something once more behind admission control, which waits for their body. Probes, metrics, reading in the
console, and signing in and out still work.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import current_app

from shared.core.errors import Unavailable
from shared.store.quarantine import Quarantine, QuarantineWatch
from shared.web.busy_page import EARLIEST_S, QUARANTINE, QUARANTINE_S, Why, asked_language, busy_page, busy_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

QUARANTINE_WATCH = "troika-quarantine-watch"
"""Key of the application's :class:`QuarantineWatch` in Flask's ``extensions``."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_FILES = (".js", ".css", ".svg", ".png", ".woff2", "/openapi.json")
"""Ends of paths of what is the same in every database; a path may also end so because its last part is free."""
_SIGNING = (
    "/console/sign-in/passkey",
    "/console/sign-in",
    "/console/sign-out",
    "/console/registrations/sign-out",
    "/console/mail/sign-out",
)


class QuarantineGate:
    """An application and its gate.

    Args:
        inner: the application.
        watch: reports whether there is a quarantine.
        paused: path prefixes that answer 503 even for reading.
    """

    def __init__(self, inner: "WSGIApplication", watch: QuarantineWatch, paused: tuple[str, ...]) -> None:
        self._inner, self._watch, self._paused = inner, watch, paused

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer 503 in quarantine, or to a change while the state is not known; else ask the application."""
        is_file = environ["REQUEST_METHOD"] in _SAFE and environ["PATH_INFO"].endswith(_FILES)
        code = "" if is_file else self._code(environ["REQUEST_METHOD"])
        if not code or self._passes(environ):
            return self._inner(environ, start_response)
        why: Why = QUARANTINE if code == QUARANTINE else "busy"
        retry_after_s = QUARANTINE_S if code == QUARANTINE else EARLIEST_S
        if "text/html" in environ.get("HTTP_ACCEPT", ""):
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

    def _passes(self, environ: "WSGIEnvironment") -> bool:
        path = environ["PATH_INFO"]
        if path.startswith("/-/") or path in _SIGNING:
            return True
        return environ["REQUEST_METHOD"] in _SAFE and not path.startswith(self._paused)


def quarantine_shown() -> Quarantine | None:
    """The quarantine of the service that answers the current request, for a banner; None if there is none."""
    watch: QuarantineWatch | None = current_app.extensions.get(QUARANTINE_WATCH)
    try:
        return None if watch is None else watch.current()
    except Unavailable:
        return None
