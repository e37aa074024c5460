"""Requests that a second person approves, for programs and in the console, and the destruction of a form's key."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Blueprint as PageBlueprint
from flask import Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.service import check_slug, list_forms
from services.registration.forms.store import StoredForm
from services.registration.sealed_lists.approving import ApprovalDesk
from services.registration.sealing.api import SLUG_OR_NOTHING
from services.registration.sealing.approvals import DECISIONS, DESTROY_KEY, Approval
from services.registration.sealing.service import MAX_REASON, MIN_REASON
from shared.core.errors import DomainError
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.headers import personal
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


RULE = "/registrations/sealed-approvals"
PATH = f"/console{RULE}"


def add_approvals(blueprint: PageBlueprint, desk: ApprovalDesk) -> None:
    """``/console/registrations/sealed-approvals`` and ``…/forms/<slug>/destroy-key``."""
    _add_decision_pages(blueprint, desk)
    _add_destroying(blueprint, desk)


def _add_decision_pages(blueprint: PageBlueprint, desk: ApprovalDesk) -> None:
    @blueprint.get(f"{RULE}/<uuid:approval_id>")
    @needs("sealed-reader", "coordinator")
    def show_approval(approval_id: UUID) -> Response:
        return _approval_page(desk, approval_id)

    @blueprint.post(f"{RULE}/<uuid:approval_id>")
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def decide_approval(approval_id: UUID) -> AnyResponse:
        decision = request.form.get("decision", "")
        if decision not in DECISIONS:
            raise BadRequest("unknown decision")
        try:
            desk.decide(str(approval_id), decision, holder().name, may_touch)
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            return _approval_page(desk, approval_id, refusal, 409)
        return redirect(f"{PATH}/{approval_id}", 303)


def _approval_page(
    desk: ApprovalDesk, approval_id: UUID, refused: DomainError | None = None, status: int = 200
) -> Response:
    approval, form = desk.find(str(approval_id), may_touch)
    page = render_template(
        "sealed_lists/approval.html",
        approval=approval,
        title=form.title,
        state=approval.state(desk.lists.clock()),
        destroys=approval.act == DESTROY_KEY,
        is_destroyed=approval.act == DESTROY_KEY and desk.lists.keys.store.is_destroyed(approval.form),
        mine=approval.asked_by == holder().name,
        asked="asked" in request.args,
        refused=refused,
    )
    return personal(make_response(page, status))


def _add_destroying(blueprint: PageBlueprint, desk: ApprovalDesk) -> None:
    @blueprint.get("/registrations/forms/<slug>/destroy-key")
    @needs("sealed-reader", "coordinator")
    def ask_to_destroy_page(slug: str) -> Response:
        return _destroy_page(desk, slug)

    @blueprint.post("/registrations/forms/<slug>/destroy-key")
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def ask_to_destroy_key(slug: str) -> AnyResponse:
        check_slug(slug)
        require_touch(slug)
        try:
            asked = desk.ask_to_destroy(slug, request.form.get("reason", ""), holder().name)
        except DomainError as refusal:
            return _destroy_page(desk, slug, refusal)
        to = f"{PATH}/{asked.id}?asked=yes" if asked else f"/console/registrations/forms/{slug}"
        return redirect(to, 303)


def _destroy_page(desk: ApprovalDesk, slug: str, refused: DomainError | None = None) -> Response:
    check_slug(slug)
    require_touch(slug)
    form = _form(desk, slug)
    page = render_template(
        "sealed_lists/destroy.html",
        form=form,
        one_reader=desk.lists.rules.one_reader,
        is_destroyed=desk.lists.keys.store.is_destroyed(slug),
        people=desk.lists.sealed_people(slug),
        reason=request.form.get("reason", ""),
        refused=refused,
    )
    return personal(make_response(page, 422 if refused else 200))


def _form(desk: ApprovalDesk, slug: str) -> StoredForm:
    found = next((form for form in list_forms(desk.lists.work) if form.slug == slug), None)
    if found is None:
        raise DomainError("form-unknown")
    return found
