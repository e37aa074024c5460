"""CORS for a partner's own pages: exactly the origins of the form's partners, never credentials, never ``*``."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, request

View = TypeVar("View", bound=Callable[..., Any])

PREFLIGHT_KEPT_S = 600
ALLOWED_HEADERS = "Content-Type, Idempotency-Key"
SHOWN_HEADERS = "Retry-After, X-Correlation-Id"


def allow(response: Response, origins: tuple[str, ...]) -> Response:
    """Let the request's origin read ``response`` if it is one of ``origins``, compared to the letter."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = SHOWN_HEADERS
    return response


def with_preflight(view: View) -> View:
    """Leave ``OPTIONS`` of this route to the view that calls :func:`preflight`; Flask would answer it by itself."""
    view.provide_automatic_options = False  # type: ignore[attr-defined]  # read by Flask
    return view


def preflight(origins: tuple[str, ...], methods: str) -> Response:
    """The answer to a browser that asks before it sends."""
    response = allow(Response(status=204), origins)
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_S)
    return response
