"""Problems: every error is ``application/problem+json`` (RFC 9457) with a stable ``code``, or a page for browsers.

An internal failure contains "internal" and the correlation id, and nothing else: no stack, no SQL, no versions.
Refusals under load (503, 429, quarantine) are created without any lookup, because they are sent under load. The pages
are in :mod:`shared.http.error_pages`; a blueprint may have its own.
"""

import json
import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from shared.http.error_pages import (
    QUARANTINE,
    Header,
    Why,
    asked_language,
    busy_page,
    error_page,
    is_browser,
    uncached,
)
from shared.runtime.errors import DomainError, Quarantined, Unavailable
from shared.runtime.logs import correlation_id, describe
from shared.security.rate_limits import TooMany

log = logging.getLogger(__name__)

EARLIEST_S, LATEST_S = 2, 10
"""Bounds of the random ``Retry-After``, so that clients refused together do not return together."""

QUARANTINE_S = 60
"""``Retry-After`` while the database is in quarantine, seconds."""

MEDIA_TYPE = "application/problem+json"

CODES = {
    400: "malformed",
    401: "key-required",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "too-slow",
    409: "conflict",
    412: "edit-conflict",
    413: "too-large",
    414: "too-large",
    415: "wrong-media-type",
    422: "invalid",
    428: "if-match-required",
    429: "too-many",
    431: "too-large",
    503: "unavailable",
}
"""Code of a problem without its own code, by status."""

DOMAIN_STATUS: Mapping[str, int] = {
    "not-found": 404,
    "edit-conflict": 412,
    "if-match-required": 428,
    "unknown-parameter": 422,
    "unknown-value": 422,
}
"""Status of a domain error by its code, for the codes that several services raise."""

STATUSES = "troika.problem_statuses"
"""Status of a domain error by its code, those of the service included, among the application's extensions."""

OTHER_DOMAIN_STATUS = 409
"""Status of a domain error whose code is not registered."""


