"""Builds the web application: settings become engines, keys, intake and routes. No worker imports it."""

from functools import partial

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
from services.registration.api.receipts import receipts_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.tools import Tools
from services.registration.api.waiting_pages import waiting_blueprint
from services.registration.console.pages import console_blueprint
from services.registration.intake.service import Intake
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from services.registration.privacy.api import sealed_blueprint
from services.registration.privacy.form_keys import FormKeys
from services.registration.privacy.key_service import key_problem
from services.registration.settings import RegistrationSettings
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

PEOPLE = ("/v1/forms/", "/v1/challenge", "/v1/receipts/", "/embed/", "/receipts/", "/c/", "/r/")
"""Forms, receipts and links: who comes by these is let in first."""

PUBLIC = ("/embed/",)
"""Forms and their files: the same for everybody."""

INTAKE_CONNECTIONS = 8
"""To the database, of one process, for submissions alone: no export can keep them waiting."""


def open_intake_engine(url: str, *, pool_size: int = INTAKE_CONNECTIONS, pool_timeout_s: float = 2.0) -> Engine:
    """An engine for single statements: each is one round trip, committed when it returns."""
    return open_engine(
        url,
        pool_size=pool_size,
        pool_timeout_s=pool_timeout_s,
        application=f"troika-{NAME}-intake",
        pre_ping=False,
    )


def build_app(
    settings: RegistrationSettings,
    engine: Engine,
    intake: Engine | None = None,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
) -> Flask:
    """The web application on ``engine``; submissions are stored through ``intake``, or the same if None."""
    access, work = AccessFile(settings.common.access_file), UnitOfWork(engine, NAME)
    sign_in = make_sign_in(access, settings.common.signing_keys, work, clock, settings.common.deployment)
    tools = build_tools(settings, work, UnitOfWork(intake or engine, NAME), clock)
    keys = KeyChecks(work, settings.held_keys, NAME)
    form_keys = FormKeys(settings.form_keys_folder, settings.master_keys)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        operations=[
            forms_blueprint(tools),
            challenge_blueprint(tools),
            receipts_blueprint(tools),
            registrations_blueprint(tools),
            erasing_blueprint(tools),
            sealed_blueprint(work, clock, form_keys),
            partners_blueprint(tools),
            trail_blueprint(NAME, work),
            blocked_blueprint(tools),
        ],
        pages=[
            embed_blueprint(tools),
            waiting_blueprint(tools),
            link_blueprint(tools),
            frame_blueprint(sign_in),
            console_blueprint(work, clock, tools.messages, form_keys, settings.common.public_url),
        ],
        ready=readiness(
            work,
            MIGRATIONS,
            CheckedClock(clock, work, NAME, database_time),
            keys.problem,
            partial(key_problem, work, form_keys, NAME),
        ),
        keys=keys,
        people=PEOPLE,
        cached=CachedPages(PUBLIC, forget=tools.views.clear),
        clock=clock,
        around=lambda inner: opened(inner, tools.remembered_origins, tools.known_origins),
    )
    return make_app(parts, access, sign_in, settings.common.deployment)


def build_tools(settings: RegistrationSettings, work: UnitOfWork, intake: UnitOfWork, clock: Clock) -> Tools:
    """What the routes work with."""
    return Tools(
        work=work,
        clock=clock,
        intake=Intake(intake, settings.intake_keys[0]),
        references=References(settings.person_keys[0]),
        messages=RegistrationMessages(settings.notifications_key),
        proxies=settings.common.deployment.proxies,
        organiser=settings.organiser,
        public_url=settings.common.public_url,
        proof_keys=proof_keys(settings.intake_keys, NAME),
    )
