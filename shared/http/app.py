"""Flask application of a service: middleware, hooks, errors, headers, health probes, request metrics, in one order."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from shared.db.quarantine import QuarantineWatch
from shared.http.access import NoSession, guard, holder_if_any, public
from shared.http.admission import AdmissionMiddleware, KnownCallers, max_body_bytes
from shared.http.gates import QUARANTINE_WATCH, QuarantineGate, require_keys
from shared.http.headers import secure_headers
from shared.http.openapi import document_blueprint, made_once
from shared.http.page_cache import PAGE_CACHE, CachedPages, PageCache
from shared.http.problems import handle_problems, refuse_too_many
from shared.http.request_data import (
    CONTROL_CHARACTER,
    FORM_TYPES,
    MAX_FIELDS,
    MAX_FORM_VALUES,
    refuse_many_fields,
    refuse_unknown_parameters,
)
from shared.http.sign_in import KeyHolders, cookie_name
from shared.runtime.clock import Clock, system_clock
from shared.runtime.deployment import AdmissionLimits, Deployment, Network, is_direct, running_commit, running_version
from shared.runtime.logs import carried_trace, caused_by
from shared.runtime.metrics import build_info, http_inflight_requests, http_request_duration_seconds
from shared.runtime.tracing import HTTP_REQUEST, is_tracing, span
from shared.security.keys import KeyChecks
from shared.security.rate_limits import Limits, limit_views

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_CORRELATION = re.compile(r"[A-Za-z0-9_-]{8,64}")
CORRELATION_HEADER = "X-Correlation-Id"
OPERATIONS = "/-/"
"""Probes and what Prometheus reads: they have no spans."""


def measure(
    app: Flask, service: str, larger: Mapping[str, int] = MappingProxyType({}), filled_forms: tuple[str, ...] = ()
) -> None:
    """Register the hooks on ``app``; must come before every other hook.

    Args:
        service: its name.
        larger: a larger limit, in bytes, by beginning of paths, see :func:`shared.http.admission.max_body_bytes`.
        filled_forms: the beginnings of paths that take filled-in forms, see :class:`WebParts`.
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
        _limit_body(usual, larger, filled_forms)
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
        _set_span_status(response.status_code)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        _end_span()
        if "cause" in g:
            inflight.dec()
            g.pop("cause").__exit__(None, None, None)


def _limit_body(usual: int, larger: Mapping[str, int], filled_forms: tuple[str, ...]) -> None:
    """Set how long the body may be, and how many values a form may have; refuse what is larger."""
    is_filled = request.path.startswith(filled_forms) and request.mimetype in FORM_TYPES
    most = MAX_FORM_BYTES if is_filled else max_body_bytes(request.path, usual, larger)
    request.max_content_length = request.max_form_memory_size = most
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    refuse_many_fields(MAX_FORM_VALUES if is_filled else MAX_FIELDS)


def _begin_span(trace: str) -> None:
    """Begin the span of this request, in the trace that it names."""
    if not is_tracing() or request.path.startswith(OPERATIONS):
        return
    route = str(request.url_rule) if request.url_rule else "unknown"
    method = request.method if request.method in _METHODS else "other"
    attributes: dict[str, str | int] = {"http.request.method": method, "http.route": route}
    g.around = span(HTTP_REQUEST, f"{method} {route}", attributes, (trace,))
    g.span = g.around.__enter__()


def _set_span_status(status: int) -> None:
    if "span" in g:
        g.span.set({"http.response.status_code": status})
        if status >= 500:
            g.span.fail(str(status))


def _end_span() -> None:
    if "around" in g:
        g.pop("around").__exit__(None, None, None)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def health_blueprint(service: str, ready: Callable[[], Sequence[str]], monitors: tuple[Network, ...]) -> Blueprint:
    """Routes below ``/-/<service>/`` (and below ``/-/`` where the service runs alone).

    Figures reveal more than they seem to: a person who submits an address and sees which counter changes can infer
    whether it was registered. So Prometheus reads them directly, from the networks ``monitors``; a request through a
    gateway needs an operator's key.
    """
    blueprint = Blueprint(f"{service}-health", __name__, url_prefix=f"/-/{service}")
    build_info.labels(service, running_version()).set(1)

    @blueprint.get("/livez")
    @public
    def livez() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @blueprint.get("/readyz")
    @public
    def readyz() -> Response:
        problems = ready()
        lines = ["not ready", *problems] if problems else ["ok"]
        return Response("\n".join([*lines, ""]), status=503 if problems else 200, mimetype="text/plain")

    @blueprint.get("/version")
    @public
    def show_version() -> Response:
        return jsonify(service=service, version=running_version(), commit=running_commit())

    @blueprint.get("/metrics")
    @public
    def metrics() -> Response:
        if not is_direct(request.environ, monitors) and holder_if_any("operator") is None:
            raise NotFound
        registry: CollectorRegistry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint


MAX_BODY_BYTES = 64 * 1024
"""A filled form is a few kilobytes. More is refused before it is read, except on paths where a service allows it."""

MAX_FORM_BYTES = 256 * 1024
"""Of a filled form that a browser sends without a script: a Chinese character has nine bytes there, three in JSON."""


DOCUMENTS = "/openapi/"
"""Beginning of the paths, on the coordinators' host, of the description of each service's interface."""

SIGN_IN = "troika.sign_in"
"""The console's cookie among the application's extensions."""


