"""Builds the web applications: settings become engines, keys, intake and routes. No worker imports it.

There are three, each with the keys and rights that its routes need: ``forms`` (forms and receipts), ``own`` (pages of
links) and ``desk`` (console and the coordinators' interface). ``web`` is all three in one process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Blueprint as FlaskBlueprint
from flask import Flask
from sqlalchemy import Engine

from services.registration.access.api import access_api
from services.registration.access.console import access_blueprint
from services.registration.access.passkeys import RelyingParty
from services.registration.access.service import AccessDesk
from services.registration.access.sessions import ConsoleSessions
from services.registration.access.sign_in_pages import SignInDesk
from services.registration.audit_log.api import audit_log_api
from services.registration.audit_log.console import audit_log_blueprint
from services.registration.console import console_blueprint
from services.registration.corrections.api import corrections_blueprint
from services.registration.corrections.merging_routes import add_merge_operation
from services.registration.corrections.service import CorrectionDesk
from services.registration.forms.api import add_form_administration
from services.registration.forms.changes import FormDesk
from services.registration.forms.drafts import DraftDesk
from services.registration.forms.drafts_api import PREFIX as DRAFTS
from services.registration.forms.drafts_api import drafts_blueprint
from services.registration.forms.service import may_take_submissions
from services.registration.forms.side_events_api import side_event_forms_blueprint
from services.registration.importing.api import PREFIX as IMPORTS
from services.registration.importing.api import imports_blueprint
from services.registration.importing.mapping_pages import PATH as IMPORT_PAGES
from services.registration.importing.model import MAX_FILE_BYTES
from services.registration.importing.service import ImportDesk
from services.registration.importing.store import make_vault
from services.registration.intake.form_view import decider_key_problem
from services.registration.intake.queue import undecided_submissions
from services.registration.intake.service import Intake
from services.registration.own.address_routes import address_blueprint
from services.registration.own.answers_routes import answers_blueprint
from services.registration.own.by_link import link_access
from services.registration.own.confirmation_routes import confirmation_blueprint
from services.registration.own.limited_routes import limited_blueprint
from services.registration.own.managing_routes import managing_blueprint
from services.registration.own.my_data_routes import my_data_blueprint
from services.registration.partners.api import partners_blueprint
from services.registration.partners.changes import PartnerDesk
from services.registration.people.api import registrations_blueprint
from services.registration.people.blocking_api import blocked_blueprint
from services.registration.people.locking import pause_decider
from services.registration.people.messages import RegistrationMessages
from services.registration.people.notes_api import notes_blueprint
from services.registration.people.offers_api import PeopleDesk
from services.registration.people.references import References
from services.registration.people.seats_api import add_seats
from services.registration.people.views_api import views_blueprint
from services.registration.people.waiting_list import promoting
from services.registration.privacy.api import erasing_blueprint, person_export_blueprint
from services.registration.public.api import add_public_forms
from services.registration.public.challenge import challenge_blueprint
from services.registration.public.context import PublicContext
from services.registration.public.cross_origin import opened
from services.registration.public.embed_pages import embed_blueprint
from services.registration.public.my_registrations import my_registrations_blueprint
from services.registration.public.receipts import receipt_pages_blueprint, receipts_blueprint
from services.registration.rights import DESK, FORMS, OWN, UNITED, WEB
from services.registration.sealed_lists.api import lists_blueprint
from services.registration.sealed_lists.approvals_api import approvals_blueprint
from services.registration.sealed_lists.approving import ApprovalDesk
from services.registration.sealed_lists.model import ListRules
from services.registration.sealed_lists.service import ListDesk
from services.registration.sealing.api import sealed_blueprint
from services.registration.sealing.form_keys import FormKeys
from services.registration.sealing.key_service import SubmissionQueue, key_problem
from services.registration.settings import RegistrationSettings
from services.registration.wiring import MIGRATIONS, NAME
from shared.core.clock import Clock, system_clock
from shared.core.deployment import Deployment
from shared.core.sealing import new_key
from shared.public_forms.proof_of_work import proof_keys
from shared.store.checked_clock import CheckedClock, DatabaseTime, read_database_time
from shared.store.engine import open_engine
from shared.store.key_checks import KeyChecks
from shared.store.readiness import Check, readiness
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.access_directory import AccessDirectory
from shared.web.app import KeyHolders, WebParts, make_app
from shared.web.console.frame import frame_blueprint
from shared.web.console.signing import make_sign_in
from shared.web.operations import Blueprint
from shared.web.page_cache import CachedPages
from shared.web.trail import trail_blueprint

PEOPLE = (
    "/v1/forms/",
    "/v1/challenge",
    "/v1/receipts/",
    "/embed/",
    "/receipts/",
    "/my",
    "/c/",
    "/r/",
    "/v/",
    "/j/",
    "/console/invitation/",
)
"""Forms, receipts and links: who comes by these is let in first."""

PUBLIC = ("/embed/",)
"""Forms and their files: the same for everybody."""

INTAKE_CONNECTIONS = 8
"""To the database, of one process, for submissions alone: no export can keep them waiting."""


LARGEST_DRAFT = 1024 * 1024
"""Bytes: a hundred questions in six languages."""

LARGEST_IMPORT = MAX_FILE_BYTES + 1024 * 1024
"""Bytes: a file of people, and what a browser sends around it."""


@dataclass(slots=True)
class Routes:
    """Attributes:
    operations: blueprints that stand in the OpenAPI document.
    pages: blueprints that do not.
    checks: why the process is not ready, beyond database, clock and keys.
    holders: of keys, if any route needs one.
    """

    operations: list[Any]
    pages: list[FlaskBlueprint] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
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
    context = _public_context(settings, work, UnitOfWork(intake or engine, NAME), clock) if kinds != (DESK,) else None
    routes = _routes(settings, kinds, work, clock, context, deployment)
    keys = KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: registration",
        operations=routes.operations,
        pages=routes.pages,
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem, *routes.checks),
        keys=keys,
        people=PEOPLE,
        cached=CachedPages(PUBLIC, forget=context.views.clear) if context is not None else CachedPages(),
        clock=clock,
        around=_cross_origin(context),
        larger_bodies={DRAFTS: LARGEST_DRAFT, IMPORTS: LARGEST_IMPORT, IMPORT_PAGES: LARGEST_IMPORT}
        if DESK in kinds
        else {},
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
) -> Routes:
    """The routes of ``kinds``: those of a form or a registration are one blueprint, whoever may call them here."""
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
        people = PeopleDesk(work, clock, RegistrationMessages(settings.notifications_key, settings.events_key))
    if links is not None or people is not None:
        routes.operations.append(registrations_blueprint(links, people))
    if people is not None:
        desk = FormDesk(work, clock, promoting(people.messages), _forgetting(context))
        add_form_administration(forms, desk)
        add_seats(forms, people)
        _add_desk(routes, settings, desk, people.messages, deployment)
    return routes


def _add_desk(
    routes: Routes,
    settings: RegistrationSettings,
    forms: FormDesk,
    messages: RegistrationMessages,
    deployment: Deployment,
) -> None:
    """The console and the coordinators' interface, with the keys that only they need."""
    work, clock = forms.work, forms.clock
    file, signing_keys = AccessFile(settings.common.access_file), settings.common.signing_keys
    access, sessions = AccessDirectory(file, work, clock), ConsoleSessions(work, clock)
    sign_in = make_sign_in(access, signing_keys, sessions, deployment)
    party = RelyingParty(settings.console_url, signing_keys, "Troika")
    holders = AccessDesk(work, clock, file, settings.notifications_key, settings.console_url)
    signing = SignInDesk(access, sign_in, sessions, holders, party, deployment.https)
    keys = FormKeys(settings.form_keys_folder, settings.master_keys)
    routes.holders = KeyHolders(access, sign_in)
    routes.checks.append(partial(key_problem, work, keys, NAME))
    drafts = DraftDesk(work, clock, keys, forms.forget)
    partners = PartnerDesk(work, clock, settings.common.public_url)
    corrections = CorrectionDesk(work, clock, Intake(work, new_key()), messages)  # its receipts are for this process
    person_key = settings.person_keys[0]
    imports = ImportDesk(work, clock, References(person_key), make_vault(person_key))
    lists = ListDesk(work, clock, keys, list_rules(settings))
    approvals = ApprovalDesk(lists, SubmissionQueue(may_take_submissions, undecided_submissions, pause_decider))
    routes.operations += [
        imports_blueprint(imports),
        erasing_blueprint(work, clock, messages),
        sealed_blueprint(work, clock, keys),
        lists_blueprint(lists),
        approvals_blueprint(approvals),
        partners_blueprint(partners),
        drafts_blueprint(drafts),
        _corrections(corrections),
        notes_blueprint(work, clock),
        views_blueprint(work, clock),
        side_event_forms_blueprint(drafts),
        trail_blueprint(NAME, work),
        blocked_blueprint(work, clock, References(settings.person_keys[0])),
        person_export_blueprint(work, clock, References(settings.person_keys[0]), keys),
        access_api(holders, sessions),
        audit_log_api(work, clock),
    ]
    routes.pages += [
        frame_blueprint(sign_in),
        access_blueprint(signing),
        audit_log_blueprint(work, clock),
        console_blueprint(forms, drafts, partners, corrections, approvals, imports),
    ]


def _corrections(desk: CorrectionDesk) -> Any:
    blueprint = corrections_blueprint(desk)
    add_merge_operation(blueprint, desk)
    return blueprint


def list_rules(settings: RegistrationSettings) -> ListRules:
    """What the operator has set about lists of sealed answers."""
    return ListRules(timedelta(hours=settings.sealed_list_hours), settings.sealed_one_reader)


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
        proof_keys=proof_keys(settings.intake_keys, NAME),
    )


def _forgetting(context: PublicContext | None) -> Callable[[str], object]:
    """What makes the public routes of this process, if it has any, read a form again."""
    return lambda slug: context.views.pop(slug, None) if context is not None else None
