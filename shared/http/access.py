"""Access control: every route states who may call it; one that does not is refused, and the build fails.

People and programs hold keys: those of the access file, and those that an administrator has given in the console.

Exports, sealed answers, giving access, and more people than one page shows require a sign-in within the last ten
minutes, so that an unattended desk gives them to no passer-by (OWASP ASVS 5.0, 7.5.1 and 7.5.3). A program sends its
key with each request and is exempt.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from flask import Flask, Response, g, request
from werkzeug.exceptions import Forbidden, Unauthorized

from shared.http.holders import Access, Holder
from shared.http.lists import DEFAULT_LIMIT, MEDIA_TYPE
from shared.messaging.contracts.payloads import ROLES
from shared.runtime.logs import EXPORTED, KEY_REFUSED, ROLE_REFUSED, record_security_event
from shared.security.csrf import check_csrf
from shared.security.rate_limits import READ, spend

RECENT_S = 10 * 60
"""How long after a sign-in exports, sealed answers and the access of others are open."""

View = TypeVar("View", bound=Callable[..., Any])


class BrowserSession(Protocol):
    """The session that the request's cookie names: of :class:`shared.http.sign_in.SignIn`, or none."""

    def signed_in(self) -> Holder | None:
        """Whom the cookie names, if it is genuine and young enough."""

    def has_ended(self) -> bool:
        """Whether the session was ended before its time; asks the database."""

    def age_s(self) -> float:
        """Seconds since its holder last authenticated."""

    def renew(self, response: Response) -> None:
        """Restart the cookie's idle time."""


class NoSession:
    """The session of an application without cookies."""

    def signed_in(self) -> Holder | None:
        """Return None: no one is signed in."""
        return None

    def has_ended(self) -> bool:
        """There is none that could."""
        return True

    def age_s(self) -> float:
        """Older than any route accepts."""
        return float("inf")

    def renew(self, response: Response) -> None:
        """Nothing to renew."""


class RecentSignInRequired(Unauthorized):
    """The caller is signed in, but not recently: pages lead to the sign-in page and back, the API answers 401."""

    problem_code = "sign-in-again"
    description = "Sign in again: this needs a sign-in of the last ten minutes, or a key in the header."


def needs_recent_sign_in(view: View) -> View:
    """A browser may call this route only within ten minutes of signing in; goes above ``needs``.

    A page asked for by GET is returned to after signing in; a POST returns to the page above its path.
    """
    view.needs_recent_sign_in = True  # type: ignore[attr-defined]  # read back by asks_recent_sign_in
    return view


def asks_recent_sign_in(view: Callable[..., Any]) -> bool:
    """Whether a view states ``needs_recent_sign_in``, also through decorators that keep ``__dict__``."""
    return getattr(view, "needs_recent_sign_in", False)


def is_recent() -> bool:
    """Whether the caller has authenticated within the last ten minutes; with a key in the header, always."""
    return bool(g.by_key or g.session.age_s() <= RECENT_S)


def require_recent_sign_in() -> None:
    """As ``needs_recent_sign_in``, where only some of a route's answers need it.

    Raises:
        RecentSignInRequired: the browser's sign-in is too long ago.
    """
    if not is_recent():
        raise RecentSignInRequired


def require_recent_beyond_a_page(cursor: str, limit: int) -> None:
    """Like ``require_recent_sign_in``, for lists of people in any format: the first page is open to every sign-in.

    Args:
        cursor: the cursor in the request; empty for the first page.
        limit: how many people the response may hold; a page has ``DEFAULT_LIMIT``.

    Raises:
        RecentSignInRequired: the browser's sign-in is too long ago.
    """
    if cursor or limit > DEFAULT_LIMIT:
        require_recent_sign_in()


