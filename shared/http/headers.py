"""Response headers: security headers, stricter ones for personal data, and entity tags (304, 412)."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from shared.runtime.errors import DomainError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PUBLIC_MAX_AGE_S, SHARED_MAX_AGE_S = 60, 1


def tag_of(*parts: object) -> str:
    """A short strong tag over ``parts``."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:20]


def conditional(response: Response, *, revision: int | None = None) -> Response:
    """Set the ETag of a finished answer from its body, and send 304 if the client has it already.

    Args:
        response: the finished answer.
        revision: the revision of what the answer shows; the tag begins with it, so that it serves ``require_revision``
            too.
    """
    body_tag = hashlib.sha256(response.get_data()).hexdigest()[:20]
    response.set_etag(body_tag if revision is None else f"{revision}-{body_tag}")
    response.headers.setdefault("Cache-Control", "no-cache")
    response.make_conditional(request)
    return response


def cacheable(response: Response) -> Response:
    """A public answer, which anyone may keep for a minute and which is not sent again while it is the same."""
    response.headers["Cache-Control"] = f"public, max-age={PUBLIC_MAX_AGE_S}"
    return conditional(response)


def revalidated(response: Response) -> Response:
    """A public answer that changes under people's hands (are there seats?): caches in front of us keep it for a second,
    browsers ask each time whether it is still the same."""
    response.headers["Cache-Control"] = f"public, max-age=0, s-maxage={SHARED_MAX_AGE_S}"
    return conditional(response)


def seen_tags() -> frozenset[str]:
    """The states that the client has seen, from ``If-Match``; ``*`` for any state.

    Weak tags count: a gateway that compresses an answer weakens its tag (RFC 9110, 8.8.3.3), and our tags name states,
    not bytes. For use cases that compare inside their own transaction, where no other write comes in between.

    Raises:
        DomainError: ``if-match-required``: there is no such header.
    """
    if not request.if_match:
        raise DomainError("if-match-required", "send the ETag that you read as If-Match")
    if request.if_match.star_tag:
        return frozenset({"*"})
    return frozenset(tag or "" for tag in request.if_match.as_set(include_weak=True))  # werkzeug: an empty tag is None


def seen_tags_of(query: Mapping[str, Any]) -> frozenset[str]:
    """Like :func:`seen_tags`; a trial (``dry_run`` in ``query``) without the header is based on any state."""
    return frozenset({"*"}) if query.get("dry_run") and "If-Match" not in request.headers else seen_tags()


def require_match(*current: str) -> None:
    """For changes: the client must have seen the state it changes, under one of its tags.

    Raises:
        DomainError: ``if-match-required`` without the header, ``edit-conflict`` if it names another state.
    """
    if seen_tags().isdisjoint({"*", *current}):
        raise DomainError("edit-conflict", "read it again and repeat your change")


def require_revision(revision: int, query: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Like ``require_match``, for what is shown with ``conditional(…, revision=…)``: only the number matters.

    Args:
        revision: the current one.
        query: the query parameters of a change that can be tried, see :func:`seen_tags_of`.

    Raises:
        DomainError: as there.
    """
    seen = {tag.partition("-")[0] for tag in seen_tags_of(query)}
    if seen.isdisjoint({"*", str(revision)}):
        raise DomainError("edit-conflict", "read it again and repeat your change")


API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For JSON: nothing may load, nothing may frame it."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For our own pages: everything from our own origin, nothing inline, in no frame."""


def origin_in(claimed: str) -> str:
    """``claimed`` if it is written as the origin of a web page is, else ``""``."""
    return claimed if _ORIGIN.fullmatch(claimed) else ""


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,255}")


def kept_page_policy(style: str, origins: Sequence[str]) -> str:
    """For a page that others may frame and that is the same for all who load it: it holds no nonce.

    Args:
        style: content of its one ``style`` element, allowed by its hash (CSP 3, 8.4); empty if there is none. Scripts
            are files of our own origin.
        origins: exactly those that may frame it; no origin may if there are none.
    """
    digest = b64encode(sha256(style.encode()).digest()).decode()
    own, ancestors = f" 'sha256-{digest}'" if style else "", " ".join(origins) or "'none'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'{own}; img-src 'self' data:; "
        f"worker-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )


_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
_NO_FRAME = ("X-Frame-Options", "DENY")
_STAY_ON_HTTPS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def refusal_headers(*, https: bool, policy: str = API_POLICY) -> tuple[tuple[str, str], ...]:
    """What a refusal carries that no application has made: of the gateway, or of gunicorn.

    Args:
        https: whether the public address is HTTPS.
        policy: the ``Content-Security-Policy`` of the answer; it forbids frames.
    """
    further = (("Content-Security-Policy", policy), _NO_FRAME, ("Cache-Control", "no-store"))
    return (*_ALWAYS, *further, *((_STAY_ON_HTTPS,) if https else ()))


def secure_headers(app: Flask, *, https: bool) -> None:
    """Set the headers on each answer of ``app``, regardless of its origin; a view may have set its own policy before.

    This wraps the application, so that an answer that no hook has seen has them too. It sets them in a list, which
    costs every registration a quarter of what werkzeug's headers do.

    Args:
        https: whether the public address is HTTPS (then a header makes browsers stay on it).
    """
    always = (*_ALWAYS, _STAY_ON_HTTPS) if https else _ALWAYS
    inner = app.wsgi_app

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            return start_response(status, _completed(headers, always), *failure)

        return inner(environ, start)

    app.wsgi_app = guarded  # type: ignore[method-assign]  # the place Flask names for this


def _completed(headers: list[tuple[str, str]], always: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """``headers`` and what they lack."""
    given = {name.lower(): value for name, value in headers}
    complete = [*headers, *(pair for pair in always if pair[0].lower() not in given)]
    policy = given.get("content-security-policy")
    if policy is None:
        policy = PAGE_POLICY if given.get("content-type", "").startswith("text/html") else API_POLICY
        complete.append(("Content-Security-Policy", policy))
    if "frame-ancestors 'none'" in policy and "x-frame-options" not in given:
        complete.append(_NO_FRAME)
    return complete


def personal(response: Response) -> Response:
    """Mark an answer with personal data: no cache stores it, and no other site receives its address."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
