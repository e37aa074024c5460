"""Every error is ``application/problem+json`` (RFC 9457) with a stable ``code``.

A failure of ours says "internal" and the correlation id, and nothing else: no stack, no SQL, no versions.
"""

import json
import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from shared.core.context import correlation_id
from shared.core.errors import DomainError, Quarantined, Unavailable
from shared.core.logs import describe

log = logging.getLogger(__name__)

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
    412: "changed-meanwhile",
    413: "too-large",
    414: "too-large",
    415: "wrong-media-type",
    422: "invalid",
    428: "if-match-required",
    429: "too-many",
    431: "too-large",
    503: "unavailable",
}
"""Code of a problem that has none of its own, by status."""

DOMAIN_STATUS = {
    "undecided": 503,
    "form-closed": 409,
    "form-unknown": 404,
    "not-found": 404,
    "idempotency-mismatch": 422,
    "idempotency-running": 409,
    "changed-meanwhile": 412,
    "if-match-required": 428,
    "already-cancelled": 409,
    "reason-needed": 422,
    "sealed-gone": 410,
    "list-expired": 410,
    "purpose-unknown": 422,
    "too-many-people": 422,
    "already-exists": 409,
    "not-allowed": 403,
    "closing-before-opening": 422,
    "proof-refused": 422,
    "webhook-refused": 422,
    "bulletin-invalid": 422,
    "time-not-usable": 422,
    "too-many-tests": 429,
    "too-many-readings": 429,
    "too-many-origins": 422,
    "unknown-partner": 422,
    "file-refused": 422,
    "bad-mapping": 422,
    "bad-choice": 422,
    "unknown-parameter": 422,
    "invalid-access": 422,
}
"""Status of a domain error by its code; 409 for all others."""


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
    spread_s = random.uniform(retry_after_s, 5 * retry_after_s)  # noqa: S311 - spreads load, guards nothing
    return problem(503, "unavailable", "Not possible just now", detail=reason, retry_after_s=spread_s)


def handle_problems(app: Flask) -> None:
    """Register the handlers on ``app``: after this no other form of error leaves it."""
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(DomainError, from_domain)
    app.register_error_handler(Unavailable, from_outage)
    app.register_error_handler(Exception, from_bug)


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
    """An error with a code of its own explains itself; what is not found, and what is our fault, explains nothing."""
    if hasattr(error, "problem_code"):
        return str(error.description)
    return "" if status >= 500 or status == 404 else str(data.get("message") or "")


def from_domain(error: DomainError) -> Response:
    """A rule that said no."""
    status = DOMAIN_STATUS.get(error.code, 409)
    retry_after_s = 1.0 if error.code == "idempotency-running" else 0.0
    title = error.code.replace("-", " ").capitalize()
    return problem(status, error.code, title, detail=error.detail, retry_after_s=retry_after_s)


def from_outage(error: Unavailable) -> Response:
    """Something the request needs is away."""
    if isinstance(error, Quarantined):
        title = "Restored from a backup, not in use yet"
        return problem(503, "quarantine", title, retry_after_s=error.retry_after_s)
    return unavailable(error.reason, error.retry_after_s)


def from_bug(error: Exception) -> Response:
    """The HTTP boundary: what nobody foresaw."""
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
