"""Forms: what they ask, and submitting them."""

from typing import Any

from flask import Response, jsonify

from services.registration.forms.opening import closed_reason
from services.registration.intake.form_view import view_form
from services.registration.public import form_pages as intake_pages
from services.registration.public.challenge import challenge_path
from services.registration.public.context import PublicContext, counted_look_up
from services.registration.public.cross_origin import allow, preflight, with_preflight
from services.registration.public.schemas import FormQuery, FormSchema, ReceiptSchema, SubmissionSchema
from services.registration.public.submissions import Refused, as_json, faults_as_json, take
from services.registration.public.submitted import language_of, read_submitted
from shared.core.errors import DomainError, Unavailable
from shared.public_forms.public import json_schema, to_public
from shared.web.access import public
from shared.web.cross_site import refuse_other_sites
from shared.web.entity_tags import conditional
from shared.web.limits import limited
from shared.web.problems import ProblemSchema, from_domain, from_outage

SCHEMA_TYPE = "application/schema+json"


def add_public_forms(blueprint: Any, context: PublicContext) -> None:
    """``GET /v1/forms/{slug}``, its ``/schema``, and ``POST /v1/forms/{slug}/submissions``."""
    _add_definition(blueprint, context)
    _add_schema(blueprint, context)
    _add_intake(blueprint, context)


def _add_definition(blueprint: Any, context: PublicContext) -> None:
    @blueprint.route("/<slug>", methods=["GET"])
    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, FormSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @public
    @with_preflight
    def show(query: dict[str, Any], slug: str) -> Response:
        """The questions of a form, and whether it accepts registrations."""
        with counted_look_up():
            view = view_form(context.work, slug, context.clock())
        language = language_of({"lang": query["lang"]}, None)
        reason = closed_reason(view.stored.opening, context.clock())
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
        return preflight(context.form_view(slug).origins, "GET")


def _add_schema(blueprint: Any, context: PublicContext) -> None:
    @blueprint.route("/<slug>/schema", methods=["GET"])
    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, {"type": "object"}, content_type=SCHEMA_TYPE, description="JSON Schema, draft 2020-12")
    @blueprint.alt_response(404, schema=ProblemSchema)
    @public
    def schema(query: dict[str, Any], slug: str) -> Response:
        """The JSON Schema of the body of a submission, to check answers before they are sent.

        It is a little wider than the check itself, which also knows the rules of Unicode, of addresses and of numbers.
        """
        with counted_look_up():
            view = view_form(context.work, slug, context.clock())
        answer = jsonify(json_schema(view.definition, language_of({"lang": query["lang"]}, None)))
        answer.mimetype = SCHEMA_TYPE
        return conditional(allow(answer, view.origins))


def _add_intake(blueprint: Any, context: PublicContext) -> None:
    @blueprint.route("/<slug>/submissions", methods=["POST"])
    @blueprint.doc(**_INTAKE_DOCUMENT)
    @blueprint.response(202, ReceiptSchema)
    @public
    @limited("intake")
    @with_preflight
    def submit(slug: str) -> Response:
        """Submit a form. The response is the same for everyone; the receipt and the mail report the outcome.

        Repeating it with the same `Idempotency-Key` gives the same answer and stores nothing more.
        """
        with counted_look_up():
            view = context.form_view(slug)
        refuse_other_sites(view.origins)
        submitted = read_submitted(view.definition)
        if submitted.as_page:
            return intake_pages.submit(context, view, submitted)
        partner = view.partner(submitted.partner)
        language = language_of(submitted.beside, partner.language if partner else None)
        try:
            return as_json(take(context, view, submitted), view, language)
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
        return preflight(context.form_view(slug).origins, "POST")


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
            403: "Sent by a page of an origin that may not show the form",
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
