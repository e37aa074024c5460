"""Forms for programs: what they ask, submitting them, and challenges of the proof of work (ALTCHA protocol)."""

from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.opening import closed_reason
from services.registration.public import form_pages as intake_pages
from services.registration.public.context import PublicContext, counted_lookup
from services.registration.public.submissions import (
    SubmissionRefused,
    allow,
    as_json,
    challenge_path,
    faults_as_json,
    preflight,
    take,
    with_preflight,
)
from services.registration.public.submitted import language_of, read_submitted
from services.registration.telemetry import challenges_total
from shared.http.access import public
from shared.http.headers import conditional
from shared.http.problems import ProblemSchema, from_domain, from_outage
from shared.http.request_data import Blueprint
from shared.public_forms.definition import json_schema, to_public
from shared.public_forms.proof_of_work import TRIES, ChallengeSchema, new_challenge
from shared.runtime.errors import DomainError, Unavailable
from shared.security.csrf import check_csrf_unless_from
from shared.security.rate_limits import limited


class FieldOptionSchema(ma.Schema):
    """A choice."""

    value = ma.fields.String(required=True)
    label = ma.fields.String(required=True)


class FormFieldSchema(ma.Schema):
    """One question."""

    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    help = ma.fields.String()
    required = ma.fields.Boolean()
    sealed = ma.fields.Boolean(metadata={"description": "Stored encrypted, readable only by authorised people"})
    options = ma.fields.List(ma.fields.Nested(FieldOptionSchema))
    shown_when = ma.fields.Dict(keys=ma.fields.String())
    min = ma.fields.Raw()
    max = ma.fields.Raw()
    autocomplete = ma.fields.String()
    not_before = ma.fields.String(metadata={"description": "Name of a date that this one may not come before"})
    lines_of = ma.fields.String(metadata={"description": "Name of a text field of which this one repeats some lines"})


class ProofAskedSchema(ma.Schema):
    """Where a form gives out tasks. A solved one lets the mail go sooner when many wait; it is never required."""

    challenge = ma.fields.String(required=True, metadata={"description": "Path of a new challenge"})


class ChallengeQuery(ma.Schema):
    """Query of a challenge."""

    form = ma.fields.String(required=True, validate=ma.validate.Length(max=80), metadata={"description": "Its slug"})


