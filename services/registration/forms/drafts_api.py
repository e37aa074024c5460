"""Drafts of forms, and forms for side events, by programs, as the console does it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.drafts import DraftEffect, DraftRefused, DraftsContext, FormDraft
from services.registration.forms.limited_keys import refuse_beyond
from services.registration.forms.schemas import capacity_field
from services.registration.forms.side_events import (
    MAX_EVENTS,
    FormMade,
    FormsWanted,
    events_without_form,
    make_forms,
    preview_forms,
)
from shared.http.access import holder, may_touch, needs, needs_all_forms, require_touch
from shared.http.headers import require_revision
from shared.http.problems import ProblemSchema, problem
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import SLUG, TextByLanguage

PREFIX = "/v1/form-drafts"


def _is_storable(content: Any) -> None:
    """Refuse texts that the database cannot store: NUL, and lone surrogates."""
    try:
        text = json.dumps(content, ensure_ascii=False).encode().decode()
    except UnicodeEncodeError:
        raise ma.ValidationError("It contains half of a surrogate pair.") from None
    if "\\u0000" in text:
        raise ma.ValidationError("It contains a NUL character.")


class DraftWantedSchema(ma.Schema):
    """A draft's content; left out when a draft begins, it is the form as it is now."""

    class Meta:
        unknown = ma.RAISE

    content = ma.fields.Dict(
        keys=ma.fields.String(),
        validate=_is_storable,
        metadata={"description": "As docs/reference/forms.md describes a form; it may be incomplete"},
    )


class EffectSchema(ma.Schema):
    """What publishing does now."""

    problems = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={"description": "Problems that prevent publishing, each with its location: `/fields/3/label: …`"},
    )
    added = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Names of questions"})
    removed = ma.fields.List(ma.fields.String(), required=True)
    changed = ma.fields.List(ma.fields.String(), required=True)
    settings = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Other changes"})
    is_new = ma.fields.Boolean(required=True, metadata={"description": "There is no such form yet"})
    people = ma.fields.Boolean(required=True, metadata={"description": "Whether anyone has registered on it"})


class FormDraftSchema(ma.Schema):
    """A form that is worked on."""

    slug = ma.fields.String(required=True)
    content = ma.fields.Dict(keys=ma.fields.String(), required=True)
    based_on = ma.fields.Integer(
        allow_none=True, metadata={"description": "Revision of the form that it replaces; null: a new form"}
    )
    revision = ma.fields.Integer(required=True, metadata={"description": "Value for `If-Match` in a change"})
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)
    changed_by = ma.fields.String(required=True)
    effect = ma.fields.Nested(EffectSchema)


class DraftListSchema(ma.Schema):
    """All drafts, without what publishing each would do."""

    items = ma.fields.List(ma.fields.Nested(FormDraftSchema), required=True)


class FormPublishedSchema(ma.Schema):
    """A form that was published."""

    slug = ma.fields.String(required=True)
    revision = ma.fields.Integer(required=True)


def drafts_blueprint(context: DraftsContext) -> Any:
    """Routes below ``/v1/form-drafts``."""
    blueprint = Blueprint("form-drafts", __name__, url_prefix=PREFIX, description="Drafts of forms")
    _add_reading(blueprint, context)
    _add_changing(blueprint, context)
    _add_discarding(blueprint, context)
    _add_publishing(blueprint, context)
    return blueprint


