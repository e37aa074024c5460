"""The page of one person in the console: name and address, what can be decided, tags and notes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.store import all_forms
from services.registration.people.decisions import SEAT_REASONS, Decision, decide_seat
from services.registration.people.listing import PersonView, show_person
from services.registration.people.marked import reason_and_hours
from services.registration.people.messages import RegistrationMessages
from services.registration.people.notes import (
    Tagging,
    delete_note,
    dossier_of,
    known_tags,
    read_tag,
    tag_registrations,
    write_note,
)
from services.registration.people.wording import (
    DONE,
    DONE_BESIDES,
    OUTCOME_WORDS,
    changes_since,
    choices_for,
    history_rows,
    is_done,
)
from services.registration.sealing.form_keys import FormKeys
from services.registration.sealing.service import ReadingRequest, read_sealed
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.public_forms.definition import parse_definition
from shared.public_forms.rendering import answers_for_display, sealed_for_display, withdrawn_answers
from shared.public_forms.standard import with_working_groups
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.console.words import changed_since_opened
from shared.web.headers import personal

PATH = "/console/registrations"


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
        done = request.args.get("done", "")
        return _person(pages, view, done=DONE.get(done, "") if is_done(view, done) else DONE_BESIDES.get(done, ""))


def _add_decisions(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def decide_it(registration_id: UUID) -> AnyResponse:
        _view(pages.work, registration_id)
        status, seen = request.form.get("status", ""), request.form.get("seen", "")
        if status not in DONE or not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
            raise BadRequest("unknown decision")
        try:
            reason, hours = reason_and_hours(request.form)
            decision = Decision(str(registration_id), int(seen), status, holder().name, reason, hours)
            decide_seat(pages.work, pages.clock, pages.messages, decision)
        except DomainError as refusal:
            return _refused(pages, _view(pages.work, registration_id), refusal, int(seen))
        return redirect(f"{PATH}/{registration_id}?done={status}", 303)


def _add_sealed(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @needs_recent_sign_in
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
        return _person(pages, view, 412, notice=changed_since_opened("registration"), newer=changes_since(view, seen))
    return _person(pages, view, 409, notice=f"This cannot be done: {refusal.detail}.")


def _person(pages: PersonPages, view: PersonView, status: int = 200, **more: Any) -> Response:
    """The page of one person; ``more`` is what came of reading what is sealed, or of a decision."""
    groups = working_group_titles(pages.work)
    definition = with_working_groups(parse_definition(view.form.definition), tuple(groups.items()))
    coordinates = "coordinator" in holder().roles
    with pages.work.transaction() as connection:
        dossier = dossier_of(connection, view.person.registration, holder().forms) if coordinates else None
        tags = known_tags(connection, holder().forms) if coordinates else []
        titles = {form.slug: form.title for form in all_forms(connection)}
    shown = {"opened": None, "reason": "", "refused": "", **more}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if coordinates else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        withdrawn=withdrawn_answers(definition, view.person.answers),
        groups=groups,
        partners={one.slug: one.name for one in list_partners(pages.work, None)},
        dossier=dossier,
        known_tags=tags,
        form_titles=titles,
        outcome_words=OUTCOME_WORDS,
        asks_details=bool(definition.second_step.fields),
        history=history_rows(view),
        choices=choices_for(view, pages.clock()) if coordinates else (),
        erasing=pages.erasure_reasons if coordinates else {},
        full=view.form.seats.free == 0,
        reasons=SEAT_REASONS,
        may_read_sealed="sealed-reader" in holder().roles,
        **shown,
    )
    return personal(make_response(page, status))


def add_notes(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``POST /console/registrations/<id>/tags`` and ``…/notes``."""

    @blueprint.post("/registrations/<uuid:registration_id>/tags")
    @needs("coordinator")
    def change_tags(registration_id: UUID) -> AnyResponse:
        _require(work, registration_id)
        try:
            added = [read_tag(one) for one in request.form.get("add", "").split(",") if one.strip()]
        except DomainError as refusal:
            raise BadRequest(refusal.detail) from None
        removed = request.form.getlist("remove")
        tagging = Tagging([str(registration_id)], added, removed, holder().name, holder().forms)
        tag_registrations(work, clock, tagging)
        return redirect(f"/console/registrations/{registration_id}?done=tagged", 303)

    @blueprint.post("/registrations/<uuid:registration_id>/notes")
    @needs("coordinator")
    def change_notes(registration_id: UUID) -> AnyResponse:
        _require(work, registration_id)
        identity, deleted = str(registration_id), request.form.get("delete", "")
        try:
            if deleted:
                delete_note(work, clock, identity, str(UUID(deleted)), holder().name, holder().forms)
                return redirect(f"/console/registrations/{identity}", 303)
            write_note(work, clock, identity, request.form.get("words", ""), holder().name)
        except (DomainError, ValueError) as refusal:
            raise BadRequest(getattr(refusal, "detail", "unknown note")) from None
        return redirect(f"/console/registrations/{identity}?done=noted", 303)


def _require(work: UnitOfWork, registration_id: UUID) -> None:
    require_touch(show_person(work, str(registration_id)).form.slug)
