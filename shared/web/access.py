"""Who may call a route. Every route states it; one that does not is refused, and the build fails.

People and programs hold keys. The access file lists them with the SHA-256 of their key, so the file itself opens
nothing; it is read again when it changes, so a key can be withdrawn without a restart.
"""

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import Forbidden, Unauthorized

from shared.core.clock import parse_rfc3339, system_clock
from shared.core.errors import SettingsError
from shared.core.ids import token_hash
from shared.core.security_events import SecurityEvent, note
from shared.web.csv_lines import MEDIA_TYPE

LONGEST_NAME = 200
HOLDER_NEEDS = (
    "a name on one line, known roles and key_sha256 (64 hex digits) are required; "
    "`until` is a moment with its distance from UTC"
)
ROLES = ("viewer", "coordinator", "sealed-reader", "operator", "partner")

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key.

    Attributes:
        name: stands in every trail of who did what. One holder may have several keys, while they change.
        roles: what they may do.
        key_hash: SHA-256 of the key, hexadecimal.
        forms: that it is limited to; None: all.
        until: from then on the key is worth nothing; None: no end.
    """

    name: str
    roles: frozenset[str]
    key_hash: str
    forms: frozenset[str] | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call: anybody (``public``), the holder of a link (``link``), or one of ``roles``.

    ``all_forms``: a key that is limited to some forms is refused, whatever its roles. ``or_link``: the token of a link
    may stand in for a key of one of ``roles``; the view checks it.
    """

    kind: str
    roles: frozenset[str] = frozenset()
    all_forms: bool = False
    or_link: bool = False


def public(view: View) -> View:
    """Anybody may call this route."""
    return _state(view, Policy("public"))


def by_link(view: View) -> View:
    """The token in the path or the ``Authorization`` header is the permission; the view checks it."""
    return _state(view, Policy("link"))


def needs(*roles: str) -> Callable[[View], View]:
    """Only holders of a key with one of ``roles`` (or signed in with one) may call this route."""
    return lambda view: _state(view, Policy("role", _known(roles)))


def needs_all_forms(*roles: str) -> Callable[[View], View]:
    """As ``needs``, and the key must not be limited to some forms: the route reaches across all of them."""
    return lambda view: _state(view, Policy("role", _known(roles), all_forms=True))


def needs_or_link(*roles: str) -> Callable[[View], View]:
    """As ``needs``; or the ``Authorization`` header holds the token of a link, which the view asks for and checks."""
    return lambda view: _state(view, Policy("role", _known(roles), or_link=True))


def _known(roles: Collection[str]) -> frozenset[str]:
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"unknown roles: {sorted(unknown)}")
    return frozenset(roles)


def _state(view: View, policy: Policy) -> View:
    view.access_policy = policy  # type: ignore[attr-defined]  # read back by policy_of
    return view


def policy_of(view: Callable[..., Any]) -> Policy | None:
    """What a view states, also through decorators that keep ``__dict__``."""
    policy: Policy | None = getattr(view, "access_policy", None)
    return policy


