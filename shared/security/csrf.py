"""CSRF protection: refuses state-changing requests that another site made the browser send."""

from collections.abc import Collection

from flask import current_app, request
from werkzeug.exceptions import Forbidden

from shared.runtime.logs import CROSS_SITE_REFUSED, record_security_event


def check_csrf() -> None:
    """For a form without a key in it: only our own pages may send it.

    Raises:
        Forbidden: another site made the browser send this request.
    """
    if _is_from_another_site():
        record_security_event(CROSS_SITE_REFUSED, route=str(request.url_rule))
        raise Forbidden


def check_csrf_unless_from(allowed: Collection[str]) -> None:
    """For a form that the pages of some origins may send too, and programs: no other page may.

    A request without ``Origin`` and Fetch Metadata is no browser's. Browsers without Fetch Metadata send ``null`` from
    our own pages too, since those send no referrer.

    Args:
        allowed: origins beside our own.

    Raises:
        Forbidden: another site made the browser send this request.
    """
    origin = request.headers.get("Origin")
    is_program = origin in (None, "null") and "Sec-Fetch-Site" not in request.headers
    if origin not in allowed and not is_program:
        check_csrf()


def _is_from_another_site() -> bool:
    """Whether another site made the browser send this (Fetch Metadata; ``Origin`` where a browser lacks it).

    The gateway takes HTTPS off, so the scheme is that of the public address and not the one of this connection.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    scheme = current_app.config["PREFERRED_URL_SCHEME"]
    return request.headers.get("Origin") != f"{scheme}://{request.host}"
