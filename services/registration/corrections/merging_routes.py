"""Merging, in the console and for programs."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.corrections.api import DifferenceSchema, faults_of, touched
from services.registration.corrections.merging import (
    SEALED,
    MergeWanted,
    Pair,
    find_alike,
    merge,
    pair_of,
)
from services.registration.corrections.service import CorrectionDesk, FaultyAnswers
from services.registration.people.listing import PersonView
from services.registration.people.offers_api import to_public
from services.registration.people.schemas import PersonSchema
from shared.contracts.schemas import StrictBoolean
from shared.core.errors import DomainError
from shared.web.access import holder, needs
from shared.web.entity_tags import require_match
from shared.web.headers import personal
from shared.web.operations import Blueprint as Operations
from shared.web.problems import ProblemSchema


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
        metadata={"description": "Names of questions whose answers of the other one stay; `email` and `sealed` too"},
    )
    dry_run = StrictBoolean(load_default=False, metadata={"description": "Return what differs, and change nothing"})


class MergedSchema(ma.Schema):
    """The registration that stays, and what differed."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    differed = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(DifferenceSchema), required=True)
    effects = ma.fields.List(ma.fields.String(), required=True)


def add_merge_operation(blueprint: Operations, desk: CorrectionDesk) -> None:
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

        The registration with a seat, or the older one, has to stay.
        """
        view, identity, other = touched(desk, registration_id), str(registration_id), str(content["other"])
        touched(desk, content["other"])
        revision = view.person.registration.revision
        require_match(str(revision))
        pair = pair_of(desk, identity, other)
        wanted = MergeWanted((identity, revision), (other, content["other_revision"]), content["take"], holder().name)
        try:
            person = pair.kept.person if content["dry_run"] else merge(desk, wanted)
        except FaultyAnswers as faulty:
            return faults_of(faulty)
        differed = {name: asdict(one) for name, one in pair.differs.items()}
        shown = {"registration": to_public(person), "differed": differed, "effects": list(pair.effects)}
        response = personal(jsonify(MergedSchema().dump(shown)))
        response.set_etag(str(person.registration.revision))
        return response


def add_merging(blueprint: Blueprint, desk: CorrectionDesk) -> None:
    """``/console/registrations/<id>/merge``: choose the other, then the answers, then merge."""

    @blueprint.get("/registrations/<uuid:registration_id>/merge")
    @needs("coordinator")
    def merge_page(registration_id: UUID) -> Response:
        view, other = touched(desk, registration_id), request.args.get("other", "")
        if not other:
            return _choose_page(desk, view, request.args.get("q", "").strip()[:100])
        return _pair_page(_pair(desk, registration_id, other))

    @blueprint.post("/registrations/<uuid:registration_id>/merge")
    @needs("coordinator")
    def merge_it(registration_id: UUID) -> AnyResponse:
        touched(desk, registration_id)
        pair = _pair(desk, registration_id, request.form.get("other", ""))
        taken = [name.removeprefix("take.") for name, one in request.form.items() if name.startswith("take.") and one]
        taken = [name for name in taken if request.form.get(f"take.{name}") == "other"]
        kept, other = pair.kept.person.registration.id, pair.other.person.registration.id
        wanted = MergeWanted((kept, _seen("kept-seen")), (other, _seen("other-seen")), taken, holder().name)
        try:
            person = merge(desk, wanted)
        except FaultyAnswers as faulty:
            faults = "; ".join(sorted({error.message for error in faulty.answers.errors}))
            return _pair_page(pair, 422, f"the chosen answers do not fit together: {faults}")
        except DomainError as refusal:
            now = _pair(desk, registration_id, request.form.get("other", "")) if refusal.code != "no-place" else pair
            return _pair_page(now, 412 if refusal.code == "changed-meanwhile" else 409, refusal.detail)
        return redirect(f"/console/registrations/{person.registration.id}?done=merged", 303)


def _pair(desk: CorrectionDesk, registration_id: UUID, other: str) -> Pair:
    try:
        other_id = UUID(other)
    except ValueError:
        raise BadRequest("unknown registration") from None
    touched(desk, other_id)
    return pair_of(desk, str(registration_id), str(other_id))


def _choose_page(desk: CorrectionDesk, view: PersonView, q: str) -> Response:
    page = render_template(
        "registrations/merge_choose.html", view=view, person=view.person, q=q, found=find_alike(desk, view, q)
    )
    return personal(make_response(page))


def _pair_page(pair: Pair, status: int = 200, fault: str = "") -> Response:
    page = render_template("registrations/merge.html", pair=pair, fault=fault, sealed=SEALED)
    return personal(make_response(page, status))


def _seen(name: str) -> int:
    seen = request.form.get(name, "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
        raise BadRequest("unknown state")
    return int(seen)
