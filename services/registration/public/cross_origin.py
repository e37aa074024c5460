"""CORS for a partner's own pages: exactly the origins of the form's partners, never credentials, never ``*``."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

View = TypeVar("View", bound=Callable[..., Any])

OF_A_FORM = re.compile(r"/v1/forms/([^/]+)(?:/submissions|/schema)?")

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


def opened(
    inner: "WSGIApplication", remembered: Callable[[str], Collection[str]], known: Callable[[str], Collection[str]]
) -> "WSGIApplication":
    """``inner``, with what is answered outside of the views of forms readable for the same origins.

    A partner's own form would else see a fault of the network in place of what went wrong, and of when to come again.

    Args:
        inner: an application, with its door.
        remembered: origins that may use the form called so, without asking anybody: for when too much is going on.
        known: the same, asked for if need be.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        origin: str = environ.get("HTTP_ORIGIN", "")
        form = OF_A_FORM.fullmatch(environ["PATH_INFO"]) if origin else None
        if form is None:
            return inner(environ, start_response)
        slug = form[1]

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            if not any(name.lower() == "vary" and "origin" in value.lower() for name, value in headers):
                ask = remembered if status.startswith(("5", "408")) else known
                headers = [*headers, ("Vary", "Origin")]
                if origin in ask(slug):
                    shown = ("Access-Control-Expose-Headers", SHOWN_HEADERS)
                    headers += [("Access-Control-Allow-Origin", origin), shown]
            return start_response(status, headers, *failure)

        return inner(environ, start)

    return answer
