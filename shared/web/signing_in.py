"""Signing in to the console: by key, for eight hours at most and thirty minutes without a request.

The cookie is signed and rolling: each process that sees it renews it. It ends with its key, or when its holder signs
out.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Response, g, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from shared.core.clock import system_clock
from shared.core.ids import new_token
from shared.core.sealing import keyed_hash
from shared.core.security_events import SecurityEvent, note
from shared.web.access import AccessFile, Holder

SESSION_S = 8 * 3600
IDLE_S = 30 * 60
RENEWED_AFTER_S = 5 * 60
"""How old a cookie is before an answer renews it: few answers carry one, and idle time is exact to that."""


class SessionBook(Protocol):
    """What is remembered of sessions: :class:`shared.store.sessions.Sessions`, or a test's."""

    def end(self, session: str, who: str) -> None:
        """Believe this session's cookie no more."""

    def has_ended(self, session: str) -> bool:
        """Whether it was ended before its time."""

    def admit(self, household: bytes, who: str | None) -> float:
        """Count a try to sign in; returns seconds to wait, 0 if it counts."""


class TooManyTries(Exception):
    """This household has sent too many wrong keys: it may try again after ``wait_s`` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong keys")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class _Cookie:
    """What a cookie says: the hash of a key, a session, and instants in seconds since 1970."""

    key_hash: str
    session: str
    signed_in_at: float
    issued_at: float

    def is_sound(self) -> bool:
        """Whether each part is what this version writes."""
        texts = isinstance(self.key_hash, str) and isinstance(self.session, str) and bool(self.session)
        return texts and isinstance(self.signed_in_at, int | float)


class SignIn:
    """Makes and reads the console's cookie.

    Args:
        access: key holders; the cookie names a key by its hash and is worth nothing once that key is withdrawn.
        signing_keys: 32 bytes each, newest first, the same in every process that shows the console; the first signs,
            all of them are believed.
        book: remembers which sessions have ended, and counts tries.
        client: address of whoever sends the request.
        secure: whether pages are served by HTTPS; the cookie is then ``__Host-`` and ``Secure``.
    """

    def __init__(
        self,
        access: AccessFile,
        signing_keys: Sequence[bytes],
        book: SessionBook,
        client: Callable[[], str],
        *,
        secure: bool,
    ) -> None:
        self._access, self._book, self._client = access, book, client
        self._newest_key = signing_keys[0]
        self._serializer = URLSafeTimedSerializer(list(reversed(signing_keys)), salt="console session")
        self._secure = secure
        self.cookie = "__Host-troika" if secure else "troika"

    def signed_in(self) -> Holder | None:
        """Whom the request's cookie names, if it is genuine, young enough and its key still valid.

        Whether they have signed out meanwhile is another question: :meth:`has_ended`.
        """
        if "signed_in" not in g:
            cookie = self._read()
            g.signed_in = self._access.by_hash(cookie.key_hash) if cookie else None
        found: Holder | None = g.signed_in
        return found

    def has_ended(self) -> bool:
        """Whether the request's cookie is of a session that was ended before its time, or of none.

        Raises:
            Unavailable: the database is away: nobody is let in then.
        """
        cookie = self._read()
        return cookie is None or self._book.has_ended(cookie.session)

    def age_s(self) -> float:
        """Seconds since the holder of the request's cookie authenticated; without a genuine one, infinitely many."""
        cookie = self._read()
        return time.time() - cookie.signed_in_at if cookie else float("inf")

    def renew(self, response: Response) -> None:
        """Let the idle time of the request's cookie begin anew, if the cookie is a few minutes old."""
        cookie = self._read()
        if cookie is not None and time.time() - cookie.issued_at >= RENEWED_AFTER_S:
            self._set(response, cookie.key_hash, cookie.session, cookie.signed_in_at)

    def _read(self) -> _Cookie | None:
        """What the request's cookie says, if it is genuine and young enough."""
        if "console_cookie" not in g:
            g.console_cookie = self._open(request.cookies.get(self.cookie, ""))
        found: _Cookie | None = g.console_cookie
        return found

    def _open(self, value: str) -> _Cookie | None:
        try:
            content, issued = self._serializer.loads(value, max_age=IDLE_S, return_timestamp=True)
            cookie = _Cookie(*content, issued.timestamp())
        except (BadSignature, TypeError):
            return None
        return cookie if cookie.is_sound() and time.time() - cookie.signed_in_at <= SESSION_S else None

    def enter(self, key: str, target_of: Callable[[Holder], str]) -> Response | None:
        """A redirect to where ``target_of`` sends the holder, with the cookie set; None if the key is not known.

        Keys hold 256 random bits and cannot be guessed. Tries are limited by household all the same, for a key that
        somebody chose by hand, and never by holder: anybody could keep that one out. Wrong ones are logged, a few a
        minute.

        Raises:
            TooManyTries: of this household; not even a right key is looked at.
            Unavailable: the database is away.
        """
        holder = self._access.holder_of(key)
        wait_s = self._book.admit(self._household(), holder.name if holder else None)
        if holder is None or wait_s:
            note(SecurityEvent.SIGN_IN_REFUSED)
        if wait_s:
            raise TooManyTries(wait_s)
        if holder is None:
            return None
        note(SecurityEvent.SIGNED_IN, holder=holder.name)
        target = target_of(holder)
        response = redirect(target if _is_local(target) else "/console", 303)
        self._set(response, holder.key_hash, new_token(), time.time())  # type: ignore[arg-type]  # as below
        return response  # type: ignore[return-value]  # werkzeug's response is Flask's here

    def _set(self, response: Response, key_hash: str, session: str, signed_in_at: float) -> None:
        response.set_cookie(
            self.cookie,
            self._serializer.dumps([key_hash, session, signed_in_at]),
            max_age=IDLE_S,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def end(self) -> None:
        """Believe the request's cookie no more, wherever a copy of it may be; without one, nothing happens.

        Raises:
            Unavailable: the database is away; it has not ended.
        """
        cookie = self._read()
        if cookie is not None:
            holder = self._access.by_hash(cookie.key_hash)
            self._book.end(cookie.session, holder.name if holder else "a holder whose key has ended")

    def leave(self, target: str) -> Response:
        """A redirect to ``target`` with the cookie gone."""
        response = redirect(target, 303)
        response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response  # type: ignore[return-value]  # as above

    def _household(self) -> bytes:
        """Keyed hash of where the request comes from: another one each day, so that no list of addresses arises."""
        return keyed_hash(self._newest_key, f"sign-in {system_clock().date()}", self._client())


def _is_local(target: str) -> bool:
    """Only paths of our own: ``//host`` and ``/\\host`` lead elsewhere."""
    return target.startswith("/console") and "\\" not in target and not target.startswith("//")
