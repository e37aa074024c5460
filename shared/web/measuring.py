"""Measures each request, ties it to a correlation id, and refuses what is too much before it costs anything."""

import re
import time
from collections.abc import Mapping
from types import MappingProxyType

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from shared.core.context import carried_trace, caused_by
from shared.core.metrics import http_inflight_requests, http_request_duration_seconds
from shared.core.spans import HTTP_REQUEST
from shared.core.tracing import is_tracing, span
from shared.web.arriving_body import longest
from shared.web.bodies import CONTROL_CHARACTER, refuse_many_fields

_CORRELATION = re.compile(r"[A-Za-z0-9_-]{8,64}")
CORRELATION_HEADER = "X-Correlation-Id"
OPERATIONS = "/-/"
"""Probes and what Prometheus reads: they have no spans."""


def measure(app: Flask, service: str, larger: Mapping[str, int] = MappingProxyType({})) -> None:
    """Register the hooks on ``app``; must come before every other hook.

    Args:
        app: to measure.
        service: its name.
        larger: see :func:`shared.web.arriving_body.longest`.
    """
    usual = app.config["MAX_CONTENT_LENGTH"]
    inflight = http_inflight_requests.labels(service)

    @app.before_request
    def begin() -> None:
        g.began_at = time.perf_counter()
        inflight.inc()
        headers = request.headers
        given, trace = headers.get(CORRELATION_HEADER, ""), carried_trace(headers.get("traceparent", ""))
        g.cause = caused_by(given if _CORRELATION.fullmatch(given) else "", trace)
        g.correlation_id = g.cause.__enter__()
        _begin_span(trace)
        if larger:
            request.max_content_length = request.max_form_memory_size = longest(request.path, usual, larger)
        if (request.content_length or 0) > (request.max_content_length or 0):
            raise RequestEntityTooLarge
        refuse_many_fields()
        if request.url_rule is not None and CONTROL_CHARACTER.search(request.path):
            raise NotFound

    @app.after_request
    def finish(response: Response) -> Response:
        if "began_at" not in g:
            return response
        response.headers[CORRELATION_HEADER] = g.correlation_id
        route = str(request.url_rule) if request.url_rule else "unknown"
        method = request.method if request.method in _METHODS else "other"
        http_request_duration_seconds.labels(service, route, method, f"{response.status_code // 100}xx").observe(
            time.perf_counter() - g.began_at
        )
        _say_status(response.status_code)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        _end_span()
        if "cause" in g:
            inflight.dec()
            g.pop("cause").__exit__(None, None, None)


def _begin_span(trace: str) -> None:
    """Begin the span of this request, in the trace that it names."""
    if not is_tracing() or request.path.startswith(OPERATIONS):
        return
    route = str(request.url_rule) if request.url_rule else "unknown"
    method = request.method if request.method in _METHODS else "other"
    said: dict[str, str | int] = {"http.request.method": method, "http.route": route}
    g.around = span(HTTP_REQUEST, f"{method} {route}", said, (trace,))
    g.span = g.around.__enter__()


def _say_status(status: int) -> None:
    if "span" in g:
        g.span.set({"http.response.status_code": status})
        if status >= 500:
            g.span.fail(str(status))


def _end_span() -> None:
    if "around" in g:
        g.pop("around").__exit__(None, None, None)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
