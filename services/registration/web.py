"""Builds the web applications: settings become engines, keys, intake and routes. No worker imports it.

There are three, each with the keys and rights that its routes need: ``forms`` (forms and receipts), ``own`` (pages of
links) and ``desk`` (console and the coordinators' interface). ``web`` is all three in one process. gunicorn calls
``application`` in each of its workers, after the fork.
"""

# size: constructs the application from every feature

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine

from services import EXAMPLE_VALUES
from services.console_pages import SIGNING
from services.registration.desk import LARGER_BODIES, Routes, add_desk
from services.registration.forms.api import add_form_administration
from services.registration.forms.changes import FormsContext
from services.registration.intake.form_view import decider_key_problem
from services.registration.intake.service import Intake
from services.registration.key_stores import form_keys, keys_engine
from services.registration.own.address_routes import address_blueprint
from services.registration.own.answers_routes import answers_blueprint
from services.registration.own.commands import link_access
from services.registration.own.confirmation_routes import confirmation_blueprint
from services.registration.own.limited_routes import limited_blueprint
from services.registration.own.managing_routes import managing_blueprint
from services.registration.own.my_data import my_data_blueprint
from services.registration.people.api import registrations_blueprint
from services.registration.people.messages import RegistrationMessages
from services.registration.people.seats import PeopleContext, add_seats
from services.registration.people.waiting_list import promoting
from services.registration.public.api import add_public_forms, challenge_blueprint
from services.registration.public.context import PublicContext
from services.registration.public.form_pages import embed_blueprint
from services.registration.public.my_registrations import my_registrations_blueprint
from services.registration.public.receipts import receipt_pages_blueprint, receipts_blueprint
from services.registration.public.submissions import opened
from services.registration.rights import DESK, FORMS, OWN, UNITED, WEB
from services.registration.settings import RATES, RegistrationSettings, read_settings
from services.registration.wiring import MIGRATIONS, NAME
from shared.cli.settings import open_web_engine
from shared.db.engine import open_engine
from shared.db.quarantine import QuarantineWatch
from shared.db.readiness import ClockComparison, DatabaseTime, read_database_time, readiness
from shared.db.unit_of_work import UnitOfWork
from shared.http.app import WebParts, make_app
from shared.http.page_cache import CachedPages
from shared.http.request_data import Blueprint
from shared.public_forms.proof_of_work import proof_keys
from shared.runtime.clock import Clock, system_clock
from shared.runtime.deployment import Deployment
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing
from shared.security.keys import KeyChecks

PEOPLE = ("/v1/forms/", "/v1/challenge", "/v1/receipts/", "/embed/", "/receipts/")
"""Forms and receipts: their requests are admitted first."""

LINKS = ("/my", "/c/", "/r/", "/v/", "/j/", "/console/invitation/")
"""People's links, and the page that sends them."""

PAUSED = ("/embed/", "/v1/challenge", "/v1/receipts/", "/receipts/", "/my", "/c/", "/r/", "/v/", "/j/")
"""Path prefixes that answer 503 even for reading in quarantine: their content may be older than people's mails."""

GATED = re.compile(r"/v1/forms/[^/]+/submissions|/embed/[^/]+|/my|/c/[^/]+/forms/[^/]+|/r/[^/]+/(answers|details)")
"""Submissions and changed answers, also of plain forms, which answer an outage with what was typed. Gated transactions
store them."""

FILLED_FORMS = ("/v1/forms/", "/embed/", "/c/", "/r/")
"""Forms that people fill in: to send them, to change their language, behind a confirmation and a managing link."""

PUBLIC = ("/embed/",)
"""Forms and their files: the same for everyone."""

PROBLEM_STATUSES = {
    "not-allowed": 403,
    "undecided": 503,
    "form-unknown": 404,
    "unknown-cursor": 400,
    "idempotency-mismatch": 422,
    "reason-needed": 422,
    "closing-before-opening": 422,
    "unknown-partner": 422,
    "too-many-origins": 422,
    "sealed-gone": 410,
    "list-expired": 410,
    "purpose-unknown": 422,
    "too-many-people": 422,
    "too-many-readings": 429,
    "file-refused": 422,
    "bad-mapping": 422,
    "bad-choice": 422,
    "invalid-access": 422,
}
"""Status of a problem by its code, for the codes that only this service raises; 409 for all others."""

INTAKE_CONNECTIONS = 8
"""Database connections of one process, for submissions only: no export can keep them waiting."""


def open_intake_engine(url: str) -> Engine:
    """An engine for single statements: each is one round trip, committed when it returns."""
    return open_engine(
        url,
        pool_size=INTAKE_CONNECTIONS,
        pool_timeout_s=2.0,
        application=f"troika-{NAME}-intake",
        pre_ping=False,
    )


