"""The only module that builds things: settings become engines, keys, write group, application, command line."""

from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, text

from services.registration.api.embed_pages import embed_blueprint
from services.registration.api.forms import forms_blueprint
from services.registration.api.link_pages import link_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.tools import Tools
from services.registration.console.pages import console_blueprint
from services.registration.messaging import effects
from services.registration.settings import RegistrationSettings, read_settings
from services.registration.store.form_keys import FormKeys
from services.registration.usecases.prepare import IntakeKeys
from services.registration.usecases.register import make_register
from shared.core.clock import Clock, system_clock
from shared.core.errors import Unavailable
from shared.process.service import Service
from shared.store.inbox import Effect
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.app import WebParts, make_app
from shared.web.console.frame import frame_blueprint
from shared.web.signing_in import SignIn

NAME = "registration"
MIGRATIONS = Path(__file__).parent / "migrations"


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda: read_settings().common,
        effects=_effects,
        app=lambda engine: build_app(read_settings(), engine),
    )


def build_app(settings: RegistrationSettings, engine: Engine, clock: Clock = system_clock) -> Flask:
    """The web application on ``engine``."""
    work = UnitOfWork(engine, NAME)
    access = AccessFile(settings.common.access_file)
    sign_in = SignIn(access, settings.common.signing_keys[0], secure=settings.common.https)
    tools = build_tools(settings, work, clock)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        operations=[forms_blueprint(tools), registrations_blueprint(tools)],
        pages=[embed_blueprint(tools), link_blueprint(tools), frame_blueprint(sign_in), console_blueprint(work)],
        ready=lambda: _ready(work),
    )
    return make_app(parts, access, sign_in, https=settings.common.https)


def build_tools(settings: RegistrationSettings, work: UnitOfWork, clock: Clock) -> Tools:
    """What the routes work with."""
    keys = IntakeKeys(settings.person_keys[0], settings.notifications_key, build_form_keys(settings))
    return Tools(
        work=work,
        clock=clock,
        keys=keys,
        register=make_register(work, clock),
        organiser=settings.organiser,
    )


def build_form_keys(settings: RegistrationSettings) -> FormKeys:
    """The keys of sealed answers."""
    return FormKeys(settings.form_keys_folder, settings.master_keys)


def _effects(_work: UnitOfWork) -> Mapping[str, Effect]:
    return effects()


def _ready(work: UnitOfWork) -> bool:
    try:
        with work.transaction() as connection:
            return bool(connection.execute(text("SELECT to_regclass('outbox') IS NOT NULL")).scalar())
    except Unavailable:
        return False
