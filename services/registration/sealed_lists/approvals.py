"""Requests that a second person approves, and what follows from the decision: for programs and in the console."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Blueprint as PageBlueprint
from flask import Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.access.service import any_is_new
from services.registration.forms.service import check_slug, list_forms
from services.registration.forms.store import StoredForm, find_form
from services.registration.sealed_lists.approval_messages import publish_approval
from services.registration.sealed_lists.purposes import EVERYTHING, PURPOSES
from services.registration.sealed_lists.service import SealedListsContext
from services.registration.sealing.api import SLUG_OR_NOTHING
from services.registration.sealing.key_service import (
    KeyOrder,
    StillOpen,
    StillUndecided,
    SubmissionQueue,
    destroy_form_key,
)
from services.registration.sealing.key_store import KeyGone
from services.registration.sealing.service import (
    APPROVED,
    DECISIONS,
    DESTROY_KEY,
    KEY_GONE,
    MAX_REASON,
    MIN_REASON,
    READ_ALL,
    Approval,
    ask,
    checked_reason,
    consent_to_destroy,
    decide_approval,
    find_approval,
    new_approval,
    waiting_approvals,
)
from services.registration.sealing.store import find_public_key
from shared.http.access import holder, may_touch, needs, needs_recent_sign_in, require_touch
from shared.http.headers import personal
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.public_forms.definition import parse_definition
from shared.runtime.errors import DomainError

MayTouch = Callable[[str], bool]
NEW = (
    "you or the person who asked has had access for less than three days; another person must approve it, or it must "
    "be requested again later"
)


@dataclass(frozen=True, slots=True)
class ApprovalsContext:
    """Asks for and decides approvals.

    Attributes:
        lists: the context that opens what was approved.
        queue: the queue of submissions, which may be sealed to a key that is to be destroyed.
        wait: a function that waits for the given number of seconds.
    """

    lists: SealedListsContext
    queue: SubmissionQueue
    wait: Callable[[float], object] = time.sleep

    def waiting(self, forms: frozenset[str] | None) -> Sequence[Approval]:
        """Return what waits for a decision; only of ``forms``, unless that is None."""
        with self.lists.work.transaction() as connection:
            return waiting_approvals(connection, self.lists.clock(), forms)

    def find(self, approval_id: str, may_touch: MayTouch) -> tuple[Approval, StoredForm]:
        """Return a request and its form.

        Raises:
            DomainError: ``not-found``: there is none, or it is about a form that the key is not good for.
        """
        with self.lists.work.transaction() as connection:
            found = find_approval(connection, approval_id)
            form = find_form(connection, found.form) if found else None
        if found is None or form is None or not may_touch(found.form):
            raise DomainError("not-found")
        return found, form

    def ask_to_destroy(self, form: str, reason: str, who: str) -> Approval | None:
        """Ask for the destruction of a form's key; where one reader suffices, destroy it and return None.

        Raises:
            DomainError: ``reason-needed``; ``sealed-gone``: the form has no key; as :meth:`destroy`.
        """
        lists, now, reason = self.lists, self.lists.clock(), checked_reason(reason)
        with lists.work.transaction() as connection:
            if find_public_key(connection, form) is None:
                raise DomainError("sealed-gone", "this form has no key, or it was destroyed")
            if not lists.one_reader:
                asked = new_approval(DESTROY_KEY, form, who, reason, now)
                ask(connection, asked)
                publish_approval(connection, asked, now)
                return asked
        self._destroy(form, who, {"second_person": "none: TROIKA_SEALED_ONE_READER", "reason": reason})
        return None

    def decide(self, approval_id: str, decision: str, who: str, may_touch: MayTouch) -> Approval:
        """Decide a request. An approval is carried out: it opens the list for the requester, or destroys the key.

        Raises:
            DomainError: ``not-found``; ``new-access``: one of the two has received their sign-in lately; as
                :func:`decide_approval`; as :meth:`destroy`, with the approval stored: it can be approved again when
                the obstacle is removed.
        """
        found, _ = self.find(approval_id, may_touch)
        if (found.act, found.decision, decision) == (DESTROY_KEY, APPROVED, APPROVED):
            self.destroy(found.form, who)
            return found
        with self.lists.work.transaction() as connection:
            now = self.lists.clock()
            decided = decide_approval(connection, approval_id, decision, who, now)
            publish_approval(connection, decided, now)
            if decision == APPROVED and decided.act == READ_ALL:
                if any_is_new(connection, (who, decided.asked_by), self.lists.clock()):
                    raise DomainError("new-access", NEW)
                self.lists.open_approved(connection, decided)
        if decision == APPROVED and decided.act == DESTROY_KEY:
            self.destroy(decided.form, who)
        return decided

    def destroy(self, form: str, who: str) -> None:
        """Destroy a key for which two people have agreed within the last day.

        Raises:
            DomainError: ``second-person-needed``; ``form-open``: close the form first; ``undecided-submissions``;
                ``sealed-gone``.
        """
        with self.lists.work.transaction() as connection:
            consent = consent_to_destroy(connection, form, self.lists.clock())
        if not consent:
            raise DomainError("second-person-needed", "no one approved it within 24 hours")
        self._destroy(form, who, consent)

    def _destroy(self, form: str, who: str, consent: Mapping[str, str]) -> None:
        order = KeyOrder(form, who, self.lists.clock, consent=consent)
        try:
            destroy_form_key(self.lists.work, self.lists.keys, order, self.queue, self.wait)
        except StillOpen:
            raise DomainError("form-open", "close the form first: its submissions are sealed to the key") from None
        except StillUndecided as count:
            detail = f"{count} submissions are not decided yet and may need the key: try again in a minute"
            raise DomainError("undecided-submissions", detail) from None
        except KeyGone:
            raise DomainError("sealed-gone", KEY_GONE) from None


PREFIX = "/v1/sealed-approvals"


class ApprovalWantedSchema(ma.Schema):
    """The key of which form is to be destroyed, and why."""

    class Meta:
        unknown = ma.RAISE

    form = ma.fields.String(required=True, validate=SLUG_OR_NOTHING)
    reason = ma.fields.String(required=True, validate=ma.validate.Length(min=MIN_REASON, max=MAX_REASON))


class ApprovalDecisionSchema(ma.Schema):
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
    purpose = ma.fields.String(required=True, allow_none=True, metadata={"description": "Of the list"})
    fields_ = ma.fields.List(
        ma.fields.String(),
        required=True,
        allow_none=True,
        data_key="fields",
        attribute="fields",
        metadata={"description": "Names of the questions that the list opens"},
    )
    asked_at = ma.fields.AwareDateTime(format="iso", required=True)
    expires_at = ma.fields.AwareDateTime(format="iso", required=True)
    decision = ma.fields.String(required=True, allow_none=True)
    decided_by = ma.fields.String(required=True, allow_none=True)
    decided_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)


class ApprovalListSchema(ma.Schema):
    """What waits for a decision, newest first."""

    items = ma.fields.List(ma.fields.Nested(ApprovalSchema), required=True)


def approvals_blueprint(context: ApprovalsContext) -> Any:
    """Routes below ``/v1/sealed-approvals``."""
    blueprint = Blueprint("sealed-approvals", __name__, url_prefix=PREFIX, description="Approval by a second person")
    _add_asking(blueprint, context)
    _add_deciding(blueprint, context)
    return blueprint


def _add_asking(blueprint: Any, context: ApprovalsContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, ApprovalListSchema)
    @needs("sealed-reader", "coordinator")
    def list_waiting() -> dict[str, Any]:
        """Requests that wait for a second person: lists that open much, and keys to be destroyed."""
        return {"items": [_public(approval) for approval in context.waiting(holder().forms)]}

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
        asked = context.ask_to_destroy(wanted["form"], wanted["reason"], holder().name)
        return ("", 204) if asked is None else _public(asked)


def _add_deciding(blueprint: Any, context: ApprovalsContext) -> None:
    @blueprint.post("/<uuid:approval_id>")
    @blueprint.arguments(ApprovalDecisionSchema)
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
        return _public(context.decide(str(approval_id), wanted["decision"], holder().name, may_touch))


def _public(one: Approval) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in Approval.__slots__ if name != "filters"}
    return row | {"people": len(one.people)}


RULE = "/registrations/sealed-approvals"
PATH = f"/console{RULE}"


def add_approvals(blueprint: PageBlueprint, context: ApprovalsContext) -> None:
    """``/console/registrations/sealed-approvals`` and ``…/forms/<slug>/destroy-key``."""
    _add_decision_pages(blueprint, context)
    _add_destroying(blueprint, context)


def _add_decision_pages(blueprint: PageBlueprint, context: ApprovalsContext) -> None:
    @blueprint.get(f"{RULE}/<uuid:approval_id>")
    @needs("sealed-reader", "coordinator")
    def show_approval(approval_id: UUID) -> Response:
        return _approval_page(context, approval_id)

    @blueprint.post(f"{RULE}/<uuid:approval_id>")
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def decide_approval(approval_id: UUID) -> AnyResponse:
        decision = request.form.get("decision", "")
        if decision not in DECISIONS:
            raise BadRequest("unknown decision")
        try:
            context.decide(str(approval_id), decision, holder().name, may_touch)
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            return _approval_page(context, approval_id, refusal, 409)
        return redirect(f"{PATH}/{approval_id}", 303)


def _approval_page(
    context: ApprovalsContext, approval_id: UUID, refused: DomainError | None = None, status: int = 200
) -> Response:
    approval, form = context.find(str(approval_id), may_touch)
    page = render_template(
        "sealed_lists/approval.html",
        approval=approval,
        title=form.title,
        list_title=PURPOSES[approval.purpose or EVERYTHING].title,
        questions=_questions(form, approval.fields),
        state=approval.state(context.lists.clock()),
        destroys=approval.act == DESTROY_KEY,
        is_destroyed=approval.act == DESTROY_KEY and context.lists.keys.store.is_destroyed(approval.form),
        mine=approval.asked_by == holder().name,
        asked="asked" in request.args,
        refused=refused,
    )
    return personal(make_response(page, status))


def _questions(form: StoredForm, names: Sequence[str] | None) -> list[str]:
    """The questions that a list opens, in words; none for a key."""
    return [
        field.label.in_language("en")
        for field in parse_definition(form.definition).fields
        if field.name in (names or ())
    ]


def _add_destroying(blueprint: PageBlueprint, context: ApprovalsContext) -> None:
    @blueprint.get("/registrations/forms/<slug>/destroy-key")
    @needs("sealed-reader", "coordinator")
    def ask_to_destroy_page(slug: str) -> Response:
        return _destroy_page(context, slug)

    @blueprint.post("/registrations/forms/<slug>/destroy-key")
    @needs_recent_sign_in
    @needs("sealed-reader", "coordinator")
    def ask_to_destroy_key(slug: str) -> AnyResponse:
        check_slug(slug)
        require_touch(slug)
        try:
            asked = context.ask_to_destroy(slug, request.form.get("reason", ""), holder().name)
        except DomainError as refusal:
            return _destroy_page(context, slug, refusal)
        to = f"{PATH}/{asked.id}?asked=yes" if asked else f"/console/registrations/forms/{slug}"
        return redirect(to, 303)


def _destroy_page(context: ApprovalsContext, slug: str, refused: DomainError | None = None) -> Response:
    check_slug(slug)
    require_touch(slug)
    form = _form(context, slug)
    page = render_template(
        "sealed_lists/destroy.html",
        form=form,
        one_reader=context.lists.one_reader,
        is_destroyed=context.lists.keys.store.is_destroyed(slug),
        people=context.lists.sealed_people(slug),
        reason=request.form.get("reason", ""),
        refused=refused,
    )
    return personal(make_response(page, 422 if refused else 200))


def _form(context: ApprovalsContext, slug: str) -> StoredForm:
    found = next((form for form in list_forms(context.lists.work) if form.slug == slug), None)
    if found is None:
        raise DomainError("form-unknown")
    return found
