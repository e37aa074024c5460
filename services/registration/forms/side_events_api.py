"""Forms for side events by programs: which have none, and making them, as the console does it."""

from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.drafts import DraftDesk
from services.registration.forms.side_events import (
    MAX_EVENTS,
    FormMade,
    FormsWanted,
    events_without_form,
    make_forms,
    preview_forms,
)
from shared.contracts.schemas import SLUG
from shared.i18n.content_field import TextByLanguage
from shared.web.access import holder, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema

PREFIX = "/v1/side-event-forms"


def _slug(**more: Any) -> ma.fields.String:
    return ma.fields.String(validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)], **more)


class BareEventSchema(ma.Schema):
    """A published side event ahead that nobody can register for."""

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
        required=True, metadata={"description": "Its name is that of another form or of a draft: none is made"}
    )


class BareEventListSchema(ma.Schema):
    """All of them."""

    items = ma.fields.List(ma.fields.Nested(BareEventSchema), required=True)


class WantedFormSchema(ma.Schema):
    """One form to make."""

    class Meta:
        unknown = ma.RAISE

    event = _slug(required=True)
    capacity = ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(min=0, max=1_000_000))


class WantedFormsSchema(ma.Schema):
    """Forms to make."""

    class Meta:
        unknown = ma.RAISE

    events = ma.fields.List(
        ma.fields.Nested(WantedFormSchema),
        required=True,
        allow_none=True,
        validate=ma.validate.Length(min=1, max=MAX_EVENTS),
        metadata={"description": "null: one for each side event that has none"},
    )
    partners = ma.fields.List(
        _slug(),
        load_default=list,
        validate=ma.validate.Length(max=200),
        metadata={"description": "Whose pages may show all of them"},
    )


class FormMadeSchema(ma.Schema):
    """What became, or would become, of one event."""

    event = ma.fields.String(required=True)
    form = ma.fields.String(allow_none=True, required=True, metadata={"description": "Slug of the form; null: none"})
    capacity = ma.fields.Integer(allow_none=True, required=True)
    closes_at = ma.fields.AwareDateTime(format="iso", required=True)
    problem = ma.fields.String(required=True, metadata={"description": "Why there is none; empty: there is one"})


class FormsMadeSchema(ma.Schema):
    """What became of all of them."""

    dry_run = ma.fields.Boolean(required=True)
    items = ma.fields.List(ma.fields.Nested(FormMadeSchema), required=True)


class MakingQuery(ma.Schema):
    """Query of making forms."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing; answer what it would make"}
    )


def side_event_forms_blueprint(desk: DraftDesk) -> Any:
    """``/v1/side-event-forms``."""
    blueprint = Blueprint("side-event-forms", __name__, url_prefix=PREFIX, description="Forms for side events")
    _add_routes(blueprint, desk)
    return blueprint


def _add_routes(blueprint: Any, desk: DraftDesk) -> None:
    @blueprint.get("")
    @blueprint.response(200, BareEventListSchema)
    @needs_all_forms("coordinator")
    def list_bare() -> dict[str, Any]:
        """Upcoming published side events without a form, by start."""
        return {"items": events_without_form(desk)}

    @blueprint.post("")
    @blueprint.arguments(WantedFormsSchema)
    @blueprint.arguments(MakingQuery, location="query")
    @blueprint.response(200, FormsMadeSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def make(wanted: dict[str, Any], query: dict[str, Any]) -> Response:
        """Create and publish a form for each, whose guest list closes 48 hours before. It opens at once."""
        chosen = wanted["events"] or [{"event": event.id, "capacity": None} for event in events_without_form(desk)]
        asked = FormsWanted({one["event"]: one["capacity"] for one in chosen}, wanted["partners"])
        found = preview_forms(desk, asked) if query["dry_run"] else make_forms(desk, asked, holder().name)
        items = FormMadeSchema(many=True).dump([_shown(one) for one in found])
        return jsonify(dry_run=query["dry_run"], items=items)


def _shown(one: FormMade) -> dict[str, Any]:
    return {
        "event": one.event.id,
        "form": None if one.problem else one.event.id,
        "capacity": one.seats,
        "closes_at": one.event.closes_at,
        "problem": one.problem,
    }
