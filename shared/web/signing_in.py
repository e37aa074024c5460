"""Signing in to the console: by key, for eight hours, in a cookie that ends with its key."""

from collections.abc import Callable, Sequence

from flask import Response, g, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from shared.core.security_events import SecurityEvent, note
from shared.web.access import AccessFile, Holder

SESSION_S = 8 * 3600


class SignIn:
    """Makes and reads the console's cookie.

    Args:
        access: key holders; the cookie names a key by its hash and is worth nothing once that key is withdrawn.
        signing_keys: 32 bytes each, newest first, the same in every process that shows the console; the first signs,
            all of them are believed.
        secure: whether pages are served by HTTPS; the cookie is then ``__Host-`` and ``Secure``.
    """

    def __init__(self, access: AccessFile, signing_keys: Sequence[bytes], *, secure: bool) -> None:
        self._access = access
        self._serializer = URLSafeTimedSerializer(list(reversed(signing_keys)), salt="console session")
        self._secure = secure
        self.cookie = "__Host-troika" if secure else "troika"

    def signed_in(self) -> Holder | None:
        """Whom the request's cookie names, if it is genuine, young enough and its key still valid."""
        if "signed_in" not in g:
            g.signed_in = self._read(request.cookies.get(self.cookie, ""))
        found: Holder | None = g.signed_in
        return found

    def _read(self, value: str) -> Holder | None:
        try:
            key_hash = self._serializer.loads(value, max_age=SESSION_S)
        except BadSignature:
            return None
        return self._access.by_hash(str(key_hash))

    def enter(self, key: str, target_of: Callable[[Holder], str]) -> Response | None:
        """A redirect to where ``target_of`` sends the holder, with the cookie set; None if the key is not known.

        Keys hold 256 random bits, so nothing is gained by refusing right ones after wrong ones: anybody could keep
        everybody out. Wrong ones are logged, a few a minute.
        """
        holder = self._access.holder_of(key)
        if holder is None:
            note(SecurityEvent.SIGN_IN_REFUSED)
            return None
        note(SecurityEvent.SIGNED_IN, holder=holder.name)
        target = target_of(holder)
        response = redirect(target if _is_local(target) else "/console", 303)
        response.set_cookie(
            self.cookie,
            self._serializer.dumps(holder.key_hash),
            max_age=SESSION_S,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response  # type: ignore[return-value]  # werkzeug's response is Flask's here

    def leave(self, target: str) -> Response:
        """A redirect to ``target`` with the cookie gone."""
        response = redirect(target, 303)
        response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response  # type: ignore[return-value]  # as above


def _is_local(target: str) -> bool:
    """Only paths of our own: ``//host`` and ``/\\host`` lead elsewhere."""
    return target.startswith("/console") and "\\" not in target and not target.startswith("//")
