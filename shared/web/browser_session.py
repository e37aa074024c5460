"""What a browser's cookie means to the guard of every route, and the guard of what needs a recent sign-in.

Exports, sealed answers and giving access ask for a sign-in of the last ten minutes, so that a desk which was left open
gives them to no passer-by (OWASP ASVS 5.0, 7.5.1 and 7.5.3). A program sends its key with each request
and is exempt by that.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from flask import Response, g
from werkzeug.exceptions import Unauthorized

from shared.web.holders import Holder

RECENT_S = 10 * 60
"""How long after a sign-in exports, sealed answers and the access of others are open."""

View = TypeVar("View", bound=Callable[..., Any])


class BrowserSession(Protocol):
    """The session that the request's cookie names: of :class:`shared.web.signing_in.SignIn`, or none."""

    def signed_in(self) -> Holder | None:
        """Whom the cookie names, if it is genuine and young enough."""

    def has_ended(self) -> bool:
        """Whether the session was ended before its time; asks the database."""

    def age_s(self) -> float:
        """Seconds since its holder last authenticated."""

    def renew(self, response: Response) -> None:
        """Let the cookie's idle time begin anew."""


class NoSession:
    """The session of an application that knows no cookie."""

    def signed_in(self) -> Holder | None:
        """Nobody."""
        return None

    def has_ended(self) -> bool:
        """There is none that could."""
        return True

    def age_s(self) -> float:
        """Longer ago than anything asks for."""
        return float("inf")

    def renew(self, response: Response) -> None:
        """Nothing to renew."""


class RecentSignInRequired(Unauthorized):
    """The caller is signed in, but not recently: pages lead to the sign-in page and back, the API answers 401."""

    problem_code = "sign-in-again"
    description = "Sign in again: this needs a sign-in of the last ten minutes, or a key in the header."


def needs_recent_sign_in(view: View) -> View:
    """A browser may call this route only within ten minutes of signing in; stands above ``needs``.

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
