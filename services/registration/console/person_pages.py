"""One person: what they told us, what is sealed, what happened and why, and what a coordinator can decide."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.console.deciding import DONE, choices_for
from services.registration.console.erasing import REASON_WORDS, add_erasing, grave_page
from services.registration.console.history import changes_since, history_rows
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy.form_keys import FormKeys
from services.registration.privacy.service import ReadingRequest, read_sealed
from services.registration.usecases.decide import Decision, decide
from services.registration.usecases.list_people import PersonView, show_person
from services.registration.usecases.look_up import working_group_titles
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.forms.definition import parse_definition, with_options
from shared.forms.rendering import answers_for_display, sealed_for_display
from shared.forms.standard import GROUP_FIELD
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.headers import personal

MEANWHILE = "This registration was changed after you had opened the page, so nothing was done. Decide again."


def add_person(
    blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages, keys: FormKeys
) -> None:
    """``/console/registrations/<id>`` and what can be done there."""
    _add_page(blueprint, work, clock)
    _add_decisions(blueprint, work, clock, messages)
    _add_sealed(blueprint, work, clock, keys)
    add_erasing(blueprint, work, clock, messages)


def _add_page(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def person_page(registration_id: UUID) -> Response:
        try:
            view = _view(work, registration_id)
        except DomainError as refusal:
            if refusal.code != "not-found":
                raise
            return grave_page(work, registration_id)
        is_done = request.args.get("done") == view.person.registration.status
        return _person(work, clock, view, done=DONE.get(view.person.registration.status, "") if is_done else "")


def _add_decisions(blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def decide_it(registration_id: UUID) -> AnyResponse:
        _view(work, registration_id)
        status, seen = request.form.get("status", ""), request.form.get("seen", "")
        if status not in DONE or not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
            raise BadRequest("unknown decision")
        try:
            decide(work, clock, messages, Decision(str(registration_id), int(seen), status, holder().name))
        except DomainError as refusal:
            return _refused(work, clock, _view(work, registration_id), refusal, int(seen))
        return redirect(f"/console/registrations/{registration_id}?done={status}", 303)


def _add_sealed(blueprint: Blueprint, work: UnitOfWork, clock: Clock, keys: FormKeys) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @needs("sealed-reader")
    def sealed_page(registration_id: UUID) -> Response:
        view = _view(work, registration_id)
        reason = request.form.get("reason", "")
        asked = ReadingRequest(str(registration_id), holder().name, reason, may_touch)
        try:
            answers = read_sealed(work, clock, keys, asked)
        except DomainError as refusal:
            return _person(work, clock, view, status=422, reason=reason, refused=refusal.detail)
        definition = parse_definition(view.form.definition)
        return _person(work, clock, view, opened=sealed_for_display(definition, answers, "en"), reason=reason)


def _view(work: UnitOfWork, registration_id: UUID) -> PersonView:
    view = show_person(work, str(registration_id))
    require_touch(view.form.slug)
    return view


def _refused(work: UnitOfWork, clock: Clock, view: PersonView, refusal: DomainError, seen: int) -> Response:
    """The page as it is now; where somebody was faster, with what they did."""
    if refusal.code == "changed-meanwhile":
        return _person(work, clock, view, 412, notice=MEANWHILE, meanwhile=changes_since(view, seen))
    return _person(work, clock, view, 409, notice=f"This cannot be done: {refusal.detail}.")


def _person(work: UnitOfWork, clock: Clock, view: PersonView, status: int = 200, **more: Any) -> Response:
    """The page of one person; ``more`` is what came of reading what is sealed, or of a decision."""
    groups = working_group_titles(work)
    definition = parse_definition(view.form.definition)
    if any(field.name == GROUP_FIELD for field in definition.fields):
        definition = with_options(definition, GROUP_FIELD, tuple(groups.items()))
    coordinates = "coordinator" in holder().roles
    shown = {"opened": None, "reason": "", "refused": "", **more}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if coordinates else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        groups=groups,
        history=history_rows(view),
        choices=choices_for(view, clock()) if coordinates else (),
        erasing=REASON_WORDS if coordinates else {},
        full=view.form.seats.free == 0,
        may_read_sealed="sealed-reader" in holder().roles,
        **shown,
    )
    return personal(make_response(page, status))
