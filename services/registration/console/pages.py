"""Who has registered, with names and addresses: the pages of the console that show them."""

from flask import Blueprint, Response, make_response, render_template, request

from services.registration.console import filters
from services.registration.console.filters import address, choices_of, given_filters, to_filter
from services.registration.console.form_pages import add_forms
from services.registration.console.partner_pages import add_partners
from services.registration.console.person_pages import add_person
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy.form_keys import FormKeys
from services.registration.usecases.list_people import find_people, list_partners, people_file, refuse_beyond
from services.registration.usecases.look_up import list_forms, working_group_titles
from services.registration.usecases.positions import registration_position
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs
from shared.web.console import words
from shared.web.console.frame import pages_blueprint
from shared.web.console.trail import add_trail
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal
from shared.web.paging import page_of

PATH = "/console/registrations"
PAGE = 50


def console_blueprint(
    work: UnitOfWork, clock: Clock, messages: RegistrationMessages, keys: FormKeys, public_url: str
) -> Blueprint:
    """``/console/registrations``: the list, each person, the forms, and the partners; ``public_url`` is of snippets."""
    blueprint = pages_blueprint("registration_console", __name__)
    blueprint.context_processor(lambda: {"words": words})
    _add_list(blueprint, work, clock)
    add_person(blueprint, work, clock, messages, keys)
    add_forms(blueprint, work, clock, messages)
    add_partners(blueprint, work, clock, public_url)
    add_trail(blueprint, "registration", work)
    return blueprint


def _add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        given, cursor = given_filters(request.args), request.args.get("cursor", "")
        wanted = to_filter(given, holder(), cursor, PAGE + 1)
        refuse_beyond(work, wanted)
        people = page_of(find_people(work, wanted), PAGE, registration_position)
        groups = working_group_titles(work)
        forms = [form for form in list_forms(work) if may_touch(form.slug)]
        page = render_template(
            "registrations/list.html",
            people=people.items,
            choices=choices_of(PATH, forms, groups, list_partners(work, holder().forms)),
            groups=groups,
            wanted=given,
            further=any(name in given for name in filters.FURTHER),
            first=address(PATH, given),
            file=address(f"{PATH}.csv", given),
            next=address(PATH, {**given, "cursor": people.next}) if people.next else "",
            paged=bool(cursor),
        )
        return personal(make_response(page))

    @blueprint.get("/registrations.csv")
    @needs("coordinator")
    def list_file() -> Response:
        wanted = to_filter(given_filters(request.args), holder(), "", PAGE)
        refuse_beyond(work, wanted)
        return personal(csv_answer("registrations", *people_file(work, clock, holder().name, wanted)))
