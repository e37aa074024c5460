"""Sign-in to the console: by key, for eight hours at most and thirty minutes without a request.

The process in which people sign in signs the cookie; all others only verify it, and none of them can make one. The
cookie is rolling: the same process renews it, and the pages of the others request that. It ends with its key, or when
its holder signs out. Holders of the access file and of the database are one directory: the file comes first, and works
during an outage of the database.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from flask import Response, g, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import parse_cookie

from shared.db.unit_of_work import UnitOfWork
from shared.http.holders import Access, AccessFile, Holder
from shared.runtime.clock import Clock, system_clock
from shared.runtime.deployment import Deployment, client_address
from shared.runtime.ids import keyed_hash, token_hash
from shared.runtime.logs import SIGNED_IN, record_security_event
from shared.security.sessions import AccessRow, Sessions, find_by_id, find_by_key
from shared.security.signatures import Ed25519, verifying_key_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_KEY_HASH = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class AccessDirectory:
    """Finds the holder of a key or of a cookie.

    Attributes:
        file: the bootstrap and recovery entries, which the console does not change.
        work: the unit of work on the service's database, which holds a copy of the access that registration publishes.
        clock: the source of the current time.
    """

    file: AccessFile
    work: UnitOfWork
    clock: Clock

    def holder_of(self, key: str) -> Holder | None:
        """Who holds ``key``.

        Raises:
            Unavailable: it is not in the file, and the database is down.
        """
        return self.by_ref(token_hash(key).hex())

    def by_ref(self, ref: str) -> Holder | None:
        """Whom a cookie identifies: the hash of a key, or the id of a person who signed in by passkey.

        Raises:
            Unavailable: it is not in the file, and the database is down.
        """
        if _KEY_HASH.match(ref):
            return self.file.by_ref(ref) or self._found(ref, by_key=True)
        return self._found(ref, by_key=False) if _is_id(ref) else None

    def _found(self, ref: str, *, by_key: bool) -> Holder | None:
        with self.work.transaction() as connection:
            row = find_by_key(connection, ref) if by_key else find_by_id(connection, ref)
        if row is None or (row.until is not None and self.clock() >= row.until):
            return None
        return holder_in(row, key_hash=ref if by_key else "")


def holder_in(row: AccessRow, *, key_hash: str = "") -> Holder:
    """The holder in a row, signed in by the key with this hash, or by passkey."""
    forms = None if row.forms is None else frozenset(row.forms)
    return Holder(row.name, frozenset(row.roles), key_hash, forms, row.until, row.partner, row.id)


def _is_id(ref: str) -> bool:
    try:
        return str(UUID(ref)) == ref
    except ValueError:
        return False


SESSION_S = 8 * 3600
IDLE_S = 30 * 60
RENEWED_AFTER_S = 5 * 60
"""How old a cookie is before an answer renews it: few answers carry one, and idle time is exact to that."""


class EndedSessions(Protocol):
    """What is remembered of sessions: :class:`shared.security.sessions.Sessions`, registration's own, or a test's."""

    def end(self, session: str, who: str) -> None:
        """Invalidate this session's cookie."""

    def has_ended(self, session: str, age_s: float) -> bool:
        """Whether it was ended before its time, or never began; its holder signed in ``age_s`` seconds ago."""


@dataclass(frozen=True, slots=True)
class _Cookie:
    """Content of a cookie: whom it names (``Holder.ref``), a session, and instants in seconds since 1970."""

    ref: str
    session: str
    signed_in_at: float
    issued_at: float

    def is_sound(self) -> bool:
        """Whether each part is what this version writes."""
        texts = isinstance(self.ref, str) and isinstance(self.session, str) and bool(self.session)
        return texts and isinstance(self.signed_in_at, int | float)


def cookie_name(*, secure: bool) -> str:
    """Name of the session's cookie; ``secure``: whether pages are served by HTTPS."""
    return "__Host-troika" if secure else "troika"


@dataclass(frozen=True, slots=True)
class CookieKeys:
    """Keys of the console's cookie that a process holds.

    Attributes:
        public: 32 bytes each, newest first; a signature by any of them is believed.
        private: signs; empty in all processes but the one in which people sign in.
    """

    public: Sequence[bytes]
    private: bytes = field(default=b"", repr=False)

    @classmethod
    def of_signer(cls, private_keys: Sequence[bytes]) -> "CookieKeys":
        """Those of the process that signs, from its private keys, newest first."""
        return cls([verifying_key_of(key) for key in private_keys], private_keys[0])


def _serializer(keys: Sequence[bytes]) -> URLSafeTimedSerializer:
    """Signs with the last of ``keys`` if they are private; verifies with all of them if they are public."""
    options = {"algorithm": Ed25519("console session"), "key_derivation": "none"}
    return URLSafeTimedSerializer(list(keys), signer_kwargs=options)


