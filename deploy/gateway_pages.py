"""Pages for browsers of what a gateway refuses itself, in the reader's language: the same text as the services have.

A gateway chooses the language by an expression: that of the address (``lang=``), else the first one of the browser.
"""

from collections.abc import Mapping, Sequence
from html import escape

from shared.http.error_pages import POLICY, error_texts, page_html
from shared.http.headers import refusal_headers
from shared.i18n.languages import LANGUAGES, direction

PAGES: Mapping[int, str] = {404: "not_found", 413: "too_large", 503: "away"}
"""Name of each page, by status. 404: no service has the path. 413: the body. 503: no process answers."""


def texts(status: int) -> Mapping[str, Sequence[str]]:
    """Direction, title and text of the page for ``status`` by language, English first, as HTML."""
    return {
        language: [direction(language), *(escape(text) for text in error_texts(status, language))]
        for language in LANGUAGES
    }


def pattern(language: str) -> str:
    """A pattern for ``lang``, a comma and ``Accept-Language`` that request ``language``."""
    return f"^,?{language}"


def page_with(language: str, direction: str, title: str, text: str) -> str:
    """The page, with a gateway's variables in place of what depends on the language."""
    return page_html(title, f"<p>{text}</p>", language, direction)


def page_headers(*, https: bool) -> Sequence[tuple[str, str]]:
    """Headers of the page, but its language."""
    return [*refusal_headers(https=https, policy=POLICY), ("Vary", "Accept, Accept-Language")]