class FormSchema(ma.Schema):
    """A form as the public sees it."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    language = ma.fields.String(required=True)
    direction = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    intro = ma.fields.String()
    event = ma.fields.String(allow_none=True)
    open = ma.fields.Boolean(required=True)
    seats = ma.fields.String(
        required=True, metadata={"enum": ["open", "waiting-list", "full", "closed"], "description": "Never a number"}
    )
    verification = ma.fields.String(
        required=True,
        metadata={
            "enum": ["email", "none"],
            "description": "`email`: the owner of the address confirms by mail; `none`: the receipt has the outcome",
        },
    )
    proof_of_work = ma.fields.Nested(ProofAskedSchema, required=True)
    fields = ma.fields.List(ma.fields.Nested(FormFieldSchema), required=True)  # type: ignore[assignment]


class FormQuery(ma.Schema):
    """Query of a form."""

    lang = ma.fields.String(load_default="", validate=ma.validate.Length(max=35))


class ReceiptSchema(ma.Schema):
    """The answer to a submission: it is stored. It is the same for everyone, registered or not."""

    receipt = ma.fields.String(required=True, metadata={"description": "Opens its receipt for eight days"})
    code = ma.fields.String(
        required=True, metadata={"description": "Four characters by which the sender recognises their own answers"}
    )
    status = ma.fields.String(required=True, metadata={"enum": ["received"]})
    message = ma.fields.String(required=True, metadata={"description": "A sentence for the person, in their language"})
    next = ma.fields.String(required=True, metadata={"description": "What happens next, in their language"})


class CalendarLinksSchema(ma.Schema):
    """Addresses that add the event to a calendar."""

    file = ma.fields.String(required=True, metadata={"description": "An .ics file with the entry of the invitation"})
    google = ma.fields.String(required=True, metadata={"description": "Google Calendar"})
    outlook = ma.fields.String(required=True, metadata={"description": "Outlook.com"})
    office = ma.fields.String(required=True, metadata={"description": "Outlook for work or school"})


class ReceiptStateSchema(ma.Schema):
    """What has become of a submission."""

    form = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    status = ma.fields.String(
        required=True,
        metadata={
            "enum": ["received", "check-your-mail", "confirmed", "waitlisted", "full", "option-full", "closed"],
            "description": "With verification by mail it stays `check-your-mail`",
        },
    )
    received_at = ma.fields.AwareDateTime(format="iso", required=True)
    mails_held = ma.fields.Boolean(
        required=True,
        metadata={"description": "This person waits for a mail, and so many are requested that it takes longer"},
    )
    calendar = ma.fields.Nested(
        CalendarLinksSchema,
        allow_none=True,
        metadata={"description": "null unless `confirmed`, for an event that people attend and that has a date"},
    )


class SubmissionSchema(ma.Schema):
    """The answers by field name, as ``GET /v1/forms/{slug}`` names them, and what travels beside them."""

    class Meta:
        unknown = ma.INCLUDE

    name = ma.fields.String(metadata={"description": "Required on every form but those of kind ``interest``"})
    email = ma.fields.Email(required=True)
    partner = ma.fields.String(metadata={"description": "Slug of the partner whose page was used"})
    lang = ma.fields.String(metadata={"description": "Language of the answer and the mails"})
    altcha = ma.fields.String(
        metadata={"description": "A solved challenge, base64 of JSON; optional; the mail is then sent earlier"}
    )


def challenge_blueprint(context: PublicContext) -> Any:
    """``/v1/challenge``."""
    blueprint = Blueprint("challenge", __name__, url_prefix="/v1/challenge", description="Proof of work")

    @blueprint.route("", methods=["GET"])
    @blueprint.arguments(ChallengeQuery, location="query")
    @blueprint.response(200, ChallengeSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(429, schema=ProblemSchema)
    @public
    @limited("challenge")
    @with_preflight
    def challenge(query: dict[str, str]) -> Response:
        """A task for one submission (ALTCHA). Its solution can be used once; the mail is sent sooner when many wait."""
        with counted_lookup():
            view = context.form_view(query["form"])
        made = new_challenge(context.proof_keys, view.stored.slug, view.solved_lately, context.clock())
        challenges_total.labels("registration", str(made["parameters"]["data"]["tries"] // TRIES)).inc()
        response = jsonify(made)
        response.headers["Cache-Control"] = "no-store"
        return allow(response, view.origins)

    @blueprint.route("", methods=["OPTIONS"])
    @blueprint.arguments(ChallengeQuery, location="query")
    @blueprint.doc(summary="May another origin read challenges of this form?")
    @blueprint.response(204)
    @public
    def ask_for_challenges(query: dict[str, str]) -> Response:
        return preflight(context.form_view(query["form"]).origins, "GET")

    return blueprint


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
        with counted_lookup():
            view = context.form_view(slug)
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
        with counted_lookup():
            view = context.form_view(slug)
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
        with counted_lookup():
            view = context.form_view(slug)
        check_csrf_unless_from(view.origins)
        submitted = read_submitted(view.definition)
        if submitted.as_page:
            return intake_pages.submit(context, view, submitted)
        partner = view.partner(submitted.partner)
        language = language_of(submitted.beside, partner.language if partner else None)
        try:
            return as_json(take(context, view, submitted), view, language)
        except SubmissionRefused as refused:
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
"""A form sent by a browser always gets a page as its answer."""
_PROBLEM = {"application/problem+json": {"schema": ProblemSchema}, **_PAGE}
_INTAKE_DOCUMENT: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[!-~]+$"},
            "description": "Created by the client, new for each filled form, and reused for retries",
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
            429: "Too many requests from one client network; see Retry-After",
            503: "Overloaded, or the queue is full; see Retry-After",
        }.items()
    },
}
