"""Headers that every answer carries, and the stricter ones of pages with personal data."""

from flask import Flask, Response, g

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For JSON: nothing may load, nothing may frame it."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For our own pages: everything from our own origin, nothing inline, in nobody's frame."""


def secure_headers(app: Flask, *, https: bool) -> None:
    """Set the headers on each answer of ``app``; a view may have set its own policy before.

    Args:
        app: to guard.
        https: whether the public address is HTTPS (then browsers are told to stay on it).
    """

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        is_page = response.mimetype == "text/html"
        headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else API_POLICY)
        if "frame-ancestors 'none'" in headers["Content-Security-Policy"]:
            headers.setdefault("X-Frame-Options", "DENY")
        if https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if g.get("holder") is not None:
            headers.setdefault("Cache-Control", "no-store")
        return response


def personal(response: Response) -> Response:
    """Mark an answer that shows somebody's data: kept by no cache, its address told to nobody."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
