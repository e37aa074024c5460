"""What somebody is told who is not let in: for programs a problem, for browsers a page in their language.

Made without looking at anything: it is sent when there is no time.
"""

import json
import random
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from flask import Response, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import direction, named_language, preferred_language
from shared.web.limits import TooMany
from shared.web.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EARLIEST_S, LATEST_S = 2, 10
"""Between which ``Retry-After`` is drawn, so that those refused together do not come back together."""

QUARANTINE: Final = "quarantine"
"""Code of the problem, and why a page is refused, while the service's database is in quarantine."""

QUARANTINE_S = 60
"""``Retry-After`` while the database is in quarantine, seconds."""

_TITLES = {408: "Too much at once", 429: "Too many requests", 503: "Too much at once"}

_QUARANTINE = "Restored from a backup, not in use yet"

_NAMED = re.compile(r"(?:^|&)lang=([A-Za-z]{2})(?=[-_&]|$)")
_LONGEST_ACCEPTED = 200
"""Characters of the header that are looked at: who is not let in must cost little."""

TEXTS = Catalogue(Path(__file__).parent / "translations")
Why = Literal["busy", "too-many", "quarantine"]
"""The server is overloaded; this client exceeds its rate limit; the database was restored and is being checked."""

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
"""Anybody may frame it, as partners frame the form in whose place it stands: there is nothing in it to click."""

Header = tuple[str, str]


def retry_after_s() -> int:
    """Seconds after which somebody who is refused may come again."""
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
    accepted = environ.get("HTTP_ACCEPT_LANGUAGE", "")[:_LONGEST_ACCEPTED]
    return preferred_language(parse_accept_header(accepted, LanguageAccept)) or "en"


def busy_page(retry_after_s: int, language: str, why: Why = "busy") -> tuple[list[Header], bytes]:
    """Headers and body of a page in ``language`` that says why somebody is not let in."""
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
