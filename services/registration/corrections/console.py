"""Console pages: correct, enter and merge. Each shows first what it does, then does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.corrections.api import touched
from services.registration.corrections.model import (
    CORRECTING,
    ENTERING,
    Correction,
    correctable,
    current_answers,
    enterable,
    refusal_text,
)
from services.registration.corrections.service import (
    SEALED,
    CorrectionsContext,
    DeskEntry,
    FaultyAnswers,
    MergeWanted,
    Pair,
    correct,
    enter,
    find_alike,
    find_namesakes,
    merge,
    pair_of,
    prepare_correction,
    prepare_entry,
    send_again,
)
from services.registration.own.answers import differences
from services.registration.people.listing import PersonView
from services.registration.people.wording import changes_since
from shared.console.frame import seen_revision
from shared.http.access import holder, needs, require_touch
from shared.http.headers import personal
from shared.public_forms.definition import ADDRESS_FIELD, FormDefinition
from shared.public_forms.rendering import answers_for_display, render_fields, render_summary
from shared.public_forms.validation import FieldError, from_form_encoded
from shared.runtime.errors import DomainError

DESK = "desk-"
"""Begins the names of what a page sends beside the form's questions: no question is called so."""

CONSENT_NOTE = "Tick a consent only if the person gave it to you. It is recorded as entered by a coordinator."


@dataclass(frozen=True, slots=True)
class FilledCorrection:
    """The values that were typed on a page.

    Attributes:
        answers: the answers as JSON carries them.
        email: the address; empty on a page without a separate field for it.
        reason: one of the reasons, or empty.
        errors: the faults to show at their questions.
        fault: a sentence about a fault that belongs to no question.
    """

    answers: Mapping[str, Any]
    email: str = ""
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    fault: str = ""


def add_corrections(blueprint: Blueprint, context: CorrectionsContext) -> None:
    """``/console/registrations/<id>/correct``, ``…/link`` and ``/console/registrations/forms/<slug>/enter``."""
    _add_correct(blueprint, context)
    _add_enter(blueprint, context)
    _add_link(blueprint, context)


def _add_correct(blueprint: Blueprint, context: CorrectionsContext) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>/correct")
    @needs("coordinator")
    def correct_page(registration_id: UUID) -> Response:
        view = touched(context, registration_id)
        return _correct_page(context, view, FilledCorrection(current_answers(view.person), view.person.email))

    @blueprint.post("/registrations/<uuid:registration_id>/correct")
    @needs("coordinator")
    def correct_it(registration_id: UUID) -> AnyResponse:
        view, seen = touched(context, registration_id), seen_revision(f"{DESK}seen")
        definition = _correctable(context, view)
        sent = _answers(definition)
        filled = FilledCorrection(sent, str(sent.pop(ADDRESS_FIELD, "")), request.form.get(f"{DESK}reason", ""))
        if seen != view.person.registration.revision:
            return _conflict(context, view, filled, definition, seen)
        # what the page shows and was emptied is deleted
        answers = {field.name: sent.get(field.name) for field in definition.fields} | sent
        wanted = Correction(str(registration_id), seen, answers, filled.email, filled.reason, holder().name)
        return _corrected(context, view, filled, wanted)


def _corrected(
    context: CorrectionsContext, view: PersonView, filled: FilledCorrection, wanted: Correction
) -> AnyResponse:
    try:
        if request.form.get(f"{DESK}go") == "do":
            correct(context, wanted)
            return redirect(f"/console/registrations/{wanted.registration_id}?done=corrected", 303)
        preview = prepare_correction(context, wanted).preview
    except FaultyAnswers as faulty:
        return _correct_page(context, view, _with_errors(filled, faulty), 422)
    except DomainError as refusal:
        now = touched(context, UUID(wanted.registration_id))
        if refusal.code == "edit-conflict":
            return _conflict(context, now, filled, _correctable(context, now), wanted.revision)
        return _correct_page(context, now, _with_fault(filled, refusal, "Nothing was changed"), 409)
    return _correct_page(context, view, filled, preview=preview, sent=list(request.form.items(multi=True)))


def _conflict(
    context: CorrectionsContext, view: PersonView, filled: FilledCorrection, definition: FormDefinition, seen: int
) -> Response:
    """Both versions: the page contains what was sent, and shows how the registration differs from it now."""
    differ = list(differences(definition, current_answers(view.person), filled.answers, "en"))
    return _correct_page(context, view, filled, 412, conflict=differ, newer=changes_since(view, seen))


def _correctable(context: CorrectionsContext, view: PersonView) -> FormDefinition:
    return correctable(context.form_view(view.form.slug).whole, current_answers(view.person))


def _correct_page(
    context: CorrectionsContext, view: PersonView, filled: FilledCorrection, status: int = 200, **more: Any
) -> Response:
    definition = _correctable(context, view)
    page = render_template(
        "registrations/correct.html",
        view=view,
        person=view.person,
        filled=filled,
        reasons=CORRECTING,
        fields=render_fields(definition, "en", values=filled.answers, errors=filled.errors),
        summary=render_summary(definition, "en", filled.errors),
        **{"preview": None, "sent": (), "conflict": (), "newer": (), **more},
    )
    return personal(make_response(page, status))