class FaultSchema(ma.Schema):
    """One fault in the request's content."""

    pointer = ma.fields.String(required=True, metadata={"description": "JSON pointer (RFC 6901) to the field"})
    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class ProblemSchema(ma.Schema):
    """A problem (RFC 9457)."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"description": "Stable; programs can rely on it"})
    detail = ma.fields.String()
    correlation_id = ma.fields.String()
    errors = ma.fields.List(ma.fields.Nested(FaultSchema))


def problem(
    status: int,
    code: str,
    title: str,
    *,
    detail: str = "",
    errors: Sequence[Mapping[str, str]] = (),
    retry_after_s: float = 0.0,
) -> Response:
    """A problem as a response; ``retry_after_s`` becomes a whole-second ``Retry-After`` of at least 1."""
    body: dict[str, Any] = {"type": f"urn:troika:problem:{code}", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    if correlation_id():
        body["correlation_id"] = correlation_id()
    if errors:
        body["errors"] = list(errors)
    response = Response(json.dumps(body, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if retry_after_s:
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return response


def unavailable(reason: str, retry_after_s: float = 2.0) -> Response:
    """503; the wait is spread over five times its length, so that those refused together do not return together."""
    return problem(503, "unavailable", "Not possible just now", detail=reason, retry_after_s=_spread_s(retry_after_s))


def _spread_s(retry_after_s: float) -> float:
    return random.uniform(retry_after_s, 5 * retry_after_s)  # noqa: S311 - spreads load, guards nothing


def handle_problems(app: Flask, statuses: Mapping[str, int]) -> None:
    """Register the handlers on ``app``: after this no other form of error leaves it.

    Args:
        statuses: status of a domain error by its code, for the codes that only this service raises.

    Raises:
        ValueError: a code is one of ``DOMAIN_STATUS``, or its status is that of all other codes anyway.
    """
    needless = [code for code, status in statuses.items() if code in DOMAIN_STATUS or status == OTHER_DOMAIN_STATUS]
    if needless:
        raise ValueError(f"statuses that need no declaration: {', '.join(needless)}")
    app.extensions[STATUSES] = {**DOMAIN_STATUS, **statuses}
    app.register_error_handler(HTTPException, lambda error: _readable(from_http(error)))
    app.register_error_handler(DomainError, lambda error: _readable(from_domain(error)))
    app.register_error_handler(Unavailable, from_outage)
    app.register_error_handler(Exception, lambda error: _readable(from_bug(error)))


def _readable(answer: Response) -> Response:
    """``answer``, for browsers with a page in place of the problem."""
    if is_browser(request.environ):
        headers, body = error_page(answer.status_code, asked_language(request.environ), correlation_id())
        answer.set_data(body)
        answer.headers.update(headers)
    return answer


def from_http(error: HTTPException) -> Response:
    """An error of Flask, Werkzeug or the schema layer."""
    status = error.code or 500
    data = getattr(error, "data", None) or {}
    response = problem(
        status,
        getattr(error, "problem_code", CODES.get(status, "internal")),
        error.name,
        detail=_detail(error, status, data),
        errors=[*_faults("", data.get("messages", {}).get("json", {})), *_faults("", _other(data))],
    )
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _detail(error: HTTPException, status: int, data: Mapping[str, Any]) -> str:
    """The explanation of an error with its own code; a 404 and an internal failure include none."""
    if hasattr(error, "problem_code"):
        return str(error.description)
    return "" if status >= 500 or status == 404 else str(data.get("message") or "")


def from_domain(error: DomainError) -> Response:
    """The answer to a request that a rule refused."""
    status = current_app.extensions[STATUSES].get(error.code, OTHER_DOMAIN_STATUS)
    return problem(status, error.code, error.code.replace("-", " ").capitalize(), detail=error.detail)


def from_outage(error: Unavailable) -> Response:
    """Something the request needs is down; for browsers as a page in their language."""
    if is_browser(request.environ):
        why: Why = QUARANTINE if isinstance(error, Quarantined) else "busy"
        wait_s = error.retry_after_s if why == QUARANTINE else _spread_s(error.retry_after_s)
        headers, body = busy_page(max(1, round(wait_s)), asked_language(request.environ), why)
        return Response(body, 503, headers)
    if isinstance(error, Quarantined):
        title = "Restored from a backup, not in use yet"
        return problem(503, "quarantine", title, retry_after_s=error.retry_after_s)
    return unavailable(error.reason, error.retry_after_s)


def from_bug(error: Exception) -> Response:
    """The HTTP boundary: the answer to an unexpected exception."""
    log.error("request failed", extra={"error": describe(error), "route": str(request.url_rule)})
    return problem(500, "internal", "Internal error")


def _other(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Faults outside the body (query, headers), under their own names."""
    messages = data.get("messages", {})
    return {name: faults for place, part in messages.items() if place != "json" for name, faults in part.items()}


def _faults(pointer: str, messages: Any) -> list[dict[str, str]]:
    """marshmallow's nested messages as a flat list with JSON pointers."""
    if isinstance(messages, Mapping):
        return [
            fault
            for name, inner in messages.items()
            for fault in _faults(pointer if name == "_schema" else f"{pointer}/{_escaped(str(name))}", inner)
        ]
    return [{"pointer": pointer, "code": "invalid", "message": str(message)} for message in messages]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_TITLES = {408: "Too much at once", 429: "Too many requests", 503: "Too much at once"}

_QUARANTINE = "Restored from a backup, not in use yet"


def retry_after_s() -> int:
    """Seconds after which a refused client may try again."""
    return random.randint(EARLIEST_S, LATEST_S)  # noqa: S311 - spreads load, guards nothing


def busy_problem(retry_after_s: int, status: int = 503, code: str = "unavailable") -> tuple[list[Header], bytes]:
    """Headers and body of a problem (RFC 9457)."""
    title = _QUARANTINE if code == QUARANTINE else _TITLES[status]
    content = {"type": f"urn:troika:problem:{code}", "title": title, "status": status, "code": code}
    body = json.dumps(content).encode()
    return [*uncached(body, MEDIA_TYPE), ("Retry-After", str(retry_after_s))], body


def refuse_too_many(refusal: TooMany) -> Response:
    """Return 429, for browsers as a page in their language."""
    if is_browser(request.environ):
        headers, body = busy_page(refusal.retry_after_s, asked_language(request.environ), "too-many")
    else:
        headers, body = busy_problem(refusal.retry_after_s, 429, "too-many")
    return Response(body, 429, headers)
