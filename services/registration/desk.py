"""The service's pages of the console: the list, each person, the forms, the partners, and the audit log."""

# size: constructs what coordinators use from every feature

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Blueprint

from services import console_words as words
from services.console_pages import CONSOLE
from services.registration.access.api import access_api
from services.registration.access.audit_log import audit_log_api, audit_log_blueprint
from services.registration.access.console import access_blueprint
from services.registration.access.credentials import RelyingParty
from services.registration.access.first_steps import add_first_steps
from services.registration.access.service import AccessContext, ConsoleSessions
from services.registration.access.sign_in_pages import SignInContext
from services.registration.corrections.api import add_merge_operation, corrections_blueprint
from services.registration.corrections.console import add_corrections, add_merging
from services.registration.corrections.service import CorrectionsContext
from services.registration.forms.changes import FormsContext
from services.registration.forms.console import add_forms
from services.registration.forms.designer import add_designer
from services.registration.forms.draft_preview import add_preview
from services.registration.forms.drafts import DraftsContext
from services.registration.forms.drafts_api import PREFIX as DRAFTS
from services.registration.forms.drafts_api import drafts_blueprint, side_event_forms_blueprint
from services.registration.forms.new_form import add_side_event_forms
from services.registration.forms.service import may_take_submissions
from services.registration.importing.api import PREFIX as IMPORTS
from services.registration.importing.api import imports_blueprint
from services.registration.importing.console import PATH as IMPORT_PAGES
from services.registration.importing.console import add_imports
from services.registration.importing.model import MAX_FILE_BYTES
from services.registration.importing.service import ImportContext
from services.registration.importing.store import make_vault
from services.registration.intake.queue import undecided_submissions
from services.registration.intake.service import Intake
from services.registration.key_stores import key_check
from services.registration.partners.api import partners_blueprint
from services.registration.partners.console import add_partner_changes, add_partners
from services.registration.partners.service import PartnersContext
from services.registration.people.console import PersonPages, add_notes, add_person
from services.registration.people.list_pages import add_list, add_writing_to, refused_view
from services.registration.people.marked import add_marked
from services.registration.people.messages import RegistrationMessages
from services.registration.people.notes_api import add_views, blocked_blueprint, notes_blueprint, views_blueprint
from services.registration.people.references import References
from services.registration.people.seats_console import add_seats_page
from services.registration.people.store import pause_decider
from services.registration.privacy.api import REASON_WORDS, add_erasing, erased_page, erasing_blueprint
from services.registration.privacy.person_export import add_person_export, person_export_blueprint
from services.registration.sealed_lists.api import lists_blueprint
from services.registration.sealed_lists.approvals import ApprovalsContext, add_approvals, approvals_blueprint
from services.registration.sealed_lists.console import add_sealed_lists
from services.registration.sealed_lists.reading_log_console import add_reading_log
from services.registration.sealed_lists.service import SealedListsContext
from services.registration.sealing.api import sealed_blueprint
from services.registration.sealing.key_service import SubmissionQueue
from services.registration.sealing.key_store import FormKeys
from services.registration.settings import RegistrationSettings
from services.registration.wiring import NAME
from shared.console.frame import frame_blueprint, pages_blueprint
from shared.db.readiness import Check
from shared.http.audit_log import audit_log_routes
from shared.http.holders import AccessFile
from shared.http.sign_in import CookieKeys, KeyHolders, key_holders
from shared.runtime.deployment import Deployment
from shared.security.sealing import new_key


def console_blueprint(
    forms: FormsContext,
    drafts: DraftsContext,
    partners: PartnersContext,
    corrections: CorrectionsContext,
    approvals: ApprovalsContext,
    imports: ImportContext,
) -> Blueprint:
    """``/console/registrations``."""
    blueprint = pages_blueprint("registration_console", __name__)
    blueprint.context_processor(lambda: {"words": words})
    work, clock, messages = forms.work, forms.clock, corrections.messages
    add_first_steps(blueprint, work, clock)
    add_list(blueprint, work, clock)
    add_marked(blueprint, work, clock, messages)
    add_writing_to(blueprint, work)
    pages = PersonPages(work, clock, messages, approvals.lists.keys, REASON_WORDS, partial(erased_page, work))
    add_person(blueprint, pages)
    add_corrections(blueprint, corrections)
    add_merging(blueprint, corrections)
    add_notes(blueprint, pages)
    add_views(blueprint, work, clock, partial(refused_view, work))
    add_erasing(blueprint, work, clock, messages)
    add_person_export(blueprint)
    add_imports(blueprint, imports)
    add_forms(blueprint, forms, drafts)
    add_seats_page(blueprint, forms)
    add_designer(blueprint, drafts)
    add_side_event_forms(blueprint, drafts)
    add_preview(blueprint, drafts)
    add_partners(blueprint, partners)
    add_partner_changes(blueprint, partners)
    add_sealed_lists(blueprint, approvals.lists, approvals)
    add_approvals(blueprint, approvals)
    add_reading_log(blueprint, work)
    return blueprint


