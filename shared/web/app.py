"""Makes a service's Flask application: the same order of hooks, errors, headers and documents everywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask

from shared.core.clock import Clock, system_clock
from shared.core.deployment import Deployment
from shared.store.key_checks import KeyChecks
from shared.store.quarantine import QuarantineWatch
from shared.web.access import Access, guard
from shared.web.admission import Door
from shared.web.bodies import MOST_FIELDS
from shared.web.browser_session import NoSession
from shared.web.busy_page import refuse_too_many
from shared.web.document.making import made_once
from shared.web.document.routes import document_blueprint
from shared.web.headers import secure_headers
from shared.web.health import health_blueprint
from shared.web.key_gate import require_keys
from shared.web.limits import Limits, limit_views
from shared.web.measuring import measure
from shared.web.page_cache import PAGE_CACHE, CachedPages, PageCache
from shared.web.problems import handle_problems
from shared.web.quarantine_gate import QUARANTINE_WATCH, QuarantineGate
from shared.web.query_parameters import refuse_unknown_parameters
from shared.web.signing_in import SignIn

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BODY_BYTES = 64 * 1024
"""A filled form is a few kilobytes; more is refused before it is read, but where a service takes more on a path."""


SIGN_IN = "troika.sign_in"
"""The console's cookie among the application's extensions."""


class PlainFlask(Flask):
    """Flask without a look, at each call of each hook and view, whether it might be a coroutine: none of ours is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """``func`` as it is."""
        return func


@dataclass(frozen=True, slots=True)
class WebParts:
    """What a service brings to its application.

    Attributes:
        service: its name.
        title: of its OpenAPI document.
        operations: flask-smorest blueprints, which stand in the document.
        pages: plain blueprints, which do not.
        ready: why it cannot work now; nothing if it can.
        larger_bodies: beginnings of paths that take more than a filled form, and how much, bytes.
        people: beginnings of the paths of those who register: they are let in first.
        cached: which pages are public and kept for a moment.
        clock: of the project.
        keys: the checks of the process's keys: nothing is answered before they fit.
        around: put around the application and its door, where each answer passes.
        examples: file with examples for the OpenAPI document.
        quarantine: reports whether the database is in quarantine; None for an application without a database.
        paused: path prefixes that answer 503 in quarantine even for reading.
        rates: usual rate of each kind of request that is limited, for one client network.
    """

    service: str
    title: str
    operations: Sequence[Any]
    pages: Sequence[Blueprint]
    ready: Callable[[], Sequence[str]]
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    cached: CachedPages = field(default_factory=CachedPages)
    clock: Clock = system_clock
    keys: KeyChecks | None = None
    around: "Callable[[WSGIApplication], WSGIApplication] | None" = None
    examples: Path | None = None
    quarantine: QuarantineWatch | None = None
    paused: tuple[str, ...] = ()
    rates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyHolders:
    """Who may call what needs a role.

    Attributes:
        access: holders of keys.
        sign_in: the console's cookie.
    """

    access: Access
    sign_in: SignIn


def make_app(parts: WebParts, holders: KeyHolders | None, deployment: Deployment) -> Flask:
    """The application of one service.

    Args:
        parts: its routes.
        holders: of keys; None for an application that only the public calls.
        deployment: where it stands.
    """
    app = PlainFlask(parts.service, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=MOST_FIELDS,
        PROPAGATE_EXCEPTIONS=False,
        PREFERRED_URL_SCHEME="https" if deployment.https else "http",
    )
    measure(app, parts.service, parts.larger_bodies)
    _put_behind_a_quarantine_gate(app, parts)  # a body may take ten seconds to arrive, in which a database is restored
    _put_behind_a_door(app, parts, deployment)
    if parts.cached.below:
        pages = PageCache(app.wsgi_app, parts.service, parts.cached, parts.people, parts.clock)
        app.extensions[PAGE_CACHE] = pages
        app.wsgi_app = pages  # type: ignore[method-assign]  # the place Flask names for this
    _put_behind_a_quarantine_gate(app, parts)
    if parts.around is not None:
        app.wsgi_app = parts.around(app.wsgi_app)  # type: ignore[method-assign,assignment]  # the place Flask names for this
    secure_headers(app, https=deployment.https)
    handle_problems(app)
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
    app.register_blueprint(health_blueprint(parts.service, parts.ready))
    app.register_blueprint(document_blueprint(parts.service, made_once(parts.title, parts.operations, parts.examples)))
    limits = Limits(parts.service, deployment.limits, deployment.proxies, rates=parts.rates)
    limit_views(app, limits, refuse_too_many)
    return app


def _put_behind_a_quarantine_gate(app: Flask, parts: WebParts) -> None:
    if parts.quarantine is not None:
        app.extensions[QUARANTINE_WATCH] = parts.quarantine
        app.wsgi_app = QuarantineGate(app.wsgi_app, parts.quarantine, parts.paused)  # type: ignore[method-assign]  # the place Flask names for this


def _put_behind_a_door(app: Flask, parts: WebParts, deployment: Deployment) -> None:
    """Inside of what sets the headers, so that a refusal has them too, and around all else."""
    app.wsgi_app = Door(  # type: ignore[method-assign]  # the place Flask names for this
        app.wsgi_app,
        parts.service,
        parts.people,
        deployment.bounds,
        proxies=deployment.proxies,
        most_bytes=MAX_BODY_BYTES,
        larger=parts.larger_bodies,
        pages=parts.cached.below,
    )