FILE_TYPES = (MEDIA_TYPE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
"""Of lists that a person downloads."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call: anyone (``public``), the holder of a link (``link``), or one of ``roles``.

    ``all_forms``: a key that is limited to some forms is refused, regardless of its roles. ``or_link``: the token of a
    link may replace a key of one of ``roles``; the view checks it. ``or_key``: anyone may call, and a key shows more.
    """

    kind: str
    roles: frozenset[str] = frozenset()
    all_forms: bool = False
    or_link: bool = False
    or_key: bool = False


def public(view: View) -> View:
    """Anyone may call this route."""
    return _state(view, Policy("public"))


def public_or_key(view: View) -> View:
    """Anyone may call this route; the view asks ``holder_if_any`` whether a key or a session shows more."""
    return _state(view, Policy("public", or_key=True))


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


KNOWN_HOLDER = "troika.known_holder"
"""In the WSGI environment of a request whose caller's key or session was recognised."""

RECOGNISED = "troika.recognised"
"""The same, or whose link token was recognised."""


def guard(app: Flask, access: Access | None, session: BrowserSession) -> None:
    """Check every request against its route's policy before anything else sees it.

    Args:
        access: key holders; None if this application knows none, so that only public routes and links are left. A key
            that is sent shows no more there.
        session: the session of the console's cookie. Whether it has ended is queried in the database last, so a request
            that is refused anyway causes no query.
    """

    @app.before_request
    def check() -> None:
        if request.url_rule is None or request.method == "OPTIONS":
            return
        view = app.view_functions[request.endpoint or ""]
        policy = policy_of(view)
        if policy is None:
            raise Forbidden
        g.holder = None
        g.session, g.by_key = session, access is not None and bool(bearer())
        g.find_holder = lambda: _caller(access, session)
        if policy.kind == "role":
            g.holder = _authorised(policy)
            if g.holder is not None:
                request.environ[KNOWN_HOLDER] = request.environ[RECOGNISED] = True
        if policy.all_forms:
            require_all_forms()
        if asks_recent_sign_in(view):
            require_recent_sign_in()

    @app.after_request
    def keep_to_the_holder(response: Response) -> Response:
        if g.get("holder") is not None:
            response.headers.setdefault("Cache-Control", "no-store")
            if not bearer():
                session.renew(response)
            if response.mimetype in FILE_TYPES and response.status_code == 200:
                record_security_event(EXPORTED, holder=holder().name, route=str(request.url_rule))
        return response


def _caller(access: Access | None, session: BrowserSession) -> Holder | None:
    """The holder of the key sent, else the signed-in holder."""
    key = bearer()
    if not key:
        return session.signed_in()
    return access.holder_of(key) if access is not None else None


def _authorised(policy: Policy) -> Holder | None:
    holder: Holder | None = g.find_holder()
    if holder is None:
        return None if policy.or_link and bearer() else refuse_key()
    if not bearer() and request.method not in ("GET", "HEAD"):
        check_csrf()
    if not holder.roles & policy.roles:
        refuse(holder)
    if not bearer() and g.session.has_ended():
        raise Unauthorized
    return holder


def refuse_key() -> NoReturn:
    """Refuse a caller without a key, or with one (or a token of a link) that is not valid here.

    A caller without a key may be here by mistake; one with a wrong key has obtained it somewhere.

    Raises:
        Unauthorized: always.
    """
    if bearer():
        record_security_event(KEY_REFUSED, route=str(request.url_rule))
    raise Unauthorized


def link_token() -> str:
    """The token of a link with which a caller uses a route that ``needs_or_link``; empty for the holder of a key."""
    return "" if g.holder is not None else bearer()


def refuse(holder: Holder) -> NoReturn:
    """Refuse a request whose key is known but lacks the right; the page may show the navigation of the key's owner.

    Raises:
        Forbidden: always.
    """
    g.refused = holder
    record_security_event(ROLE_REFUSED, holder=holder.name, route=str(request.url_rule), method=request.method)
    raise Forbidden


def bearer() -> str:
    """The key or token of the ``Authorization: Bearer`` header; empty if there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def holder() -> Holder:
    """The caller; only inside a route that ``needs`` a role."""
    found: Holder = g.holder
    return found


def holder_if_any(*roles: str) -> Holder | None:
    """Who is calling a ``public`` route that shows more to ``roles``; None for everyone else.

    An answer to a known holder is marked as not to be stored, as on a route that needs a role. A request without a key
    or a session counts as one read of its client network, however often a route asks.

    Raises:
        TooMany: the client network has read too much.
        Unauthorized: a key was sent and no one holds it; this does not count as a request without a key.
    """
    found: Holder | None = g.find_holder()
    if found is None and g.by_key:
        refuse_key()
    if found is not None:
        request.environ[RECOGNISED] = True
    elif not g.get("read_counted"):
        spend(READ)
        g.read_counted = True
    if found is None or found.roles.isdisjoint(roles) or (not bearer() and g.session.has_ended()):
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
    """Refuse a limited key unless it covers all of ``forms``; what belongs to none, it never touches.

    Raises:
        Forbidden: it is limited to others.
    """
    if not forms:
        require_all_forms()
    for form in forms:
        require_touch(form)


def require_partner(partner: str) -> None:
    """Refuse a partner's key where another partner is asked for. Keys of all other roles are no partner's.

    Raises:
        Forbidden: it is another partner's.
    """
    if holder().partner not in (None, partner):
        refuse(holder())


def require_all_forms() -> None:
    """Refuse a key that is limited to some forms, on a route that covers all of them.

    Raises:
        Forbidden: it is.
    """
    if holder().forms is not None:
        refuse(holder())
