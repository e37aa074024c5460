"""Routes and schemas of a form's settings: change them, with a preview of the effect, and read their history."""

import re
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.changes import FormChange, FormEffect, FormsContext, preview_form_change, show_form
from services.registration.forms.limited_keys import refuse_other_partners
from services.registration.forms.model import MAX_OFFER_HOURS
from services.registration.forms.opening import closed_reason
from services.registration.forms.pools import MAX_RESERVATIONS, RESERVED_FOR, Reservation
from services.registration.forms.schemas import ALARM, alarm_field, capacity_field, joining_field
from services.registration.forms.service import list_forms
from services.registration.forms.store import StoredForm, settings_of
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.headers import require_revision
from shared.http.problems import ProblemSchema
from shared.messaging.contracts.schemas import SLUG
from shared.runtime.schema_fields import in_known_years
from shared.vocabulary.promotion import PROMOTION_MODES


def _instant_field(description: str) -> ma.fields.AwareDateTime:
    return ma.fields.AwareDateTime(
        format="iso", allow_none=True, validate=in_known_years, metadata={"description": description}
    )


def _is_flag(value: object) -> None:
    """Accept only true and false: no other value may open or close a form."""
    if not isinstance(value, bool):
        raise ma.ValidationError("Not a valid boolean.")


class ReservationSchema(ma.Schema):
    """Seats that are kept for some people."""

    class Meta:
        unknown = ma.RAISE

    reserved_for = ma.fields.String(required=True, validate=ma.validate.OneOf(RESERVED_FOR))
    value = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=80),
        metadata={"description": "Slug of the working group or partner; empty for representatives"},
    )
    seats = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(min=1, max=1_000_000))
    until = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        load_default=None,
        validate=in_known_years,
        metadata={"description": "When the remaining seats become free for everyone; null: never"},
    )

    @ma.validates_schema
    def check_value(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a group or partner that is not named, and a value for representatives."""
        named = bool(data.get("value"))
        if named == (data.get("reserved_for") == "representative") or (named and not re.fullmatch(SLUG, data["value"])):
            raise ma.ValidationError("The slug of a working group or partner; nothing for representatives.", "value")

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Reservation:
        """The reservation."""
        return Reservation(**data)


class FormAdminSchema(ma.Schema):
    """A form as coordinators see it."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    event = ma.fields.String(allow_none=True)
    revision = ma.fields.Integer(required=True)
    open = ma.fields.Boolean(
        required=True,
        metadata={"description": "Whether the form is open; false closes it regardless of the opening times"},
    )
    opens_at = _instant_field("Closed before; null: no bound")
    closes_at = _instant_field("Closed from then on; null: no bound")
    changes_until = _instant_field(
        "Until when people may change their answers; null: until the form or guest list closes"
    )
    alarm_minutes = ma.fields.Integer(allow_none=True, metadata={"description": ALARM})
    join_minutes_before = ma.fields.Integer(
        required=True,
        metadata={"description": "Minutes before the start from which people with a seat can join online"},
    )
    closed_reason = ma.fields.String(required=True, metadata={"description": "Empty while people can register"})
    verification = ma.fields.String(required=True)
    warning = ma.fields.String(
        required=True, metadata={"description": "Warnings about this form; empty if there are none"}
    )
    capacity = ma.fields.Integer(allow_none=True, required=True)
    confirmed = ma.fields.Integer(required=True)
    waiting = ma.fields.Integer(required=True)
    waiting_list = ma.fields.Boolean(required=True)
    partners = ma.fields.List(ma.fields.String(), required=True)
    offered = ma.fields.Integer(required=True, metadata={"description": "Seats held for people who have an offer"})
    promotion_mode = ma.fields.String(required=True, metadata={"enum": list(PROMOTION_MODES)})
    offer_hours = ma.fields.Integer(required=True, metadata={"description": "How long an automatic offer is valid"})
    domain_percent = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Largest share of one mail domain; null: no cap"}
    )
    reservations = ma.fields.List(ma.fields.Nested(ReservationSchema), required=True)


class FormListSchema(ma.Schema):
    """All forms."""

    items = ma.fields.List(ma.fields.Nested(FormAdminSchema), required=True)


class FormChangeSchema(ma.Schema):
    """What to change; what is left out stays."""

    class Meta:
        unknown = ma.RAISE

    capacity = capacity_field()
    open = ma.fields.Raw(validate=_is_flag, metadata={"type": "boolean", "description": "false: closed at once"})
    opens_at = _instant_field("With an offset; null: no bound")
    closes_at = _instant_field("With an offset, later than `opens_at`; null: no bound")
    changes_until = _instant_field("With an offset; null: until the form or the guest list closes")
    alarm_minutes = alarm_field()
    join_minutes_before = joining_field()
    partners = ma.fields.List(
        ma.fields.String(validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)]),
        validate=ma.validate.Length(max=200),
        metadata={"description": "Slugs of the partners whose pages may show it"},
    )
    promotion_mode = ma.fields.String(
        validate=ma.validate.OneOf(PROMOTION_MODES),
        metadata={
            "description": "How free seats reach the waiting list: at once, by offers, or by a coordinator's decision"
        },
    )
    offer_hours = ma.fields.Integer(strict=True, validate=ma.validate.Range(min=1, max=MAX_OFFER_HOURS))
    domain_percent = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=100),
        metadata={"description": "Largest share of seats for one mail domain, except mail providers; null: no cap"},
    )
    reservations = ma.fields.List(
        ma.fields.Nested(ReservationSchema),
        validate=ma.validate.Length(max=MAX_RESERVATIONS),
        metadata={"description": "All reserved seats; replaces earlier reservations"},
    )


