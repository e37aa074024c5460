"""Builds the web application: settings become engines, keys, write group and routes. No worker imports it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import Engine

from services.registration.api.blocked import blocked_blueprint
from services.registration.api.challenge import challenge_blueprint
from services.registration.api.cross_origin import opened
from services.registration.api.embed_pages import embed_blueprint
from services.registration.api.erasing import erasing_blueprint
from services.registration.api.forms import forms_blueprint
from services.registration.api.link_pages import link_blueprint
from services.registration.api.partners import partners_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.sealed import sealed_blueprint
from services.registration.api.tools import Tools
from services.registration.api.verify_pages import verify_blueprint
from services.registration.console.pages import console_blueprint
from services.registration.keys import build_form_keys
from services.registration.settings import RegistrationSettings
from services.registration.usecases.prepare import IntakeKeys
from services.registration.usecases.register import make_register
from services.registration.wiring import MIGRATIONS, NAME
from shared.core.clock import Clock, system_clock
from shared.forms.proof_of_work import proof_keys
from shared.store.checked_clock import CheckedClock, DatabaseTime, read_database_time
from shared.store.engine import open_engine
from shared.store.key_checks import KeyChecks
from shared.store.readiness import readiness
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.app import WebParts, make_app
from shared.web.console.frame import frame_blueprint
from shared.web.console.signing import make_sign_in
from shared.web.page_cache import CachedPages
from shared.web.trail import trail_blueprint

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PEOPLE = ("/v1/forms/", "/v1/challenge", "/embed/", "/r/", "/v/")
"""Forms and links: who comes by these is let in first."""

PUBLIC = ("/embed/",)
"""Forms and their files: the same for everybody."""


def open_intake_engine(url: str, *, pool_size: int = 1, pool_timeout_s: float = 2.0) -> Engine:
    """The write group's own connection (it runs one batch at a time): no export can keep it waiting.

    Its few statements look up single rows by index. Their plans are kept, and a plan made while the tables were small
    would read them whole for ever (measured: 5 ms a request at 20,000 registrations), so other plans are ruled out.
    """
    by_index_only = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
    kept = {"plan_cache_mode": "force_generic_plan"}
    return open_engine(
        url,
        pool_size=pool_size,
        pool_timeout_s=pool_timeout_s,
        application=f"troika-{NAME}-intake",
        server_settings=by_index_only | kept,
        pre_ping=False,
    )


def build_app(
    settings: RegistrationSettings,
    engine: Engine,
    intake: Engine | None = None,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
) -> Flask:
    """The web application on ``engine``; registrations are stored through ``intake``, or the same if None."""
    access, work = AccessFile(settings.common.access_file), UnitOfWork(engine, NAME)
    sign_in = make_sign_in(access, settings.common.signing_keys, work, clock, settings.common.deployment)
    tools = build_tools(settings, work, UnitOfWork(intake or engine, NAME), clock)
    keys = KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        operations=[
            forms_blueprint(tools),
            challenge_blueprint(tools),
            registrations_blueprint(tools),
            erasing_blueprint(tools),
            sealed_blueprint(tools),
            partners_blueprint(tools),
            trail_blueprint(NAME, work),
            blocked_blueprint(tools),
        ],
        pages=[
            embed_blueprint(tools),
            link_blueprint(tools),
            verify_blueprint(tools),
            frame_blueprint(sign_in),
            console_blueprint(work, clock, tools.keys.form_keys, settings.common.public_url),
        ],
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem),
        keys=keys,
        people=PEOPLE,
        crowded=_registers_into(tools.register.crowded),
        cached=CachedPages(PUBLIC, forget=tools.views.clear),
        clock=clock,
        around=lambda inner: opened(inner, tools.remembered_origins, tools.known_origins),
    )
    return make_app(parts, access, sign_in, settings.common.deployment)


def _registers_into(crowded: Callable[[], bool]) -> "Callable[[WSGIEnvironment], bool]":
    """Whether a request would have to wait too long to be stored.

    A form sent by a browser is let through: the write group refuses it then, and it is shown again as it was filled in.
    """

    def waits_too_long(environ: "WSGIEnvironment") -> bool:
        stores = environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/registrations")
        return stores and crowded() and "text/html" not in environ.get("HTTP_ACCEPT", "")

    return waits_too_long


def build_tools(settings: RegistrationSettings, work: UnitOfWork, intake: UnitOfWork, clock: Clock) -> Tools:
    """What the routes work with."""
    keys = IntakeKeys(settings.person_keys[0], settings.notifications_key, build_form_keys(settings))
    return Tools(
        work=work,
        clock=clock,
        keys=keys,
        register=make_register(intake, clock),
        organiser=settings.organiser,
        public_url=settings.common.public_url,
        proof_keys=proof_keys(settings.common.signing_keys, NAME),
    )
