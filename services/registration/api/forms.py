"""Forms: what they ask, and submitting them."""

from typing import Any

from flask import Response, jsonify

from services.registration.api import intake_pages
from services.registration.api.challenge import challenge_path
from services.registration.api.cross_origin import allow, preflight, with_preflight
from services.registration.api.form_change_schemas import FormListSchema
from services.registration.api.form_changes import add_form_changes, form_for_coordinators
from services.registration.api.schemas import (
    FormQuery,
    FormSchema,
    ReceiptSchema,
    SubmissionSchema,
)
from services.registration.api.submissions import Refused, as_json, faults_as_json, take
from services.registration.api.submitted import language_of, read_submitted
from services.registration.api.tools import DeskTools, Tools, counted_look_up
from services.registration.domain.opening import closed_reason
from services.registration.usecases.look_up import list_forms, view_form
from shared.core.errors import DomainError, Unavailable
from shared.forms.public import to_public
from shared.web.access import may_touch, needs, public
from shared.web.entity_tags import conditional
from shared.web.limits import limited
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema, from_domain, from_outage


def forms_blueprint(tools: Tools | None, desk: DeskTools | None) -> Any:
    """Routes below ``/v1/forms``.

    Args:
        tools: of the public routes; None for an application without them.
        desk: of the coordinators' routes; None for an application without them.
    """
    blueprint = Blueprint("forms", __name__, url_prefix="/v1/forms", description="Forms and submitting them")
    if tools is not None:
        _add_public(blueprint, tools)
        _add_intake(blueprint, tools)
    if desk is not None:
        _add_list(blueprint, desk)
        add_form_changes(blueprint, desk)
    return blueprint


def _add_public(blueprint: Any, tools: Tools) -> None:
    @blueprint.route("/<slug>", methods=["GET"])
    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, FormSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @public
    @with_preflight
    def show(query: dict[str, Any], slug: str) -> Response:
        """What a form asks, and whether it takes registrations."""
        with counted_look_up():
            view = view_form(tools.work, slug, tools.clock())
        language = language_of({"lang": query["lang"]}, None)
        reason = closed_reason(view.stored.opening, tools.clock())
        content = to_public(view.definition, language)
        content |= {"event": view.stored.event_id, "open": not reason, "verification": view.stored.verification}
        content["proof_of_work"] = {"challenge": challenge_path(slug)}
        content["seats"] = "closed" if reason else view.stored.seats.word
        return conditional(allow(jsonify(content), view.origins), revision=view.stored.revision)

    @blueprint.route("/<slug>", methods=["OPTIONS"])
    @blueprint.doc(summary="May another origin read this form?")
    @blueprint.response(204)
    @public
    def ask_to_read(slug: str) -> Response:
        return preflight(tools.form_view(slug).origins, "GET")


def _add_intake(blueprint: Any, tools: Tools) -> None:
    @blueprint.route("/<slug>/submissions", methods=["POST"])
    @blueprint.doc(**_INTAKE_DOCUMENT)
    @blueprint.response(202, ReceiptSchema)
    @public
    @limited("intake")
    @with_preflight
    def submit(slug: str) -> Response:
        """Submit a form. The answer is the same for everybody; the receipt and the mail report the outcome.

        Repeating it with the same `Idempotency-Key` gives the same answer and stores nothing more.
        """
        with counted_look_up():
            view = tools.form_view(slug)
        submitted = read_submitted(view.definition)
        if submitted.as_page:
            return intake_pages.submit(tools, view, submitted)
        partner = view.partner(submitted.partner)
        language = language_of(submitted.beside, partner.language if partner else None)
        try:
            return as_json(take(tools, view, submitted), view, language)
        except Refused as refused:
            return faults_as_json(refused, view)
        except DomainError as refusal:
            return allow(from_domain(refusal), view.origins)
        except Unavailable as outage:
            return allow(from_outage(outage), view.origins)

    @blueprint.route("/<slug>/submissions", methods=["OPTIONS"])
    @blueprint.doc(summary="May another origin submit this form?")
    @blueprint.response(204)
    @public
    def ask_to_submit(slug: str) -> Response:
        return preflight(tools.form_view(slug).origins, "POST")


def _add_list(blueprint: Any, tools: DeskTools) -> None:
    @blueprint.get("")
    @blueprint.response(200, FormListSchema)
    @needs("coordinator", "viewer")
    def list_all() -> dict[str, Any]:
        """All forms, with their seats."""
        return {
            "items": [
                form_for_coordinators(form, tools.clock()) for form in list_forms(tools.work) if may_touch(form.slug)
            ]
        }


_PAGE = {"text/html": {"schema": {"type": "string"}}}
"""To a form sent by a browser the answer is a page, whatever it says."""
_PROBLEM = {"application/problem+json": {"schema": ProblemSchema}, **_PAGE}
_INTAKE_DOCUMENT: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[!-~]+$"},
            "description": "Made by the client, new for each filled form, kept over its repetitions",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SubmissionSchema},
            "application/x-www-form-urlencoded": {"schema": SubmissionSchema},
        },
    },
    "responses": {
        "202": {"content": {"application/json": {"schema": ReceiptSchema}, **_PAGE}},
    }
    | {
        str(status): {"description": text, "content": _PROBLEM}
        for status, text in {
            400: "Cannot be parsed",
            404: "No such form",
            409: "`form-closed`",
            413: "Too large",
            415: "Neither JSON nor a form",
            422: "Answers are wrong, or the key was used for another request",
            429: "Too many from one client network; see Retry-After",
            503: "Too busy, or no more room; see Retry-After",
        }.items()
    },
}