class FormChangeQuery(ma.Schema):
    """Query of a change."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing; return what it would do to people"}
    )


class FormEffectSchema(ma.Schema):
    """What a change does to people."""

    promoted = ma.fields.Integer(
        required=True, metadata={"description": "How many people on the waiting list get a seat, in order"}
    )
    still_waiting = ma.fields.Integer(required=True)
    withheld = ma.fields.String(
        required=True,
        metadata={
            "enum": ["", "no-free-seat", "too-late", "not-taking-place", "reserved", "domain-share", "by-hand"],
            "description": "Why the others stay on the waiting list",
        },
    )
    closed_reason = ma.fields.String(required=True, metadata={"description": "Afterwards; empty while it is open"})


class FormChangedSchema(FormAdminSchema):
    """The form. `effect` is present only with `dry_run`; the form is then unchanged."""

    effect = ma.fields.Nested(FormEffectSchema)


class FormHistoryLineSchema(ma.Schema):
    """A change of a form."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the form afterwards"})
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)
    changed_by = ma.fields.String(required=True, metadata={"description": "Name of the key that was used"})
    before = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "Empty for the first publication"}
    )
    after = ma.fields.Dict(keys=ma.fields.String(), required=True)
    promoted = ma.fields.Integer(
        required=True, metadata={"description": "How many people on the waiting list got a seat"}
    )


class FormHistorySchema(ma.Schema):
    """The latest changes of a form, newest first."""

    items = ma.fields.List(ma.fields.Nested(FormHistoryLineSchema), required=True)


NO_VERIFICATION = "Addresses are not confirmed by mail: anyone can register any address."


def add_form_administration(blueprint: Any, context: FormsContext) -> None:
    """``GET /v1/forms``, ``PATCH /v1/forms/{slug}`` and ``GET /v1/forms/{slug}/history``."""
    _add_list(blueprint, context)
    _add_change(blueprint, context)
    _add_history(blueprint, context)


def _add_list(blueprint: Any, context: FormsContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, FormListSchema)
    @needs("coordinator", "viewer")
    def list_all() -> dict[str, Any]:
        """All forms, with their seats."""
        return {
            "items": [
                form_for_coordinators(form, context.clock())
                for form in list_forms(context.work)
                if may_touch(form.slug)
            ]
        }


def _add_change(blueprint: Any, context: FormsContext) -> None:
    @blueprint.patch("/<slug>")
    @blueprint.arguments(FormChangeSchema)
    @blueprint.arguments(FormChangeQuery, location="query")
    @blueprint.response(200, FormChangedSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def change(wanted: dict[str, Any], query: dict[str, Any], slug: str) -> Response:
        """Change seats, opening times, alarm, joining or the partners of a form; `If-Match`: the ETag or revision.

        A higher capacity, a reservation that ends or another way of promotion can give seats to waiting people.
        """
        require_touch(slug)
        current, _ = show_form(context.work, slug)
        if "partners" in wanted:
            wanted["partners"] = tuple(dict.fromkeys(wanted["partners"]))
            refuse_other_partners(context.work, wanted["partners"], holder().forms, current.partners)
        if "reservations" in wanted:
            wanted["reservations"] = tuple(wanted["reservations"])
        settings = replace(settings_of(current), **wanted)
        require_revision(current.revision, query)
        if query["dry_run"]:
            effect = preview_form_change(context.work, context.clock, slug, settings)
            return _answer(effect.form, context, effect=_for_programs(effect))
        return _answer(context.change(FormChange(slug, current.revision, holder().name, settings)), context)


def _add_history(blueprint: Any, context: FormsContext) -> None:
    @blueprint.get("/<slug>/history")
    @blueprint.response(200, FormHistorySchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "viewer")
    def history(slug: str) -> dict[str, Any]:
        """The latest 50 changes of a form by coordinators, newest first; its publication is revision 1."""
        require_touch(slug)
        return {"items": [asdict(line) for line in show_form(context.work, slug)[1]]}


def form_for_coordinators(form: StoredForm, now: datetime) -> dict[str, Any]:
    """A form as coordinators see it."""
    seats = asdict(form.seats)
    return {
        "slug": form.slug,
        "kind": form.kind,
        "event": form.event_id,
        "revision": form.revision,
        "open": form.open,
        "opens_at": form.opens_at,
        "closes_at": form.closes_at,
        "changes_until": form.changes_until,
        "alarm_minutes": form.alarm_minutes,
        "join_minutes_before": form.join_minutes_before,
        "closed_reason": closed_reason(form.opening, now),
        "verification": form.verification,
        "warning": NO_VERIFICATION if form.verification == "none" else "",
        "partners": list(form.partners),
        **{
            name: seats[name] for name in ("capacity", "confirmed", "waiting", "waiting_list", "offered", "offer_hours")
        },
        "promotion_mode": form.seats.mode,
        "domain_percent": form.seats.pools.domain_percent,
        "reservations": [asdict(pool.reservation) for pool in form.seats.pools.pools],
    }


def _answer(form: StoredForm, context: FormsContext, **more: Any) -> Response:
    response = jsonify(FormAdminSchema().dump(form_for_coordinators(form, context.clock())) | more)
    response.set_etag(str(form.revision))
    return response


def _for_programs(effect: FormEffect) -> dict[str, Any]:
    return {
        "promoted": effect.promotion.count,
        "still_waiting": effect.seats.waiting,
        "withheld": effect.promotion.withheld,
        "closed_reason": effect.reason_after,
    }
