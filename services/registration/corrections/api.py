"""Correct, enter, merge and send again, for coordinators' programs."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from services.registration.corrections.model import CORRECTING, ENTERING, Correction, CorrectionPreview
from services.registration.corrections.service import (
    CorrectionsContext,
    DeskEntry,
    FaultyAnswers,
    MergeWanted,
    correct,
    enter,
    merge,
    pair_of,
    prepare_correction,
    prepare_entry,
    send_again,
)
from services.registration.people.listing import PersonView, show_person
from services.registration.people.schemas import PersonSchema
from services.registration.people.seats import to_public
from shared.http.access import holder, needs, require_touch
from shared.http.headers import personal, require_match
from shared.http.problems import ProblemSchema, problem
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import StrictBoolean

ANSWERS = {"description": "By name of the question. Answers that are not sent stay; null deletes an answer"}
DRY_RUN = {"description": "Change nothing; return what it would do"}


class CorrectionWantedSchema(ma.Schema):
    """What to change of a registration."""

    class Meta:
        unknown = ma.RAISE

    reason = ma.fields.String(required=True, validate=ma.validate.OneOf(list(CORRECTING)))
    answers = ma.fields.Dict(keys=ma.fields.String(), load_default=dict, metadata=ANSWERS)
    email = ma.fields.String(
        load_default=None,
        validate=ma.validate.Length(max=254),
        metadata={"description": "A new address counts as unconfirmed, and all links stop working"},
    )
    dry_run = StrictBoolean(load_default=False, metadata=DRY_RUN)


class CorrectionDifferenceSchema(ma.Schema):
    """An answer that changes, as text for people; empty where there is none."""

    label = ma.fields.String(required=True)
    before = ma.fields.String(required=True)
    after = ma.fields.String(required=True)


class CorrectionSchema(ma.Schema):
    """What changed, or would change."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    fields_changed = ma.fields.List(ma.fields.String(), required=True)
    differences = ma.fields.List(ma.fields.Nested(CorrectionDifferenceSchema), required=True)
    effects = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Other effects"})


class EntryWantedSchema(ma.Schema):
    """A person to enter on a form."""

    class Meta:
        unknown = ma.RAISE

    reason = ma.fields.String(required=True, validate=ma.validate.OneOf(list(ENTERING)))
    answers = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "Answers to the form's questions"}
    )
    dry_run = StrictBoolean(load_default=False, metadata=DRY_RUN)


class EntryResultSchema(ma.Schema):
    """What entering a person does."""

    registration = ma.fields.Nested(PersonSchema, required=True, allow_none=True)
    effects = ma.fields.List(ma.fields.String(), required=True)


def corrections_blueprint(context: CorrectionsContext) -> Any:
    """Routes of registrations that are corrected, entered or mailed their link."""
    blueprint = Blueprint("corrections", __name__, url_prefix="/v1", description="Correcting and entering people")
    _add_correction(blueprint, context)
    _add_entry(blueprint, context)
    _add_link(blueprint, context)
    return blueprint


def _add_correction(blueprint: Any, context: CorrectionsContext) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/correction")
    @blueprint.arguments(CorrectionWantedSchema)
    @blueprint.response(200, CorrectionSchema)
    @_refusals(blueprint, 404, 409, 412, 428)
    @needs("coordinator")
    def correct_one(content: dict[str, Any], registration_id: Any) -> Response:
        """Correct answers or the address of a person; `If-Match`: the revision seen. Both addresses are notified."""
        view = touched(context, registration_id)
        require_match(str(view.person.registration.revision))
        wanted = Correction(
            str(registration_id),
            view.person.registration.revision,
            content["answers"],
            content["email"],
            content["reason"],
            holder().name,
        )
        try:
            preview = prepare_correction(context, wanted).preview
            person = view.person if content["dry_run"] else correct(context, wanted)
        except FaultyAnswers as faulty:
            return faults_of(faulty)
        response = personal(jsonify(CorrectionSchema().dump(_corrected(to_public(person), preview))))
        response.set_etag(str(person.registration.revision))
        return response


def _corrected(registration: dict[str, Any], preview: CorrectionPreview) -> dict[str, Any]:
    return {
        "registration": registration,
        "fields_changed": list(preview.fields),
        "differences": [asdict(difference) for difference in preview.differences],
        "effects": list(preview.effects),
    }