class SignIn:
    """Reads the console's cookie, and makes it where the process holds a private key.

    Args:
        access: key holders; the cookie names one and is worth nothing once their key or access is withdrawn.
        keys: the keys of the cookie.
        ended: remembers which sessions have ended.
        client: address of the client that sends the request.
        secure: whether pages are served by HTTPS; the cookie is then ``__Host-`` and ``Secure``.
    """

    def __init__(
        self,
        access: Access,
        keys: CookieKeys,
        ended: EndedSessions,
        client: Callable[[], str],
        *,
        secure: bool,
    ) -> None:
        self._access, self._ended, self._client = access, ended, client
        self._private_key = keys.private
        self._verifier = _serializer([*reversed(keys.public)])
        self._secure = secure
        self.cookie = cookie_name(secure=secure)

    def signed_in(self) -> Holder | None:
        """Whom the request's cookie names, if it is genuine, young enough and its key still valid.

        It does not check whether they have signed out since then: :meth:`has_ended` does.
        """
        if "signed_in" not in g:
            cookie = self._read()
            g.signed_in = self._access.by_ref(cookie.ref) if cookie else None
        found: Holder | None = g.signed_in
        return found

    def is_genuine(self, environ: "WSGIEnvironment") -> bool:
        """Whether a request has a genuine cookie that is young enough; asks neither a file nor the database."""
        return self._open(parse_cookie(environ).get(self.cookie, "")) is not None

    def has_ended(self) -> bool:
        """Whether the request's cookie is of a session that was ended before its time or never began, or of none.

        Raises:
            Unavailable: the database is down, or does not know of the sign-in yet: all requests are refused then.
        """
        cookie = self._read()
        return cookie is None or self._ended.has_ended(cookie.session, self.age_s())

    def age_s(self) -> float:
        """Seconds since the holder of the request's cookie authenticated; without a genuine one, infinitely many."""
        cookie = self._read()
        return time.time() - cookie.signed_in_at if cookie else float("inf")

    def renew(self, response: Response) -> None:
        """Restart the idle time of the request's cookie, if it is a few minutes old and this process can sign."""
        cookie = self._read() if self.renews else None
        if cookie is not None and time.time() - cookie.issued_at >= RENEWED_AFTER_S:
            self._set(response, cookie.ref, cookie.session, cookie.signed_in_at)

    @property
    def renews(self) -> bool:
        """Whether this process renews cookies: the one that signs them."""
        return bool(self._private_key)

    def _read(self) -> _Cookie | None:
        """Return the content of the request's cookie, if it is genuine and young enough."""
        if "console_cookie" not in g:
            g.console_cookie = self._open(request.cookies.get(self.cookie, ""))
        found: _Cookie | None = g.console_cookie
        return found

    def _open(self, value: str) -> _Cookie | None:
        try:
            content, issued = self._verifier.loads(value, max_age=IDLE_S, return_timestamp=True)
            ref, session, signed_in_at = content
            cookie = _Cookie(ref, session, signed_in_at, issued.timestamp())
        except (BadSignature, TypeError, ValueError):
            return None
        return cookie if cookie.is_sound() and time.time() - cookie.signed_in_at <= SESSION_S else None

    @property
    def session(self) -> str:
        """The session in the request's cookie; empty without a genuine one."""
        cookie = self._read()
        return cookie.session if cookie else ""

    def start(self, holder: Holder, session: str, target: str) -> Response:
        """A redirect to ``target`` with the cookie of a new session of ``holder`` set."""
        record_security_event(SIGNED_IN, holder=holder.name)
        response = redirect(target if _is_local(target) else "/console", 303)
        self._set(response, holder.ref, session, time.time())  # type: ignore[arg-type]  # as below
        return response  # type: ignore[return-value]  # werkzeug's response is Flask's here

    def _set(self, response: Response, ref: str, session: str, signed_in_at: float) -> None:
        response.set_cookie(
            self.cookie,
            self.cookie_value(ref, session, signed_in_at),
            max_age=IDLE_S,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def cookie_value(self, ref: str, session: str, signed_in_at: float) -> str:
        """What the cookie of a session holds, see :class:`_Cookie`; only with a private key."""
        return str(_serializer([self._private_key]).dumps([ref, session, signed_in_at]))

    def end(self) -> None:
        """Invalidate the request's cookie and every copy of it; without one, nothing happens.

        Raises:
            Unavailable: the database is down; it has not ended.
        """
        cookie = self._read()
        if cookie is not None:
            holder = self._access.by_ref(cookie.ref)
            self._ended.end(cookie.session, holder.name if holder else "a holder whose key has ended")

    def leave(self, target: str) -> Response:
        """A redirect to ``target`` that deletes the cookie."""
        response = redirect(target, 303)
        response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response  # type: ignore[return-value]  # as above

    def client_network(self) -> bytes:
        """Keyed hash of the client's network; the key changes daily, so that no list of addresses is stored."""
        return keyed_hash(self._private_key, f"sign-in {system_clock().date()}", self._client())


def _is_local(target: str) -> bool:
    """Only paths of our own: ``//host`` and ``/\\host`` lead elsewhere."""
    return target.startswith("/console") and "\\" not in target and not target.startswith("//")


@dataclass(frozen=True, slots=True)
class KeyHolders:
    """Who may call what needs a role.

    Attributes:
        access: holders of keys.
        sign_in: the console's cookie.
    """

    access: Access
    sign_in: SignIn


def key_holders(
    file: AccessFile,
    work: UnitOfWork,
    clock: Clock,
    keys: CookieKeys,
    deployment: Deployment,
    ended: EndedSessions | None = None,
) -> KeyHolders:
    """Return who may call a service and sign in to its console.

    Args:
        file: entries that the console does not change.
        work: the unit of work on the service's database.
        clock: the source of the current time.
        keys: the keys of the console's cookie.
        deployment: where it runs.
        ended: the record of ended sessions; None for the service's own table.
    """

    def client_network() -> str:
        return str(client_address(request.environ, deployment.proxies))

    access = AccessDirectory(file, work, clock)
    sign_in = SignIn(access, keys, ended or Sessions(work, clock), client_network, secure=deployment.https)
    return KeyHolders(access, sign_in)
