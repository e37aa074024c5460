"""Console pages on which a second person approves, and on which the destruction of a form's key is asked for."""

from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.service import check_slug, list_forms
from services.registration.forms.store import StoredForm
from services.registration.sealed_lists.approving import ApprovalDesk
from services.registration.sealing.approvals import DECISIONS, DESTROY_KEY
from shared.core.errors import DomainError
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.headers import personal

RULE = "/registrations/sealed-approvals"
PATH = f"/console{RULE}"


def add_approvals(blueprint: Blueprint, desk: ApprovalDesk) -> None:
    """``/console/registrations/sealed-approvals`` and ``…/forms/<slug>/destroy-key``."""
    _add_deciding(blueprint, desk)
    _add_destroying(blueprint, desk)


def _add_deciding(blueprint: Blueprint, desk: ApprovalDesk) -> None:
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


def _add_destroying(blueprint: Blueprint, desk: ApprovalDesk) -> None:
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