class AccessFile:
    """The holders in a JSON file: ``[{"name", "roles": […], "key_sha256", "forms"?, "until"?}]``.

    Raises:
        SettingsError: at first reading, if anything in it is wrong. A later change that is wrong is refused as a
            whole and the last good one stays in force.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = 0
        self._holders: dict[str, Holder] = {}
        self._read(first=True)

    def holder_of(self, key: str) -> Holder | None:
        """Who holds ``key``; compares hashes, so the time taken tells nothing of the key."""
        return self.by_hash(token_hash(key).hex())

    def by_hash(self, key_hash: str) -> Holder | None:
        """Who holds the key with this hash now."""
        self._read(first=False)
        found = self._holders.get(key_hash)
        return None if found is None or (found.until is not None and system_clock() >= found.until) else found

    def _read(self, *, first: bool) -> None:
        with self._lock:
            try:
                stamp = self._path.stat().st_mtime_ns
                if stamp == self._stamp:
                    return
                self._holders = {holder.key_hash: holder for holder in _parse(json.loads(self._path.read_text()))}
                self._stamp = stamp
            except (OSError, ValueError) as error:
                if first:
                    raise SettingsError([f"access file: {error}"]) from None


def _parse(rows: Any) -> list[Holder]:
    if not isinstance(rows, list):
        raise ValueError("a list of holders is required")
    holders = [_holder(number, row) for number, row in enumerate(rows, start=1)]
    if len({holder.key_hash for holder in holders}) < len(holders):
        raise ValueError("no two entries may have the same key")
    return holders


def _holder(number: int, row: Any) -> Holder:
    try:
        roles, key_hash = frozenset(row["roles"]), str(row["key_sha256"])
        forms = frozenset(row["forms"]) if row.get("forms") is not None else None
        until = parse_rfc3339(row["until"]) if row.get("until") is not None else None
        name = str(row["name"])
        one_line = name.isprintable() and 0 < len(name) <= LONGEST_NAME
        if not one_line or not roles <= set(ROLES) or len(bytes.fromhex(key_hash)) != 32:
            raise ValueError
        return Holder(name, roles, key_hash.lower(), forms, until)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"holder {number}: {HOLDER_NEEDS}") from None


def guard(app: Flask, access: AccessFile, signed_in: Callable[[], Holder | None]) -> None:
    """Check every request against its route's policy before anything else sees it.

    Args:
        app: to guard.
        access: key holders.
        signed_in: whom the console's cookie names, if anyone.
    """

    @app.before_request
    def check() -> None:
        if request.url_rule is None or request.method == "OPTIONS":
            return
        policy = policy_of(app.view_functions[request.endpoint or ""])
        if policy is None:
            raise Forbidden
        g.holder = None
        g.find_holder = lambda: _caller(access, signed_in)
        if policy.kind == "role":
            g.holder = _authorised(policy)
        if policy.all_forms:
            require_all_forms()

    @app.after_request
    def keep_to_the_holder(response: Response) -> Response:
        if g.get("holder") is not None:
            response.headers.setdefault("Cache-Control", "no-store")
            if response.mimetype == MEDIA_TYPE and response.status_code == 200:
                note(SecurityEvent.EXPORTED, holder=holder().name, route=str(request.url_rule))
        return response


def _caller(access: AccessFile, signed_in: Callable[[], Holder | None]) -> Holder | None:
    """Who sends a key, or else who is signed in."""
    key = bearer()
    return access.holder_of(key) if key else signed_in()


def _authorised(policy: Policy) -> Holder | None:
    holder: Holder | None = g.find_holder()
    if holder is None:
        return None if policy.or_link and bearer() else refuse_key()
    if not bearer() and request.method not in ("GET", "HEAD"):
        refuse_cross_site()
    if not holder.roles & policy.roles:
        refuse(holder)
    return holder


def refuse_key() -> NoReturn:
    """Refuse somebody without a key, or with one (or a token of a link) that is worth nothing here.

    Who sends none may have lost their way; who sends a wrong one has it from somewhere.

    Raises:
        Unauthorized: always.
    """
    if bearer():
        note(SecurityEvent.KEY_REFUSED, route=str(request.url_rule))
    raise Unauthorized


def link_token() -> str:
    """The token of a link by which somebody calls a route that ``needs_or_link``; empty for the holder of a key."""
    return "" if g.holder is not None else bearer()


def refuse(holder: Holder) -> NoReturn:
    """Refuse somebody whose key is known and does not open this.

    Raises:
        Forbidden: always.
    """
    note(SecurityEvent.ROLE_REFUSED, holder=holder.name, route=str(request.url_rule), method=request.method)
    raise Forbidden


def refuse_cross_site() -> None:
    """For a form without a key in it: only our own pages may send it.

    Raises:
        Forbidden: another site made the browser send this request.
    """
    if _is_cross_site():
        note(SecurityEvent.CROSS_SITE_REFUSED, route=str(request.url_rule))
        raise Forbidden


def _is_cross_site() -> bool:
    """Whether another site made the browser send this (Fetch Metadata; ``Origin`` where a browser lacks it).

    The gateway takes HTTPS off, so the scheme is that of the public address and not the one of this connection.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    scheme = current_app.config["PREFERRED_URL_SCHEME"]
    return request.headers.get("Origin") != f"{scheme}://{request.host}"


def bearer() -> str:
    """The key or token of the ``Authorization: Bearer`` header; empty if there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def holder() -> Holder:
    """Who is calling; only inside a route that ``needs`` a role."""
    found: Holder = g.holder
    return found


def holder_if_any(*roles: str) -> Holder | None:
    """Who is calling a ``public`` route that shows more to ``roles``; None for everybody else.

    An answer to a known holder is marked as not to be stored, as on a route that needs a role.

    Raises:
        Unauthorized: a key was sent and nobody holds it; it is not taken for a visit without one.
    """
    found: Holder | None = g.find_holder()
    if found is None and bearer():
        refuse_key()
    if found is None or found.roles.isdisjoint(roles):
        return None
    g.holder = found
    return found


def may_touch(form: str) -> bool:
    """Whether the caller's key is good for ``form``: keys may be limited to some."""
    return holder().forms is None or form in (holder().forms or ())


def require_touch(form: str) -> None:
    """Refuse a key that is limited to other forms. An event counts as the form of the same name.

    Raises:
        Forbidden: it is.
    """
    if not may_touch(form):
        refuse(holder())


def require_touch_each(*forms: str) -> None:
    """Refuse a limited key unless it is good for every one of ``forms``; what belongs to none, it never touches.

    Raises:
        Forbidden: it is limited to others.
    """
    if not forms:
        require_all_forms()
    for form in forms:
        require_touch(form)


def require_all_forms() -> None:
    """Refuse a key that is limited to some forms, where what is asked reaches across all of them.

    Raises:
        Forbidden: it is.
    """
    if holder().forms is not None:
        refuse(holder())
