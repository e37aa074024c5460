"""Problems: every error is ``application/problem+json`` (RFC 9457) with a stable ``code``, or a page for browsers.

An internal failure contains "internal" and the correlation id, and nothing else: no stack, no SQL, no versions.
Refusals under load (503, 429, quarantine) are created without any lookup, because they are sent under load.
"""

import json
import logging
import random
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import marshmallow as ma
from flask import Flask, Response, current_app, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import direction, named_language, preferred_language
from shared.runtime.errors import DomainError, Quarantined, Unavailable
from shared.runtime.logs import correlation_id, describe
from shared.security.rate_limits import TooMany

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

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
}
"""Status of a domain error by its code, for the codes that several services raise."""

STATUSES = "troika.problem_statuses"
"""Status of a domain error by its code, those of the service included, among the application's extensions."""

OTHER_DOMAIN_STATUS = 409
"""Status of a domain error whose code is in neither."""


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
        app: of a service.
        statuses: status of a domain error by its code, for the codes that only this service raises.

    Raises:
        ValueError: a code is one of ``DOMAIN_STATUS``, or its status is that of all other codes anyway.
    """
    needless = [code for code, status in statuses.items() if code in DOMAIN_STATUS or status == OTHER_DOMAIN_STATUS]
    if needless:
        raise ValueError(f"statuses that need no declaration: {', '.join(needless)}")
    app.extensions[STATUSES] = {**DOMAIN_STATUS, **statuses}
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
    if "text/html" in request.headers.get("Accept", ""):
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


EARLIEST_S, LATEST_S = 2, 10
"""Between which ``Retry-After`` is drawn, so that those refused together do not come back together."""

QUARANTINE: Final = "quarantine"
"""Code of the problem, and why a page is refused, while the service's database is in quarantine."""

QUARANTINE_S = 60
"""``Retry-After`` while the database is in quarantine, seconds."""

_TITLES = {408: "Too much at once", 429: "Too many requests", 503: "Too much at once"}

_QUARANTINE = "Restored from a backup, not in use yet"

_NAMED = re.compile(r"(?:^|&)lang=([A-Za-z]{2})(?=[-_&]|$)")
_MAX_ACCEPT_LANGUAGE_LENGTH = 200
"""Characters of the header that are read: a refused request must cost little."""

TEXTS = Catalogue(Path(__file__).parent / "translations")
Why = Literal["busy", "too-many", "quarantine"]
"""Overload; a rate limit (:mod:`shared.security.rate_limits`); the database was restored and is being checked."""

_STYLE = (
    "body{margin:0;background:#f3f5f7;color:#17212b;overflow-wrap:break-word;"
    "font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic','Noto Sans SC',"
    "sans-serif}"
    "main{max-width:42rem;margin:0 auto;padding:1.25rem 1rem;background:#fff}"
    "h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:0}"
    "@media(min-width:46rem){main{margin:2.5rem auto;padding:1.75rem 2.5rem;"
    "border:1px solid #d5dce2;border-radius:12px}}"
    "@media(prefers-color-scheme:dark){:root{color-scheme:dark}body{background:#0e1318;color:#eef2f5}"
    "main{background:#161d24;border-color:#323d47}}"
)
"""The colours and letters of our other pages. In the page: a stylesheet would be one more request while there are too
many."""

_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors *; base-uri 'none'; form-action 'none'"
"""Any page may frame it, as partners frame the form that it replaces: there is nothing in it to click."""

Header = tuple[str, str]


def retry_after_s() -> int:
    """Seconds after which a refused client may try again."""
    return random.randint(EARLIEST_S, LATEST_S)  # noqa: S311 - spreads load, guards nothing


def busy_problem(retry_after_s: int, status: int = 503, code: str = "unavailable") -> tuple[list[Header], bytes]:
    """Headers and body of a problem (RFC 9457)."""
    title = _QUARANTINE if code == QUARANTINE else _TITLES[status]
    content = {"type": f"urn:troika:problem:{code}", "title": title, "status": status, "code": code}
    body = json.dumps(content).encode()
    return _answer(body, MEDIA_TYPE, retry_after_s), body


def asked_language(environ: "WSGIEnvironment") -> str:
    """The language to answer a request in: that of its address, as everywhere, else the browser's, else English."""
    named = _NAMED.search(environ.get("QUERY_STRING", ""))
    if named is not None and (language := named_language(named[1])):
        return language
    accepted = environ.get("HTTP_ACCEPT_LANGUAGE", "")[:_MAX_ACCEPT_LANGUAGE_LENGTH]
    return preferred_language(parse_accept_header(accepted, LanguageAccept)) or "en"


def busy_page(retry_after_s: int, language: str, why: Why = "busy") -> tuple[list[Header], bytes]:
    """Headers and body of a page in ``language`` that explains why the request is refused."""
    minutes = ceil(retry_after_s / 60)
    count = retry_after_s if why == "busy" else minutes
    title = escape(TEXTS.text(f"{why}.title", language))
    text = TEXTS.text("quarantine.text", language) if why == QUARANTINE else ""
    advice = escape(text or TEXTS.plural(f"{why}.text", count, language, seconds=retry_after_s, minutes=minutes))
    html = (
        f'<!doctype html><html lang="{language}" dir="{direction(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1><p>{advice}</p></main></body></html>"
    ).encode()
    headers = _answer(html, "text/html; charset=utf-8", retry_after_s)
    return [*headers, ("Content-Security-Policy", POLICY), ("Content-Language", language)], html


def refuse_too_many(refusal: TooMany) -> Response:
    """Return 429, for browsers as a page in their language."""
    if "text/html" in request.headers.get("Accept", ""):
        headers, body = busy_page(refusal.retry_after_s, asked_language(request.environ), "too-many")
    else:
        headers, body = busy_problem(refusal.retry_after_s, 429, "too-many")
    return Response(body, 429, headers)


def _answer(body: bytes, content_type: str, retry_after_s: int) -> list[Header]:
    return [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Retry-After", str(retry_after_s)),
    ]
