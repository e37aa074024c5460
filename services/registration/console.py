"""The service's pages of the console: the list, each person, the forms, the partners, and the audit log."""

from functools import partial

from flask import Blueprint

from services.registration.forms.changes import FormDesk
from services.registration.forms.console import add_forms
from services.registration.forms.designer import add_designer
from services.registration.forms.drafts import DraftDesk
from services.registration.forms.side_events_page import add_side_event_forms
from services.registration.partners.changes import PartnerDesk
from services.registration.partners.changes_pages import add_partner_changes
from services.registration.partners.console import add_partners
from services.registration.people.console import PersonPages, add_list, add_person
from services.registration.people.marked import add_marked
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy.console import REASON_WORDS, add_erasing, add_person_export, erased_page
from services.registration.public.preview import add_preview
from services.registration.sealing.form_keys import FormKeys
from shared.web.console import words
from shared.web.console.frame import pages_blueprint
from shared.web.console.trail import add_trail


def console_blueprint(
    forms: FormDesk, drafts: DraftDesk, partners: PartnerDesk, messages: RegistrationMessages, keys: FormKeys
) -> Blueprint:
    """``/console/registrations``."""
    blueprint = pages_blueprint("registration_console", __name__)
    blueprint.context_processor(lambda: {"words": words})
    work, clock = forms.work, forms.clock
    add_list(blueprint, work, clock)
    add_marked(blueprint, work, clock, messages)
    add_person(blueprint, PersonPages(work, clock, messages, keys, REASON_WORDS, partial(erased_page, work)))
    add_erasing(blueprint, work, clock, messages)
    add_person_export(blueprint)
    add_forms(blueprint, forms, drafts)
    add_designer(blueprint, drafts)
    add_side_event_forms(blueprint, drafts)
    add_preview(blueprint, drafts)
    add_partners(blueprint, partners)
    add_partner_changes(blueprint, partners)
    add_trail(blueprint, "registration", work)
    return blueprint