class PlainFlask(Flask):
    """Flask without the check, at each call of each hook and view, for a coroutine: we have none."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """``func`` as it is."""
        return func


@dataclass(frozen=True, slots=True)
class WebParts:
    """What a service brings to its application.

    Attributes:
        service: its name.
        title: the title of its OpenAPI document.
        operations: flask-smorest blueprints, which the document lists.
        pages: plain blueprints, which do not.
        ready: why it cannot work now; nothing if it can.
        larger_bodies: beginnings of paths that take more than a filled form, and how much, bytes.
        filled_forms: beginnings of paths to which browsers send forms that people have filled in: their form-encoded
            bodies have up to ``MAX_FORM_BYTES`` and ``MAX_FORM_VALUES``.
        people: beginnings of the paths of those who register: they are admitted first.
        links: beginnings of the paths of people's links.
        cached: which pages are public and cached for a short time.
        clock: the source of the current time.
        keys: the checks of the process's keys: nothing is answered before they fit.
        around: wraps the application and its admission control, so that each answer passes it.
        examples: files with examples for the OpenAPI document.
        quarantine: reports whether the database is in quarantine; None for an application without a database.
        paused: path prefixes that answer 503 in quarantine even for reading.
        gated: whole paths that answer an outage themselves, and whose writing transactions are gated.
        rates: usual rate of each kind of request that is limited, for one client network.
        statuses: status of a problem by its code, for the codes that only this service raises; see
            :func:`shared.http.problems.handle_problems`.
        signing: paths by which people sign in and out: they work in quarantine.
    """

    service: str
    title: str
    operations: Sequence[Any]
    pages: Sequence[Blueprint]
    ready: Callable[[], Sequence[str]]
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    filled_forms: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    cached: CachedPages = field(default_factory=CachedPages)
    clock: Clock = system_clock
    keys: KeyChecks | None = None
    around: "Callable[[WSGIApplication], WSGIApplication] | None" = None
    examples: Sequence[Path] = ()
    quarantine: QuarantineWatch | None = None
    paused: tuple[str, ...] = ()
    gated: re.Pattern[str] | None = None
    rates: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    signing: frozenset[str] = frozenset()


def make_app(parts: WebParts, holders: KeyHolders | None, deployment: Deployment) -> Flask:
    """The application of one service.

    Args:
        parts: its routes.
        holders: the holders of keys; None for an application that only the public calls.
        deployment: where it runs.
    """
    app = PlainFlask(parts.service, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=MAX_FIELDS,
        PROPAGATE_EXCEPTIONS=False,
        PREFERRED_URL_SCHEME="https" if deployment.https else "http",
    )
    measure(app, parts.service, parts.larger_bodies, parts.filled_forms)
    _put_behind_a_quarantine_gate(app, parts)  # a body may take ten seconds to arrive, in which a database is restored
    _add_admission_control(app, parts, holders, deployment)
    if parts.cached.below:
        pages = PageCache(app.wsgi_app, parts.service, parts.cached, (*parts.people, *parts.links), parts.clock)
        app.extensions[PAGE_CACHE] = pages
        app.wsgi_app = pages  # type: ignore[method-assign]  # the place Flask names for this
    _put_behind_a_quarantine_gate(app, parts)
    if parts.around is not None:
        app.wsgi_app = parts.around(app.wsgi_app)  # type: ignore[method-assign,assignment]  # the place Flask names for this
    secure_headers(app, https=deployment.https)
    handle_problems(app, parts.statuses)
    if parts.keys is not None:
        require_keys(app, parts.service, parts.keys)
    if holders is None:
        guard(app, None, NoSession())
    else:
        app.extensions[SIGN_IN] = holders.sign_in
        guard(app, holders.access, holders.sign_in)
    refuse_unknown_parameters(app)
    for blueprint in (*parts.operations, *parts.pages):
        app.register_blueprint(blueprint)
    app.register_blueprint(health_blueprint(parts.service, parts.ready, deployment.monitors))
    _add_document(app, parts, for_coordinators=holders is not None, https=deployment.https)
    limits = Limits(parts.service, deployment.limits, deployment.proxies, rates=parts.rates)
    limit_views(app, limits, refuse_too_many)
    return app


def _add_document(app: Flask, parts: WebParts, *, for_coordinators: bool, https: bool) -> None:
    """The OpenAPI document beside the health probes and, ``for_coordinators``, on their host too."""
    made = made_once(parts.title, parts.operations, cookie_name(secure=https), parts.examples)
    blueprint = document_blueprint(parts.service, made)
    app.register_blueprint(blueprint)
    if for_coordinators:
        app.register_blueprint(blueprint, name="document-for-coordinators", url_prefix=f"{DOCUMENTS}{parts.service}")


def _put_behind_a_quarantine_gate(app: Flask, parts: WebParts) -> None:
    if parts.quarantine is not None:
        app.extensions[QUARANTINE_WATCH] = parts.quarantine
        app.wsgi_app = QuarantineGate(  # type: ignore[method-assign]  # the place Flask names for this
            app.wsgi_app, parts.quarantine, parts.signing, parts.paused, parts.gated
        )


def _add_admission_control(app: Flask, parts: WebParts, holders: KeyHolders | None, deployment: Deployment) -> None:
    """Inside of what sets the headers, so that a refusal has them too, and around all else."""
    app.wsgi_app = AdmissionMiddleware(  # type: ignore[method-assign]  # the place Flask names for this
        app.wsgi_app,
        parts.service,
        parts.people,
        AdmissionLimits(),
        proxies=deployment.proxies,
        max_bytes=MAX_BODY_BYTES,
        larger={**parts.larger_bodies, **dict.fromkeys(parts.filled_forms, MAX_FORM_BYTES)},
        pages=parts.cached.below,
        known=KnownCallers() if holders is None else KnownCallers(holders.sign_in.is_genuine),
        signing=parts.signing,
        links=parts.links,
    )
