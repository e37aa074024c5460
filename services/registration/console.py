"""The service's pages of the console: the list, each person, the forms, the partners, and the audit log."""

from functools import partial

from flask import Blueprint

from services.registration.corrections.console import add_corrections
from services.registration.corrections.merging_routes import add_merging
from services.registration.corrections.service import CorrectionDesk
from services.registration.first_steps.console import add_first_steps
from services.registration.forms.changes import FormDesk
from services.registration.forms.console import add_forms
from services.registration.forms.designer import add_designer
from services.registration.forms.drafts import DraftDesk
from services.registration.forms.side_events_page import add_side_event_forms
from services.registration.importing.console import add_imports
from services.registration.importing.service import ImportDesk
from services.registration.partners.changes import PartnerDesk
from services.registration.partners.changes_pages import add_partner_changes
from services.registration.partners.console import add_partners
from services.registration.people.console import PersonPages, add_person
from services.registration.people.list_pages import add_list
from services.registration.people.marked import add_marked
from services.registration.people.notes_pages import add_notes
from services.registration.people.seats_page import add_seats_page
from services.registration.people.views_api import add_views
from services.registration.people.writing_to import add_writing_to
from services.registration.privacy.console import REASON_WORDS, add_erasing, add_person_export, erased_page
from services.registration.public.preview import add_preview
from services.registration.sealed_lists.approvals_console import add_approvals
from services.registration.sealed_lists.approving import ApprovalDesk
from services.registration.sealed_lists.console import add_sealed_lists
from services.registration.sealed_lists.log_console import add_reading_log
from shared.web.console import words
from shared.web.console.frame import pages_blueprint


def console_blueprint(
    forms: FormDesk,
    drafts: DraftDesk,
    partners: PartnerDesk,
    corrections: CorrectionDesk,
    approvals: ApprovalDesk,
    imports: ImportDesk,
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
    add_notes(blueprint, work, clock)
    add_views(blueprint, work, clock)
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