def _add_entry(blueprint: Any, context: CorrectionsContext) -> None:
    @blueprint.post("/forms/<slug>/registrations")
    @blueprint.arguments(EntryWantedSchema)
    @blueprint.response(201, EntryResultSchema)
    @blueprint.alt_response(200, schema=EntryResultSchema, success=True)
    @_refusals(blueprint, 404, 409)
    @needs("coordinator")
    def enter_one(content: dict[str, Any], slug: str) -> Response:
        """Enter a person on a form. Limits of seats, waiting list and people per address apply as always.

        The coordinator gives a reason in place of the confirmation by the owner of the address. The person gets a
        mail. With `dry_run` the response is 200.
        """
        require_touch(slug)
        entry = DeskEntry(slug, content["answers"], content["reason"], holder().name)
        try:
            effects = prepare_entry(context, entry).effects
            person = None if content["dry_run"] else enter(context, entry)
        except FaultyAnswers as faulty:
            return faults_of(faulty)
        made = None if person is None else to_public(person)
        response = personal(jsonify(EntryResultSchema().dump({"registration": made, "effects": effects})))
        if person is not None:
            response.status_code = 201
            response.headers["Location"] = f"/v1/registrations/{person.registration.id}"
            response.set_etag(str(person.registration.revision))
        return response


def _add_link(blueprint: Any, context: CorrectionsContext) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/link")
    @blueprint.response(202)
    @_refusals(blueprint, 404, 409)
    @needs("coordinator")
    def send_link(registration_id: Any) -> None:
        """Mail a person the link to manage their registration again; at most once in five minutes."""
        touched(context, registration_id)
        send_again(context, str(registration_id), holder().name)


def touched(context: CorrectionsContext, registration_id: Any) -> PersonView:
    """The registration, if the caller's key covers its form."""
    view = show_person(context.work, str(registration_id))
    require_touch(view.form.slug)
    return view


def faults_of(faulty: FaultyAnswers) -> Response:
    """422 with every fault and a pointer to its field."""
    faults = [asdict(fault) | {"pointer": f"/answers{fault.pointer}"} for fault in faulty.answers.errors]
    return problem(422, "invalid", "Some answers need attention", errors=faults)


def _refusals(blueprint: Any, *statuses: int) -> Callable[[Any], Any]:
    def around(view: Any) -> Any:
        for status in statuses:
            view = blueprint.alt_response(status, schema=ProblemSchema)(view)
        return view

    return around


class MergeWantedSchema(ma.Schema):
    """The registration that ends, and what is taken of it."""

    class Meta:
        unknown = ma.RAISE

    other = ma.fields.UUID(required=True, metadata={"description": "The registration that ends"})
    other_revision = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(min=1))
    take = ma.fields.List(
        ma.fields.String(),
        load_default=list,
        validate=ma.validate.Length(max=200),
        metadata={
            "description": "Questions for which the other registration's answers are kept; also `email` and `sealed`"
        },
    )
    dry_run = StrictBoolean(load_default=False, metadata={"description": "Change nothing; return the differences"})


class MergedSchema(ma.Schema):
    """The registration that stays, and what differed."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    differed = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Nested(CorrectionDifferenceSchema), required=True
    )
    effects = ma.fields.List(ma.fields.String(), required=True)


def add_merge_operation(blueprint: Blueprint, context: CorrectionsContext) -> None:
    """``POST /v1/registrations/<id>/merge``."""
    route: Any = blueprint

    @route.post("/registrations/<uuid:registration_id>/merge")
    @route.arguments(MergeWantedSchema)
    @route.response(200, MergedSchema)
    @route.alt_response(404, schema=ProblemSchema)
    @route.alt_response(409, schema=ProblemSchema)
    @route.alt_response(412, schema=ProblemSchema)
    @route.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def merge_two(content: dict[str, Any], registration_id: UUID) -> Response:
        """Merge two registrations of a person on a form; `If-Match`: the revision of the one that stays.

        The registration with the better place has to stay: a seat, an offered seat, a place in line, one past an offer;
        of two alike, the older one.
        """
        view, identity, other = touched(context, registration_id), str(registration_id), str(content["other"])
        touched(context, content["other"])
        revision = view.person.registration.revision
        require_match(str(revision))
        pair = pair_of(context, identity, other)
        wanted = MergeWanted((identity, revision), (other, content["other_revision"]), content["take"], holder().name)
        try:
            person = pair.kept.person if content["dry_run"] else merge(context, wanted)
        except FaultyAnswers as faulty:
            return faults_of(faulty)
        differed = {name: asdict(difference) for name, difference in pair.differs.items()}
        shown = {"registration": to_public(person), "differed": differed, "effects": list(pair.effects)}
        response = personal(jsonify(MergedSchema().dump(shown)))
        response.set_etag(str(person.registration.revision))
        return response
