"""Who has registered, with names and addresses: the pages of the console that show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.service import list_forms, list_partners, working_group_titles
from services.registration.people import filters
from services.registration.people.counting import MAX_GROUPS, count_by, count_people, read_keys
from services.registration.people.counts_page import count_table, keys_offered
from services.registration.people.decisions import Decision, decide
from services.registration.people.filters import Choices, address, choices_of, given_filters, of_form, to_filter
from services.registration.people.listing import (
    PersonView,
    asked_definition,
    find_people,
    people_file,
    refuse_beyond,
    registration_position,
    show_person,
)
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.marked import ACTS
from services.registration.people.messages import RegistrationMessages
from services.registration.people.wording import DONE, changes_since, choices_for, history_rows
from services.registration.sealing.form_keys import FormKeys
from services.registration.sealing.service import ReadingRequest, read_sealed
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.public_forms.definition import FormDefinition, parse_definition
from shared.public_forms.rendering import answers_for_display, sealed_for_display, withdrawn_answers
from shared.public_forms.standard import with_working_groups
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal
from shared.web.paging import page_of

PATH = "/console/registrations"
PAGE = 50


def add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/registrations``, as a page and as a file."""

    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        asked = _asked(work)
        groups, cursor = working_group_titles(work), request.args.get("cursor", "")
        wanted = to_filter(asked.given, asked.definition, holder(), cursor, PAGE + 1)
        refuse_beyond(work, wanted)
        forms = [form for form in list_forms(work) if may_touch(form.slug)]
        choices = choices_of(PATH, forms, groups, list_partners(work, holder().forms), asked.definition)
        keys = [asked.given[name] for name in ("count", "by") if name in asked.given]
        page = render_template(
            "registrations/list.html" if not keys else "registrations/counts.html",
            choices=choices,
            countable=keys_offered(choices),
            groups=groups,
            form_titles={form.slug: form.title for form in forms},
            given=asked.given,
            left_out=asked.left_out,
            further=any(name in asked.given for name in filters.FURTHER),
            sorts=filters.SORT_WORDS,
            yes_or_no=filters.YES_OR_NO,
            acts=ACTS,
            first=address(PATH, asked.given),
            file=address(f"{PATH}.csv", asked.given),
            write=address(f"{PATH}/write", asked.given),
            **(_counts(work, asked, wanted, keys, choices) if keys else _people(work, asked.given, wanted, cursor)),
        )
        return personal(make_response(page))

    @blueprint.get("/registrations.csv")
    @needs("coordinator")
    def list_file() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), "", PAGE)
        refuse_beyond(work, wanted)
        return personal(csv_answer("registrations", *people_file(work, clock, holder().name, wanted)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for; ``left_out``: filters by answers of a form that is not chosen any more."""

    given: dict[str, str]
    definition: FormDefinition | None
    left_out: bool


def _asked(work: UnitOfWork) -> _Asked:
    sent = given_filters(request.args)
    definition = asked_definition(work, PeopleFilter(form=sent.get("form", ""), forms=holder().forms))
    given = of_form(sent, definition)
    return _Asked(given, definition, left_out=given != sent)


def _people(work: UnitOfWork, given: dict[str, str], wanted: PeopleFilter, cursor: str) -> dict[str, Any]:
    """A page of them, and how many there are in all."""
    people = page_of(find_people(work, wanted), PAGE, registration_position)
    with work.transaction() as connection:
        total = count_people(connection, wanted)
    following = address(PATH, {**given, "cursor": people.next}) if people.next else ""
    return {"people": people.items, "total": total, "next": following, "paged": bool(cursor)}


def _counts(
    work: UnitOfWork, asked: _Asked, wanted: PeopleFilter, keys: Sequence[str], choices: Choices
) -> dict[str, Any]:
    """Numbers by one or two things."""
    with work.transaction() as connection:
        found = count_by(connection, wanted, read_keys(",".join(keys), asked.definition))
        total = count_people(connection, wanted)
    table = count_table(PATH, asked.given, keys, found[:MAX_GROUPS], choices)
    return {"table": table, "total": total, "more": len(found) > MAX_GROUPS}


MEANWHILE = "This registration was changed after you had opened the page, so nothing was done. Decide again."


@dataclass(frozen=True, slots=True)
class PersonPages:
    """What the pages about one person work with.

    Attributes:
        work: transactions on the service's database.
        clock: of the project.
        messages: of what happens to registrations.
        keys: of sealed answers.
        erasure_reasons: for which somebody can be erased, in words.
        erased_page: the page of an erased registration; raises ``DomainError`` if it was not erased.
    """

    work: UnitOfWork
    clock: Clock
    messages: RegistrationMessages
    keys: FormKeys
    erasure_reasons: Mapping[str, str]
    erased_page: Callable[[UUID], Response]


def add_person(blueprint: Blueprint, pages: PersonPages) -> None:
    """``/console/registrations/<id>`` and what can be done there."""
    _add_page(blueprint, pages)
    _add_decisions(blueprint, pages)
    _add_sealed(blueprint, pages)


def _add_page(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def person_page(registration_id: UUID) -> Response:
        try:
            view = _view(pages.work, registration_id)
        except DomainError as refusal:
            if refusal.code != "not-found":
                raise
            return pages.erased_page(registration_id)
        is_done = request.args.get("done") == view.person.registration.status
        return _person(pages, view, done=DONE.get(view.person.registration.status, "") if is_done else "")


def _add_decisions(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def decide_it(registration_id: UUID) -> AnyResponse:
        _view(pages.work, registration_id)
        status, seen = request.form.get("status", ""), request.form.get("seen", "")
        if status not in DONE or not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
            raise BadRequest("unknown decision")
        try:
            decision = Decision(str(registration_id), int(seen), status, holder().name)
            decide(pages.work, pages.clock, pages.messages, decision)
        except DomainError as refusal:
            return _refused(pages, _view(pages.work, registration_id), refusal, int(seen))
        return redirect(f"/console/registrations/{registration_id}?done={status}", 303)


def _add_sealed(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @needs("sealed-reader")
    def sealed_page(registration_id: UUID) -> Response:
        view = _view(pages.work, registration_id)
        reason = request.form.get("reason", "")
        asked = ReadingRequest(str(registration_id), holder().name, reason, may_touch)
        try:
            answers = read_sealed(pages.work, pages.clock, pages.keys, asked)
        except DomainError as refusal:
            return _person(pages, view, status=422, reason=reason, refused=refusal.detail)
        definition = parse_definition(view.form.definition)
        return _person(pages, view, opened=sealed_for_display(definition, answers, "en"), reason=reason)


def _view(work: UnitOfWork, registration_id: UUID) -> PersonView:
    view = show_person(work, str(registration_id))
    require_touch(view.form.slug)
    return view


def _refused(pages: PersonPages, view: PersonView, refusal: DomainError, seen: int) -> Response:
    """The page as it is now; where somebody was faster, with what they did."""
    if refusal.code == "changed-meanwhile":
        return _person(pages, view, 412, notice=MEANWHILE, meanwhile=changes_since(view, seen))
    return _person(pages, view, 409, notice=f"This cannot be done: {refusal.detail}.")


def _person(pages: PersonPages, view: PersonView, status: int = 200, **more: Any) -> Response:
    """The page of one person; ``more`` is what came of reading what is sealed, or of a decision."""
    groups = working_group_titles(pages.work)
    definition = with_working_groups(parse_definition(view.form.definition), tuple(groups.items()))
    coordinates = "coordinator" in holder().roles
    shown = {"opened": None, "reason": "", "refused": "", **more}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if coordinates else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        withdrawn=withdrawn_answers(definition, view.person.answers),
        groups=groups,
        asks_details=bool(definition.second_step.fields),
        history=history_rows(view),
        choices=choices_for(view, pages.clock()) if coordinates else (),
        erasing=pages.erasure_reasons if coordinates else {},
        full=view.form.seats.free == 0,
        may_read_sealed="sealed-reader" in holder().roles,
        **shown,
    )
    return personal(make_response(page, status))
