"""Erasure of people, and the export of one person's data for a data-subject request: for programs and the console."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Blueprint as PageBlueprint
from flask import Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.people.messages import RegistrationMessages
from services.registration.people.schemas import RegistrationChangeSchema
from services.registration.people.wording import change_rows
from services.registration.privacy.erasure import (
    EVERYWHERE,
    HERE,
    REASONS,
    Erasure,
    TombstoneView,
    erase_known,
    form_of,
    show_tombstone,
)
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.headers import personal
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.runtime.clock import Clock


class ErasureSchema(ma.Schema):
    """Whom to erase, and why."""

    class Meta:
        unknown = ma.RAISE

    reason = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(list(REASONS)),
        metadata={"description": "Kept in the history. Not free text, which could identify the erased person"},
    )
    scope = ma.fields.String(
        load_default=HERE,
        validate=ma.validate.OneOf([HERE, EVERYWHERE]),
        metadata={
            "description": "`registration`: this one; `address`: all of the same address, on the forms that your key "
            "is good for"
        },
    )


class ErasedSchema(ma.Schema):
    """What is left of a registration."""

    id = ma.fields.String(required=True)
    form = ma.fields.String(required=True)
    status = ma.fields.String(required=True, metadata={"description": "Status under which it is still counted"})
    erased_at = ma.fields.AwareDateTime(format="iso", required=True)
    history = ma.fields.List(ma.fields.Nested(RegistrationChangeSchema), required=True)


def erasing_blueprint(work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> Any:
    """``/v1/registrations/{id}/erasure``."""
    blueprint = Blueprint("erasing", __name__, url_prefix="/v1/registrations", description="Erasing people")

    @blueprint.post("/<uuid:registration_id>/erasure")
    @blueprint.arguments(ErasureSchema)
    @blueprint.response(200, ErasedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def erase(wanted: dict[str, Any], registration_id: Any) -> dict[str, Any]:
        """Erase the person of a registration in all services. It cannot be undone. Repeating it changes nothing.

        The seat is freed for the next person on the waiting list. Attendance of an event that has begun stays counted.
        No further mail is sent, not even about the erasure.
        """
        identity = str(registration_id)
        require_touch(form_of(work, identity))
        erase_known(work, clock, messages, Erasure(identity, **wanted, by=holder().name, may_touch=may_touch))
        return _left(show_tombstone(work, identity))

    @blueprint.get("/<uuid:registration_id>/erasure")
    @blueprint.response(200, ErasedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def show(registration_id: Any) -> dict[str, Any]:
        """What is stored about an erased registration: when, by whom and why it was erased."""
        erased = show_tombstone(work, str(registration_id))
        require_touch(erased.tombstone.form)
        return _left(erased)

    return blueprint


def _left(erased: TombstoneView) -> dict[str, Any]:
    return {**asdict(erased.tombstone), "history": [asdict(change) for change in erased.history]}


REASON_WORDS = {
    "asked": "The person asked for it",
    "not-theirs": "Another person registered this address",
    "mistake": "It was created by mistake",
    "no-longer-needed": "It is no longer needed",
}
"""What a coordinator chooses from."""


def add_erasing(blueprint: PageBlueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    """``POST /console/registrations/<id>/erasure``."""

    @blueprint.post("/registrations/<uuid:registration_id>/erasure")
    @needs("coordinator")
    def erase_it(registration_id: UUID) -> AnyResponse:
        identity = str(registration_id)
        require_touch(form_of(work, identity))
        reason, scope = request.form.get("reason", ""), request.form.get("scope", HERE)
        if reason not in REASONS or scope not in (HERE, EVERYWHERE) or request.form.get("sure") != "yes":
            raise BadRequest("unknown reason, or not confirmed")
        erase_known(work, clock, messages, Erasure(identity, reason, holder().name, scope, may_touch))
        return redirect(f"/console/registrations/{identity}", 303)


def erased_page(work: UnitOfWork, registration_id: UUID) -> Response:
    """What is left of an erased registration.

    Raises:
        DomainError: ``not-found``: it was not erased, or never was; ``not-allowed``.
    """
    erased = show_tombstone(work, str(registration_id))
    require_touch(erased.tombstone.form)
    page = render_template(
        "registrations/erased.html", erased=erased, history=change_rows(erased.history), form=erased.tombstone.form
    )
    return personal(make_response(page))
