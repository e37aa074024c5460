"""One person in the console: a page with name and address, decisions, sealed answers, tags and notes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened
from services.registration.forms.model import MAX_OFFER_HOURS
from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.standard_forms import with_working_groups
from services.registration.forms.store import all_forms
from services.registration.people.decisions import SEAT_REASONS, SeatDecision, decide_seat
from services.registration.people.listing import PersonView, show_person
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
from services.registration.sealing.key_store import FormKeys
from services.registration.sealing.service import ReadingRequest, read_sealed
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, needs_recent_sign_in, require_touch
from shared.http.headers import personal
from shared.public_forms.definition import parse_definition
from shared.public_forms.rendering import answers_for_display, sealed_for_display, withdrawn_answers
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

PATH = "/console/registrations"


@dataclass(frozen=True, slots=True)
class PersonPages:
    """Dependencies of the pages about one person.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        messages: the writer of registration messages to the outbox.
        keys: the private keys of the forms, for sealed answers.
        erasure_reasons: the reasons for which a person can be erased: their words by code.
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
            decision = SeatDecision(str(registration_id), int(seen), status, holder().name, reason, hours)
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


def reason_and_hours(given: Mapping[str, str]) -> tuple[str, int | None]:
    """Return the chosen reason, empty for none, and how long an offer is valid; None for the form's ``offer_hours``."""
    reason, hours = given.get("reason", ""), given.get("hours", "")
    if reason and reason not in SEAT_REASONS:
        raise BadRequest("unknown reason")
    if not hours:
        return reason, None
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 4 and 1 <= int(hours) <= MAX_OFFER_HOURS):
        raise DomainError("wrong-hours", f"an offer is valid for 1 to {MAX_OFFER_HOURS} hours")
    return reason, int(hours)


def _view(work: UnitOfWork, registration_id: UUID) -> PersonView:
    view = show_person(work, str(registration_id))
    require_touch(view.form.slug)
    return view


def _refused(pages: PersonPages, view: PersonView, refusal: DomainError, seen: int) -> Response:
    """The current page with the reason of the refusal; after an edit conflict, with the changes of the other person."""
    if refusal.code == "edit-conflict":
        return _person(pages, view, 412, notice=changed_since_opened("registration"), newer=changes_since(view, seen))
    return _person(pages, view, 409, notice=_cannot(refusal))


def _person(pages: PersonPages, view: PersonView, status: int = 200, **more: Any) -> Response:
    """The page of one person; ``more`` has opened answers, the outcome of a decision, or submitted values."""
    groups = working_group_titles(pages.work)
    definition = with_working_groups(parse_definition(view.form.definition), tuple(groups.items()))
    coordinates = "coordinator" in holder().roles
    with pages.work.transaction() as connection:
        dossier = dossier_of(connection, view.person.registration, holder().forms) if coordinates else None
        tags = known_tags(connection, holder().forms) if coordinates else []
        titles = {form.slug: form.title for form in all_forms(connection)}
    shown = {"opened": None, "reason": "", "refused": "", "typed_tags": "", "ticked": (), "typed_note": "", **more}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if coordinates else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        withdrawn=withdrawn_answers(definition, view.person.answers),
        groups=groups,
        partners={partner.slug: partner.name for partner in list_partners(pages.work, None)},
        dossier=dossier,
        known_tags=tags,
        note_id=new_id(),
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


def add_notes(blueprint: Blueprint, pages: PersonPages) -> None:
    """``POST /console/registrations/<id>/tags`` and ``…/notes``."""
    work, clock = pages.work, pages.clock

    @blueprint.post("/registrations/<uuid:registration_id>/tags")
    @needs("coordinator")
    def change_tags(registration_id: UUID) -> AnyResponse:
        view, identity = _view(work, registration_id), str(registration_id)
        typed, removed = request.form.get("add", ""), request.form.getlist("remove")
        try:
            added = [read_tag(tag) for tag in typed.split(",") if tag.strip()]
            tag_registrations(work, clock, Tagging([identity], added, removed, holder().name, holder().forms))
        except DomainError as refusal:
            return _person(pages, view, 409, notice=_cannot(refusal), typed_tags=typed, ticked=removed)
        return redirect(f"{PATH}/{identity}?done=tagged", 303)

    @blueprint.post("/registrations/<uuid:registration_id>/notes")
    @needs("coordinator")
    def change_notes(registration_id: UUID) -> AnyResponse:
        view, identity = _view(work, registration_id), str(registration_id)
        deleted, typed = request.form.get("delete", ""), request.form.get("words", "")
        note_id = _note_id(deleted or request.form.get("note_id", ""))
        try:
            if deleted:
                delete_note(work, clock, identity, note_id, holder().name, holder().forms)
                return redirect(f"{PATH}/{identity}?done=note-deleted", 303)
            write_note(work, clock, identity, typed, holder().name, note_id)
        except DomainError as refusal:
            return _person(pages, view, 409, notice=_cannot(refusal), typed_note=typed)
        return redirect(f"{PATH}/{identity}?done=noted", 303)


def _note_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise BadRequest("unknown note") from None


def _cannot(refusal: DomainError) -> str:
    return f"This cannot be done: {refusal.detail or refusal.code.replace('-', ' ')}."