def _add_enter(blueprint: Blueprint, context: CorrectionsContext) -> None:
    @blueprint.get("/registrations/forms/<slug>/enter")
    @needs("coordinator")
    def enter_page(slug: str) -> Response:
        require_touch(slug)
        definition = enterable(context.form_view(slug).whole)
        return _enter_page(definition, FilledCorrection(definition.initial_answers("en")))

    @blueprint.post("/registrations/forms/<slug>/enter")
    @needs("coordinator")
    def enter_one(slug: str) -> AnyResponse:
        require_touch(slug)
        definition = enterable(context.form_view(slug).whole)
        answers = _answers(definition)
        filled = FilledCorrection(answers, reason=request.form.get(f"{DESK}reason", ""))
        entry = DeskEntry(slug, answers, filled.reason, holder().name)
        try:
            if request.form.get(f"{DESK}go") == "do":
                person = enter(context, entry)
                return redirect(f"/console/registrations/{person.registration.id}?done=entered", 303)
            prepared = prepare_entry(context, entry)
        except FaultyAnswers as faulty:
            return _enter_page(definition, _with_errors(filled, faulty), 422)
        except DomainError as refusal:
            return _enter_page(definition, _with_fault(filled, refusal, "Nothing was stored"), 409)
        shown = answers_for_display(definition, prepared.answers.values, "en")
        sealed = [field.label.in_language("en") for field in definition.fields if field.name in prepared.answers.sealed]
        names = [str(prepared.answers.values.get(name) or "") for name in ("name", ADDRESS_FIELD)]
        more: dict[str, Any] = {"effects": prepared.effects, "shown": shown, "sealed": sealed}
        more["alike"] = find_namesakes(context, slug, *names)
        return _enter_page(definition, filled, sent=list(request.form.items(multi=True)), **more)


def _enter_page(definition: FormDefinition, filled: FilledCorrection, status: int = 200, **more: Any) -> Response:
    page = render_template(
        "registrations/enter.html",
        definition=definition,
        title=definition.title.in_language("en"),
        filled=filled,
        reasons=ENTERING,
        consent_note=CONSENT_NOTE if definition.consents else "",
        fields=render_fields(definition, "en", values=filled.answers, errors=filled.errors),
        summary=render_summary(definition, "en", filled.errors),
        **{"effects": (), "shown": (), "sealed": (), "sent": (), "alike": (), **more},
    )
    return personal(make_response(page, status))


def _add_link(blueprint: Blueprint, context: CorrectionsContext) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/link")
    @needs("coordinator")
    def send_link(registration_id: UUID) -> AnyResponse:
        touched(context, registration_id)
        try:
            send_again(context, str(registration_id), holder().name)
        except DomainError as refusal:
            if refusal.code != "sent-recently":
                raise
            return redirect(f"/console/registrations/{registration_id}?done=sent-recently", 303)
        return redirect(f"/console/registrations/{registration_id}?done=sent", 303)


def _answers(definition: FormDefinition) -> dict[str, Any]:
    """What was sent as answers."""
    return {
        name: value for name, value in from_form_encoded(definition, request.form).items() if not name.startswith(DESK)
    }


def _with_errors(filled: FilledCorrection, faulty: FaultyAnswers) -> FilledCorrection:
    values = {**filled.answers, **faulty.answers.values, **faulty.answers.sealed}
    return FilledCorrection(values, filled.email, filled.reason, tuple(faulty.answers.errors))


def _with_fault(filled: FilledCorrection, refusal: DomainError, nothing: str) -> FilledCorrection:
    return FilledCorrection(filled.answers, filled.email, filled.reason, fault=refusal_text(refusal, nothing))


def add_merging(blueprint: Blueprint, context: CorrectionsContext) -> None:
    """``/console/registrations/<id>/merge``: choose the other, then the answers, then merge."""

    @blueprint.get("/registrations/<uuid:registration_id>/merge")
    @needs("coordinator")
    def merge_page(registration_id: UUID) -> Response:
        view, other = touched(context, registration_id), request.args.get("other", "")
        if not other:
            return _choose_page(context, view, request.args.get("q", "").strip()[:100])
        return _pair_page(_pair(context, registration_id, other))

    @blueprint.post("/registrations/<uuid:registration_id>/merge")
    @needs("coordinator")
    def merge_it(registration_id: UUID) -> AnyResponse:
        touched(context, registration_id)
        pair = _pair(context, registration_id, request.form.get("other", ""))
        taken = [
            name.removeprefix("take.") for name, value in request.form.items() if name.startswith("take.") and value
        ]
        taken = [name for name in taken if request.form.get(f"take.{name}") == "other"]
        kept, other = pair.kept.person.registration.id, pair.other.person.registration.id
        wanted = MergeWanted(
            (kept, seen_revision("kept-seen")), (other, seen_revision("other-seen")), taken, holder().name
        )
        try:
            person = merge(context, wanted)
        except FaultyAnswers as faulty:
            faults = "; ".join(sorted({error.message for error in faulty.answers.errors}))
            return _pair_page(pair, 422, f"Nothing was merged: the chosen answers do not fit together: {faults}.")
        except DomainError as refusal:
            now = _pair(context, registration_id, request.form.get("other", "")) if refusal.code != "no-place" else pair
            status = 412 if refusal.code == "edit-conflict" else 409
            return _pair_page(now, status, refusal_text(refusal, "Nothing was merged"))
        return redirect(f"/console/registrations/{person.registration.id}?done=merged", 303)


def _pair(context: CorrectionsContext, registration_id: UUID, other: str) -> Pair:
    try:
        other_id = UUID(other)
    except ValueError:
        raise BadRequest("unknown registration") from None
    touched(context, other_id)
    return pair_of(context, str(registration_id), str(other_id))


def _choose_page(context: CorrectionsContext, view: PersonView, q: str) -> Response:
    page = render_template(
        "registrations/merge_choose.html", view=view, person=view.person, q=q, found=find_alike(context, view, q)
    )
    return personal(make_response(page))


def _pair_page(pair: Pair, status: int = 200, fault: str = "") -> Response:
    page = render_template("registrations/merge.html", pair=pair, fault=fault, sealed=SEALED)
    return personal(make_response(page, status))
