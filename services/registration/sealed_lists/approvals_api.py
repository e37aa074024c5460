"""Requests that a second person approves, for coordinators' programs."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from services.registration.sealed_lists.approving import ApprovalDesk
from services.registration.sealing.api import SLUG_OR_NOTHING
from services.registration.sealing.approvals import DECISIONS, Approval
from services.registration.sealing.service import MAX_REASON, MIN_REASON
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema

PREFIX = "/v1/sealed-approvals"


class ApprovalWantedSchema(ma.Schema):
    """The key of which form is to be destroyed, and why."""

    class Meta:
        unknown = ma.RAISE

    form = ma.fields.String(required=True, validate=SLUG_OR_NOTHING)
    reason = ma.fields.String(required=True, validate=ma.validate.Length(min=MIN_REASON, max=MAX_REASON))


class DecisionSchema(ma.Schema):
    """What is decided."""

    class Meta:
        unknown = ma.RAISE

    decision = ma.fields.String(required=True, validate=ma.validate.OneOf(list(DECISIONS)))


class ApprovalSchema(ma.Schema):
    """What one person asks for and another one decides."""

    id = ma.fields.String(
        required=True, metadata={"description": "Id of the request, and of the list once it is approved"}
    )
    act = ma.fields.String(required=True, metadata={"enum": ["read-all", "destroy-key"]})
    form = ma.fields.String(required=True)
    asked_by = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    people = ma.fields.Integer(required=True, metadata={"description": "Number of people on the list"})
    asked_at = ma.fields.AwareDateTime(format="iso", required=True)
    expires_at = ma.fields.AwareDateTime(format="iso", required=True)
    decision = ma.fields.String(required=True, allow_none=True)
    decided_by = ma.fields.String(required=True, allow_none=True)
    decided_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)


class ApprovalListSchema(ma.Schema):
    """What waits for a decision, newest first."""

    items = ma.fields.List(ma.fields.Nested(ApprovalSchema), required=True)


def approvals_blueprint(desk: ApprovalDesk) -> Any:
    """Routes below ``/v1/sealed-approvals``."""
    blueprint = Blueprint("sealed-approvals", __name__, url_prefix=PREFIX, description="Approval by a second person")
    _add_asking(blueprint, desk)
    _add_deciding(blueprint, desk)
    return blueprint


def _add_asking(blueprint: Any, desk: ApprovalDesk) -> None:
    @blueprint.get("")
    @blueprint.response(200, ApprovalListSchema)
    @needs("sealed-reader", "coordinator")
    def list_waiting() -> dict[str, Any]:
        """Requests that wait for a second person: whole lists, and keys to be destroyed."""
        return {"items": [_public(one) for one in desk.waiting(holder().forms)]}

    @blueprint.post("")
    @blueprint.arguments(ApprovalWantedSchema)
    @blueprint.response(201, ApprovalSchema)
    @blueprint.alt_response(204, success=True)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(410, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def ask_to_destroy(wanted: Mapping[str, Any]) -> Any:
        """Request to destroy the key of a form. Its sealed answers can then never be read, not even from backups.

        204: the key is destroyed at once, if the installation has a single reader.
        """
        require_touch(wanted["form"])
        asked = desk.ask_to_destroy(wanted["form"], wanted["reason"], holder().name)
        return ("", 204) if asked is None else _public(asked)


def _add_deciding(blueprint: Any, desk: ApprovalDesk) -> None:
    @blueprint.post("/<uuid:approval_id>")
    @blueprint.arguments(DecisionSchema)
    @blueprint.response(200, ApprovalSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(410, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def decide(wanted: Mapping[str, Any], approval_id: Any) -> dict[str, Any]:
        """Approve or decline the request of another person, or withdraw your own.

        An approval takes effect at once: the requester can read the list under the same id, or the key is destroyed.
        """
        return _public(desk.decide(str(approval_id), wanted["decision"], holder().name, may_touch))


def _public(one: Approval) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in Approval.__slots__ if name != "filters"}
    return row | {"people": len(one.people)}