def _add_reading(blueprint: Any, context: DraftsContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, DraftListSchema)
    @needs("coordinator")
    def list_drafts() -> dict[str, Any]:
        """All drafts."""
        return {"items": [asdict(draft) for draft in context.drafts() if may_touch(draft.slug)]}

    @blueprint.get("/<slug>")
    @blueprint.response(200, FormDraftSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def show_draft(slug: str) -> Response:
        """A draft, and the effect of publishing it."""
        require_touch(slug)
        return _tagged(context.draft(slug), context.effect(slug))


def _add_changing(blueprint: Any, context: DraftsContext) -> None:
    @blueprint.post("/<slug>")
    @blueprint.arguments(DraftWantedSchema, required=False)
    @blueprint.response(201, FormDraftSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def start_draft(wanted: Mapping[str, Any], slug: str) -> tuple[Response, int, dict[str, str]]:
        """Create a draft of an existing form, or of a new one with `content`."""
        require_touch(slug)
        refuse_beyond(context.work, slug, wanted.get("content", {}), holder().forms)
        draft = context.start(slug, wanted.get("content"), holder().name)
        return _tagged(draft, context.effect(slug)), 201, {"Location": f"{PREFIX}/{slug}"}

    @blueprint.put("/<slug>")
    @blueprint.arguments(DraftWantedSchema)
    @blueprint.response(200, FormDraftSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def change_draft(wanted: Mapping[str, Any], slug: str) -> Response:
        """Replace the content of a draft; `If-Match`: the ETag or revision."""
        require_touch(slug)
        current = context.draft(slug)
        require_revision(current.revision)
        content = wanted.get("content", current.content)
        refuse_beyond(context.work, slug, content, holder().forms, current.content)
        return _tagged(context.change(slug, content, current.revision, holder().name), context.effect(slug))


def _add_discarding(blueprint: Any, context: DraftsContext) -> None:
    @blueprint.delete("/<slug>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def discard_draft(slug: str) -> None:
        """Delete a draft; `If-Match`: the ETag or revision. The form itself stays as it is."""
        require_touch(slug)
        current = context.draft(slug)
        require_revision(current.revision)
        context.discard(slug, current.revision, holder().name)


def _add_publishing(blueprint: Any, context: DraftsContext) -> None:
    @blueprint.post("/<slug>/publish")
    @blueprint.response(200, FormPublishedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(422, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def publish_draft(slug: str) -> Response:
        """Publish a draft; `If-Match`: the ETag or revision of the draft. A new form accepts registrations at once."""
        require_touch(slug)
        current = context.draft(slug)
        require_revision(current.revision)
        refuse_beyond(context.work, slug, current.content, holder().forms)
        try:
            form = context.publish(slug, current.revision, holder().name)
        except DraftRefused as refused:
            faults = [_fault(problem) for problem in refused.problems]
            return problem(422, "invalid", "The draft cannot be published", errors=faults)
        return jsonify(slug=form.slug, revision=form.revision)


def _fault(text: str) -> dict[str, str]:
    pointer, _, message = text.partition(": ")
    if not pointer.startswith("/"):
        pointer, message = "", text
    return {"pointer": f"/content{pointer}", "code": "invalid", "message": message}


def _tagged(draft: FormDraft, effect: DraftEffect) -> Response:
    response = jsonify(FormDraftSchema().dump(asdict(draft) | {"effect": asdict(effect)}))
    response.set_etag(str(draft.revision))
    return response


SIDE_EVENT_PREFIX = "/v1/side-event-forms"


def _slug(**more: Any) -> ma.fields.String:
    return ma.fields.String(validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)], **more)


class BareEventSchema(ma.Schema):
    """A published future side event that no one can register for."""

    id = ma.fields.String(required=True)
    title = TextByLanguage(200, "By language", written=False, required=True)
    starts_at = ma.fields.AwareDateTime(format="iso", required=True)
    closes_at = ma.fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "When the guest list of a form would close"}
    )
    time_zone = ma.fields.String(required=True)
    city = ma.fields.String(allow_none=True, required=True)
    place = ma.fields.String(allow_none=True, required=True)
    taken = ma.fields.Boolean(
        required=True, metadata={"description": "Another form or draft already has its name: none is created"}
    )


class BareEventListSchema(ma.Schema):
    """All of them."""

    items = ma.fields.List(ma.fields.Nested(BareEventSchema), required=True)


class WantedFormSchema(ma.Schema):
    """One form to make."""

    class Meta:
        unknown = ma.RAISE

    event = _slug(required=True)
    capacity = capacity_field(load_default=None)


class WantedFormsSchema(ma.Schema):
    """Forms to make."""

    class Meta:
        unknown = ma.RAISE

    events = ma.fields.List(
        ma.fields.Nested(WantedFormSchema),
        required=True,
        allow_none=True,
        validate=ma.validate.Length(min=1, max=MAX_EVENTS),
        metadata={"description": "null: one for each side event without a form"},
    )
    partners = ma.fields.List(
        _slug(),
        load_default=list,
        validate=ma.validate.Length(max=200),
        metadata={"description": "Partners that may show all of them"},
    )


class FormMadeSchema(ma.Schema):
    """What became, or would become, of one event."""

    event = ma.fields.String(required=True)
    form = ma.fields.String(allow_none=True, required=True, metadata={"description": "Slug of the form; null: none"})
    capacity = ma.fields.Integer(allow_none=True, required=True)
    closes_at = ma.fields.AwareDateTime(format="iso", required=True)
    problem = ma.fields.String(required=True, metadata={"description": "Why there is none; empty if there is one"})


class FormsMadeSchema(ma.Schema):
    """What became of all of them."""

    dry_run = ma.fields.Boolean(required=True)
    items = ma.fields.List(ma.fields.Nested(FormMadeSchema), required=True)


class MakingQuery(ma.Schema):
    """Query of making forms."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing; return what would be created"}
    )


def side_event_forms_blueprint(context: DraftsContext) -> Any:
    """``/v1/side-event-forms``."""
    blueprint = Blueprint(
        "side-event-forms", __name__, url_prefix=SIDE_EVENT_PREFIX, description="Forms for side events"
    )
    _add_routes(blueprint, context)
    return blueprint


def _add_routes(blueprint: Any, context: DraftsContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, BareEventListSchema)
    @needs_all_forms("coordinator")
    def list_bare() -> dict[str, Any]:
        """Upcoming published side events without a form, by start."""
        return {"items": events_without_form(context)}

    @blueprint.post("")
    @blueprint.arguments(WantedFormsSchema)
    @blueprint.arguments(MakingQuery, location="query")
    @blueprint.response(200, FormsMadeSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def make(wanted: dict[str, Any], query: dict[str, Any]) -> Response:
        """Create and publish a form for each, whose guest list closes 48 hours before. It opens at once."""
        chosen = wanted["events"] or [{"event": event.id, "capacity": None} for event in events_without_form(context)]
        asked = FormsWanted({row["event"]: row["capacity"] for row in chosen}, wanted["partners"])
        found = preview_forms(context, asked) if query["dry_run"] else make_forms(context, asked, holder().name)
        items = FormMadeSchema(many=True).dump([_shown(form) for form in found])
        return jsonify(dry_run=query["dry_run"], items=items)


def _shown(one: FormMade) -> dict[str, Any]:
    return {
        "event": one.event.id,
        "form": None if one.problem else one.event.id,
        "capacity": one.seats,
        "closes_at": one.event.closes_at,
        "problem": one.problem,
    }
