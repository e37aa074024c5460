"""Entity tags: 304 when nothing changed, 412 when somebody else was faster."""

import hashlib

from flask import Response, request

from shared.core.errors import DomainError

PUBLIC_MAX_AGE_S, SHARED_MAX_AGE_S = 60, 1


def tag_of(*parts: object) -> str:
    """A short strong tag over ``parts``."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:20]


def conditional(response: Response, *, revision: int | None = None) -> Response:
    """Tag a finished answer by its body and turn it into 304 if the client has it already.

    Args:
        response: the finished answer.
        revision: of what it shows; the tag begins with it, so that it serves ``require_revision`` too.
    """
    body_tag = hashlib.sha256(response.get_data()).hexdigest()[:20]
    response.set_etag(body_tag if revision is None else f"{revision}-{body_tag}")
    response.headers.setdefault("Cache-Control", "no-cache")
    response.make_conditional(request)
    return response


def cacheable(response: Response) -> Response:
    """A public answer, which anybody may keep for a minute and which is not sent again while it is the same."""
    response.headers["Cache-Control"] = f"public, max-age={PUBLIC_MAX_AGE_S}"
    return conditional(response)


def revalidated(response: Response) -> Response:
    """A public answer that changes under people's hands (are there seats?): caches in front of us keep it for a second,
    browsers ask each time whether it is still the same."""
    response.headers["Cache-Control"] = f"public, max-age=0, s-maxage={SHARED_MAX_AGE_S}"
    return conditional(response)


def seen_tags() -> frozenset[str]:
    """The states that the client has seen, from ``If-Match``; ``*`` for whatever it is.

    Weak tags count: a gateway that compresses an answer weakens its tag (RFC 9110, 8.8.3.3), and our tags name states,
    not bytes. For use cases that compare inside their own transaction, where nobody comes in between.

    Raises:
        DomainError: ``if-match-required``: there is no such header.
    """
    if not request.if_match:
        raise DomainError("if-match-required", "send the ETag that you read as If-Match")
    return frozenset({"*"}) if request.if_match.star_tag else frozenset(request.if_match.as_set(include_weak=True))


def require_match(*current: str) -> None:
    """For changes: the client must have seen the state it changes, under one of its tags.

    Raises:
        DomainError: ``if-match-required`` without the header, ``changed-meanwhile`` if it names another state.
    """
    if seen_tags().isdisjoint({"*", *current}):
        raise DomainError("changed-meanwhile", "read it again and repeat your change")


def require_revision(revision: int) -> None:
    """Like ``require_match``, for what is shown with ``conditional(…, revision=…)``: the number alone matters.

    Raises:
        DomainError: as there.
    """
    seen = {tag.partition("-")[0] for tag in seen_tags()}
    if seen.isdisjoint({"*", str(revision)}):
        raise DomainError("changed-meanwhile", "read it again and repeat your change")
