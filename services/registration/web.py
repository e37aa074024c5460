"""Builds the web applications: settings become engines, keys, intake and routes. No worker imports it.

There are three, each with the keys and rights that its routes need: ``forms`` (forms and receipts), ``own`` (pages of
links) and ``desk`` (console and the coordinators' interface). ``web`` is all three in one process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Flask
from sqlalchemy import Engine

from services.registration.api.blocked import blocked_blueprint
from services.registration.api.challenge import challenge_blueprint
from services.registration.api.cross_origin import opened
from services.registration.api.embed_pages import embed_blueprint
from services.registration.api.erasing import erasing_blueprint
from services.registration.api.forms import forms_blueprint
from services.registration.api.link_pages import link_blueprint
from services.registration.api.partners import partners_blueprint
from services.registration.api.receipts import receipt_pages_blueprint, receipts_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.tools import DeskTools, Tools
from services.registration.api.waiting_pages import waiting_blueprint
from services.registration.console.pages import console_blueprint
from services.registration.intake.service import Intake
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from services.registration.privacy.api import sealed_blueprint
from services.registration.privacy.form_keys import FormKeys
from services.registration.privacy.key_service import key_problem
from services.registration.rights import DESK, FORMS, OWN, UNITED, WEB
from services.registration.settings import RegistrationSettings
from services.registration.usecases.look_up import decider_key_problem
from services.registration.wiring import MIGRATIONS, NAME
from shared.core.clock import Clock, system_clock
from shared.core.deployment import Deployment
from shared.forms.proof_of_work import proof_keys
from shared.store.checked_clock import CheckedClock, DatabaseTime, read_database_time
from shared.store.engine import open_engine
from shared.store.key_checks import KeyChecks
from shared.store.readiness import Check, readiness
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.app import KeyHolders, WebParts, make_app
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


@dataclass(frozen=True, slots=True)
class Routes:
    """Attributes:
    operations: blueprints that stand in the OpenAPI document.
    pages: blueprints that do not.
    checks: why the process is not ready, beyond database, clock and keys.
    holders: of keys, if any route needs one.
    """

    operations: Sequence[Any]
    pages: Sequence[Blueprint]
    checks: Sequence[Check] = ()
    holders: KeyHolders | None = None


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
    """The web application of the kind of process that ``settings`` are of.

    Args:
        settings: of ``forms``, ``own``, ``desk`` or ``web``.
        engine: on the service's database.
        intake: by which submissions are stored; the same as ``engine`` if None.
        clock: of the project.
        database_time: how the database's clock is read.
    """
    kinds = UNITED[WEB] if settings.common.process == WEB else (settings.common.process,)
    work = UnitOfWork(engine, NAME)
    deployment = settings.common.deployment_with((settings.common.signing_keys or settings.intake_keys)[0])
    tools = _public_tools(settings, work, UnitOfWork(intake or engine, NAME), clock) if kinds != (DESK,) else None
    routes = _routes(settings, kinds, work, clock, tools, deployment)
    keys = KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        operations=routes.operations,
        pages=routes.pages,
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem, *routes.checks),
        keys=keys,
        people=PEOPLE,
        cached=CachedPages(PUBLIC, forget=tools.views.clear) if tools is not None else CachedPages(),
        clock=clock,
        around=_cross_origin(tools),
    )
    return make_app(parts, routes.holders, deployment)


def _cross_origin(tools: Tools | None) -> Callable[[Any], Any] | None:
    if tools is None:
        return None
    return lambda inner: opened(inner, tools.remembered_origins, tools.known_origins)


def _routes(
    settings: RegistrationSettings,
    kinds: Sequence[str],
    work: UnitOfWork,
    clock: Clock,
    tools: Tools | None,
    deployment: Deployment,
) -> Routes:
    """The routes of ``kinds``: those of a form or a registration are one blueprint, whoever may call them here."""
    desk = _desk_tools(settings, work, clock, tools) if DESK in kinds else None
    operations: list[Any] = [forms_blueprint(tools if FORMS in kinds else None, desk)]
    pages: list[Blueprint] = []
    checks: list[Check] = []
    holders = None
    if FORMS in kinds and tools is not None:
        operations += [challenge_blueprint(tools), receipts_blueprint(tools)]
        pages += [embed_blueprint(tools), receipt_pages_blueprint(tools)]
        checks.append(partial(decider_key_problem, work))
    own = tools if OWN in kinds else None
    if own is not None:
        pages += [waiting_blueprint(own), link_blueprint(own)]
    if own is not None or desk is not None:
        operations.append(registrations_blueprint(own, desk))
    if desk is not None:
        access = AccessFile(settings.common.access_file)
        sign_in = make_sign_in(access, settings.common.signing_keys, work, clock, deployment)
        form_keys = FormKeys(settings.form_keys_folder, settings.master_keys)
        holders = KeyHolders(access, sign_in)
        checks.append(partial(key_problem, work, form_keys, NAME))
        operations += [
            erasing_blueprint(desk),
            sealed_blueprint(work, clock, form_keys),
            partners_blueprint(desk),
            trail_blueprint(NAME, work),
            blocked_blueprint(desk),
        ]
        pages += [
            frame_blueprint(sign_in),
            console_blueprint(work, clock, desk.messages, form_keys, settings.common.public_url),
        ]
    return Routes(operations, pages, checks, holders)


def _public_tools(settings: RegistrationSettings, work: UnitOfWork, intake: UnitOfWork, clock: Clock) -> Tools:
    return Tools(
        work=work,
        clock=clock,
        intake=Intake(intake, settings.intake_keys[0]),
        proxies=settings.common.proxies,
        organiser=settings.organiser,
        public_url=settings.common.public_url,
        proof_keys=proof_keys(settings.intake_keys, NAME),
    )


def _desk_tools(settings: RegistrationSettings, work: UnitOfWork, clock: Clock, tools: Tools | None) -> DeskTools:
    def forget_form(slug: str) -> object:
        return tools.views.pop(slug, None) if tools is not None else None

    return DeskTools(
        work=work,
        clock=clock,
        references=References(settings.person_keys[0]),
        messages=RegistrationMessages(settings.notifications_key),
        forget_form=forget_form,
    )
