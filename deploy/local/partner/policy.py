"""The Content-Security-Policy of the partner's site, which is strict: only the two additions for Troika differ."""

from flask import Response

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "script-src {troika}; frame-src {troika}"
)
"""The two lines a partner adds to a strict policy are the last two; the rest is their own."""


def protect(response: Response, troika: str) -> Response:
    """Give a page of the site its headers.

    Args:
        response: the page.
        troika: public address of Troika.
    """
    response.headers["Content-Security-Policy"] = POLICY.format(troika=troika)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