LARGEST_DRAFT = 1024 * 1024
"""Bytes: a hundred questions in six languages."""

LARGEST_IMPORT = MAX_FILE_BYTES + 1024 * 1024
"""Bytes: a file of people, and what a browser sends around it."""

LARGER_BODIES = {DRAFTS: LARGEST_DRAFT, IMPORTS: LARGEST_IMPORT, IMPORT_PAGES: LARGEST_IMPORT}
"""By the prefix of a path: bytes that a body may have there."""


@dataclass(slots=True)
class Routes:
    """The routes of a process, collected while the application is built.

    Attributes:
        operations: the blueprints that are in the OpenAPI document.
        pages: the blueprints that are not.
        checks: the readiness checks beyond database, clock and keys.
        holders: the holders of access keys, if any route needs one.
    """

    operations: list[Any]
    pages: list[Blueprint] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    holders: KeyHolders | None = None


def add_desk(
    routes: Routes,
    settings: RegistrationSettings,
    forms: FormsContext,
    messages: RegistrationMessages,
    deployment: Deployment,
    keys: FormKeys,
) -> None:
    """Add the console and the coordinators' interface."""
    routes.checks.append(key_check(forms.work, keys))
    _add_access(routes, settings, forms, deployment)
    _add_people(routes, settings, forms, messages, keys)
    work, clock, references = forms.work, forms.clock, References(settings.person_keys[0])
    routes.operations += [
        erasing_blueprint(work, clock, messages),
        sealed_blueprint(work, clock, keys),
        notes_blueprint(work, clock),
        views_blueprint(work, clock),
        audit_log_routes(NAME, work),
        blocked_blueprint(work, clock, references),
        person_export_blueprint(work, clock, references, keys),
        audit_log_api(work, clock),
    ]
    routes.pages.append(audit_log_blueprint(work, clock))


def _add_access(routes: Routes, settings: RegistrationSettings, forms: FormsContext, deployment: Deployment) -> None:
    """Sign-in: who may, and its pages."""
    work, clock = forms.work, forms.clock
    file, signing_keys = AccessFile(settings.common.access_file), settings.common.signing_keys
    sessions = ConsoleSessions(work, clock)
    holders = key_holders(file, work, clock, CookieKeys.of_signer(signing_keys), deployment, sessions)
    party = RelyingParty(settings.console_url, signing_keys, "Troika")
    access = AccessContext(work, clock, file, settings.notifications_key, settings.console_url)
    signing = SignInContext(holders.access, holders.sign_in, sessions, access, party, deployment.https)
    routes.holders = holders
    routes.operations.append(access_api(access, sessions))
    routes.pages += [frame_blueprint(holders.sign_in, CONSOLE), access_blueprint(signing)]


def _add_people(
    routes: Routes, settings: RegistrationSettings, forms: FormsContext, messages: RegistrationMessages, keys: FormKeys
) -> None:
    """People, forms, partners and sealed lists."""
    work, clock, person_key = forms.work, forms.clock, settings.person_keys[0]
    drafts = DraftsContext(work, clock, keys, forms.forget)
    partners = PartnersContext(work, clock, settings.common.public_url)
    corrections = CorrectionsContext(
        work, clock, Intake(work, new_key()), messages
    )  # its receipts are for this process
    imports = ImportContext(work, clock, References(person_key), make_vault(person_key))
    lists = SealedListsContext(work, clock, keys, settings.sealed_one_reader)
    approvals = ApprovalsContext(lists, SubmissionQueue(may_take_submissions, undecided_submissions, pause_decider))
    correcting = corrections_blueprint(corrections)
    add_merge_operation(correcting, corrections)
    routes.operations += [
        correcting,
        imports_blueprint(imports),
        lists_blueprint(lists),
        approvals_blueprint(approvals),
        partners_blueprint(partners),
        drafts_blueprint(drafts),
        side_event_forms_blueprint(drafts),
    ]
    routes.pages.append(console_blueprint(forms, drafts, partners, corrections, approvals, imports))