def build_app(
    settings: RegistrationSettings,
    engine: Engine,
    intake: Engine | None = None,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
    keys_database: Engine | None = None,
) -> Flask:
    """Return the web application of the kind of process that ``settings`` are for.

    Args:
        settings: the settings of ``forms``, ``own``, ``desk`` or ``web``.
        engine: the engine on the service's database.
        intake: the engine for storing submissions; ``engine`` if None.
        clock: the source of the current time.
        database_time: a function that reads the database's clock.
        keys_database: the engine on the keys database, for ``desk`` and ``web`` if ``settings`` name one.
    """
    kinds = UNITED[WEB] if settings.common.process == WEB else (settings.common.process,)
    work = UnitOfWork(engine, NAME)
    intake_work = UnitOfWork(intake or engine, NAME)
    watch = QuarantineWatch(intake_work, NAME)
    deployment = settings.common.deployment_with((settings.common.signing_keys or settings.intake_keys)[0])
    gated = intake_work.gated(watch.require_none)
    context = _public_context(settings, work, gated, clock) if kinds != (DESK,) else None
    routes = _routes(settings, kinds, work, clock, context, deployment, keys_database)
    clocks, keys = ClockComparison(clock, work, NAME, database_time), KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        examples=(Path(__file__).with_name("examples.json"), EXAMPLE_VALUES),
        operations=routes.operations,
        pages=routes.pages,
        ready=readiness(work, MIGRATIONS, clocks.problem, keys.problem, *routes.checks),
        keys=keys,
        people=PEOPLE,
        links=LINKS,
        cached=CachedPages(PUBLIC, forget=context.views.clear) if context is not None else CachedPages(),
        clock=clock,
        around=_cross_origin(context),
        quarantine=watch,
        paused=PAUSED,
        gated=GATED,
        statuses=PROBLEM_STATUSES,
        signing=SIGNING,
        rates=RATES,
        larger_bodies=LARGER_BODIES if DESK in kinds else {},
        filled_forms=FILLED_FORMS if context is not None else (),
    )
    return make_app(parts, routes.holders, deployment)


def _cross_origin(context: PublicContext | None) -> Callable[[Any], Any] | None:
    if context is None:
        return None
    return lambda inner: opened(inner, context.remembered_origins, context.known_origins)


def _routes(
    settings: RegistrationSettings,
    kinds: Sequence[str],
    work: UnitOfWork,
    clock: Clock,
    context: PublicContext | None,
    deployment: Deployment,
    keys_database: Engine | None,
) -> Routes:
    """The routes of ``kinds``: those of a form or a registration are one blueprint, for all callers."""
    forms = Blueprint("forms", "forms", url_prefix="/v1/forms", description="Forms and submitting them")
    routes = Routes([forms])
    links = people = None
    if FORMS in kinds and context is not None:
        add_public_forms(forms, context)
        routes.operations += [challenge_blueprint(context), receipts_blueprint(context)]
        routes.pages += [
            embed_blueprint(context),
            receipt_pages_blueprint(context),
            my_registrations_blueprint(context),
        ]
        routes.checks.append(partial(decider_key_problem, work))
    if OWN in kinds and context is not None:
        links = link_access(context)
        routes.pages += [
            confirmation_blueprint(context),
            managing_blueprint(context),
            address_blueprint(context),
            answers_blueprint(context),
        ]
        routes.pages += [my_data_blueprint(context), limited_blueprint(context)]
    if DESK in kinds:
        people = PeopleContext(work, clock, RegistrationMessages(settings.notifications_key, settings.events_key))
    if links is not None or people is not None:
        routes.operations.append(registrations_blueprint(links, people))
    if people is not None:
        forms_context = FormsContext(work, clock, promoting(people.messages), _forgetting(context))
        add_form_administration(forms, forms_context)
        add_seats(forms, people)
        add_desk(routes, settings, forms_context, people.messages, deployment, form_keys(settings, keys_database))
    return routes


def _public_context(
    settings: RegistrationSettings, work: UnitOfWork, intake: UnitOfWork, clock: Clock
) -> PublicContext:
    return PublicContext(
        work=work,
        clock=clock,
        intake=Intake(intake, settings.intake_keys[0]),
        proxies=settings.common.proxies,
        organiser=settings.organiser,
        public_url=settings.common.public_url,
        mails_an_hour=settings.confirmation_mails_an_hour,
        proof_keys=proof_keys(settings.intake_keys, NAME),
    )


def _forgetting(context: PublicContext | None) -> Callable[[str], object]:
    """The callback that makes this process's public routes, if any, read a form again."""
    return lambda slug: context.views.pop(slug, None) if context is not None else None


def application(process: str = WEB) -> Flask:
    """The application with its own engines.

    Args:
        process: the kind of process, see :mod:`services.registration.rights`.
    """
    configure_logs(NAME, process)
    settings = read_settings(process)
    start_tracing(NAME, process, settings.common.otlp_url)
    intake = open_intake_engine(settings.common.database_url)
    return build_app(settings, open_web_engine(settings.common), intake, keys_database=keys_engine(settings))
