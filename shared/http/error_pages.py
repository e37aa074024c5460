"""Pages for browsers in place of a problem: the service is busy or being restored, or a request has failed.

They are created without a template or a lookup, because many are sent under load, and need no second request. The
gateways have the same pages for what they refuse themselves (``deploy/gateway_pages.py``).
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import direction, named_language, preferred_language

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

QUARANTINE: Final = "quarantine"
"""Code of the problem, and why a page is refused, while the service's database is in quarantine."""

Why = Literal["busy", "too-many", "quarantine"]
"""Overload; a rate limit (:mod:`shared.security.rate_limits`); the database was restored and is being checked."""

TEXTS = Catalogue(Path(__file__).parent / "translations")

Header = tuple[str, str]

PAGE_TYPE = "text/html; charset=utf-8"

_NAMED = re.compile(r"(?:^|&)lang=([A-Za-z]{2})(?=[-_&]|$)")
_MAX_ACCEPT_LANGUAGE_LENGTH = 200
"""Characters of the header that are read: a refused request must cost little."""

_STYLE = (
    "body{margin:0;background:#f3f5f7;color:#17212b;overflow-wrap:break-word;"
    "font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic','Noto Sans SC',"
    "sans-serif}"
    "main{max-width:42rem;margin:0 auto;padding:1.25rem 1rem;background:#fff}"
    "h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:0}p+p{margin-top:.75rem}"
    "@media(min-width:46rem){main{margin:2.5rem auto;padding:1.75rem 2.5rem;"
    "border:1px solid #d5dce2;border-radius:12px}}"
    "@media(prefers-color-scheme:dark){:root{color-scheme:dark}body{background:#0e1318;color:#eef2f5}"
    "main{background:#161d24;border-color:#323d47}}"
)
"""The colours and letters of our other pages. In the page: a stylesheet would be one more request while there are too
many."""

_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BUSY_POLICY = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
"""Any page may frame it, as partners frame the form that it replaces: it has nothing to click."""

_TITLED = {404: "not-found", 413: "too-large", 500: "failed", 503: "away"}
"""Message ids of the pages of errors, by status; every other status has that of ``refused``."""


def is_browser(environ: "WSGIEnvironment") -> bool:
    """Whether a person opens the address, or sends a form to it, in a browser: only then is HTML asked for by name."""
    return "text/html" in environ.get("HTTP_ACCEPT", "")


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
    text = TEXTS.text("quarantine.text", language) if why == QUARANTINE else ""
    advice = text or TEXTS.plural(f"{why}.text", count, language, seconds=retry_after_s, minutes=minutes)
    html = _document(TEXTS.text(f"{why}.title", language), [advice], language)
    headers = uncached(html, PAGE_TYPE)
    return [*headers, ("Retry-After", str(retry_after_s)), *_page_headers(language, BUSY_POLICY)], html


def error_page(status: int, language: str, reference: str) -> tuple[list[Header], bytes]:
    """Headers and body of a page in ``language`` for an error.

    Args:
        status: the HTTP status, 400 or more.
        reference: correlation id of the request, shown where organisers can help with it; empty if there is none.
    """
    title, text = error_texts(status, language)
    lines = [text]
    if reference and status >= 500:
        lines.append(TEXTS.text("failed.reference", language, reference=reference))
    html = _document(title, lines, language)
    return [*uncached(html, PAGE_TYPE), *_page_headers(language, POLICY)], html


def error_texts(status: int, language: str) -> tuple[str, str]:
    """Title and text of the page for an error with ``status``."""
    name = _TITLED.get(status, "failed" if status > 500 else "refused")
    return TEXTS.text(f"{name}.title", language), TEXTS.text(f"{name}.text", language)


def uncached(body: bytes, content_type: str) -> list[Header]:
    """Headers of an answer that no cache may store."""
    return [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]


def _page_headers(language: str, policy: str) -> list[Header]:
    return [("Content-Security-Policy", policy), ("Content-Language", language)]


def _document(title: str, lines: Iterable[str], language: str) -> bytes:
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return page_html(escape(title), text, language, direction(language)).encode()


def page_html(title: str, content: str, language: str, direction: str) -> str:
    """The whole page; all four arguments are HTML, or variables of a gateway that expand to it."""
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
