"""Who has registered, with names and addresses: the pages of the console that show them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request

from services.registration.console import filters
from services.registration.console.filters import address, choices_of, given_filters, to_filter
from services.registration.store.form_keys import FormKeys
from services.registration.usecases.list_people import (
    PersonView,
    find_people,
    list_partners,
    people_file,
    show_person,
)
from services.registration.usecases.look_up import list_forms, working_group_titles
from services.registration.usecases.positions import registration_position
from services.registration.usecases.read_sealed import Request, read_sealed
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.forms.definition import parse_definition, with_options
from shared.forms.rendering import answers_for_display, sealed_for_display
from shared.forms.standard import GROUP_FIELD
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.console import words
from shared.web.console.frame import pages_blueprint
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal
from shared.web.paging import page_of

PATH = "/console/registrations"
PAGE = 50


def console_blueprint(work: UnitOfWork, clock: Clock, keys: FormKeys) -> Blueprint:
    """``/console/registrations`` and ``/console/registrations/<id>``."""
    blueprint = pages_blueprint("registration_console", __name__)
    blueprint.context_processor(lambda: {"words": words})
    _add_list(blueprint, work, clock)
    _add_person(blueprint, work, clock)
    _add_sealed(blueprint, work, clock, keys)
    return blueprint


def _add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        given, cursor = given_filters(request.args), request.args.get("cursor", "")
        wanted = to_filter(given, holder(), cursor, PAGE + 1)
        people = page_of(find_people(work, wanted), PAGE, registration_position)
        groups = working_group_titles(work)
        forms = [form for form in list_forms(work, clock()) if may_touch(form.slug)]
        page = render_template(
            "registrations/list.html",
            people=people.items,
            choices=choices_of(PATH, forms, groups, list_partners(work)),
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
        return personal(csv_answer("registrations", *people_file(work, clock, wanted)))


def _add_person(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def person_page(registration_id: UUID) -> Response:
        view = show_person(work, clock, str(registration_id))
        require_touch(view.form.slug)
        return _person(work, view)


def _add_sealed(blueprint: Blueprint, work: UnitOfWork, clock: Clock, keys: FormKeys) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @needs("sealed-reader")
    def sealed_page(registration_id: UUID) -> Response:
        view = show_person(work, clock, str(registration_id))
        require_touch(view.form.slug)
        reason = request.form.get("reason", "")
        asked = Request(str(registration_id), holder().name, reason, may_touch)
        try:
            answers = read_sealed(work, clock, keys, asked)
        except DomainError as refusal:
            return _person(work, view, status=422, reason=reason, refused=refusal.detail)
        definition = parse_definition(view.form.definition)
        return _person(work, view, opened=sealed_for_display(definition, answers, "en"), reason=reason)


def _person(work: UnitOfWork, view: PersonView, status: int = 200, **sealed: Any) -> Response:
    """The page of one person; ``sealed`` is what came of reading what is sealed."""
    groups = working_group_titles(work)
    definition = parse_definition(view.form.definition)
    if any(field.name == GROUP_FIELD for field in definition.fields):
        definition = with_options(definition, GROUP_FIELD, tuple(groups.items()))
    shown = {"opened": None, "reason": "", "refused": "", **sealed}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if "coordinator" in holder().roles else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        groups=groups,
        may_read_sealed="sealed-reader" in holder().roles,
        **shown,
    )
    return personal(make_response(page, status))
