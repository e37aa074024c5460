"""Shapes of what coordinators set of a form, and of what they are told about it."""

import re
from typing import Any

import marshmallow as ma

from services.registration.forms.model import MAX_ALARM_MINUTES, MAX_JOIN_MINUTES_BEFORE, MAX_OFFER_HOURS
from services.registration.forms.pools import MAX_RESERVATIONS, RESERVED_FOR, Reservation
from services.registration.forms.seats import PROMOTION_MODES
from shared.contracts.schemas import SLUG

ALARM = "Minutes before the start at which people's calendars alert them; null: as their calendars do"


def _moment(description: str) -> ma.fields.AwareDateTime:
    return ma.fields.AwareDateTime(format="iso", allow_none=True, metadata={"description": description})


def _is_flag(value: object) -> None:
    """Only true and false: whether a form is open must not hang on what a program takes for one of them."""
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
    opens_at = _moment("Closed before; null: no bound")
    closes_at = _moment("Closed from then on; null: no bound")
    changes_until = _moment("Until when people may change their answers; null: until the form or guest list closes")
    alarm_minutes = ma.fields.Integer(allow_none=True, metadata={"description": ALARM})
    join_minutes_before = ma.fields.Integer(
        required=True, metadata={"description": "From how long before the start people with a seat can join online"}
    )
    closed_reason = ma.fields.String(required=True, metadata={"description": "Empty while people can register"})
    verification = ma.fields.String(required=True)
    warning = ma.fields.String(
        required=True, metadata={"description": "What to mind about this form; empty if nothing"}
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

    capacity = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=0, max=1_000_000),
        metadata={"description": "null: no limit"},
    )
    open = ma.fields.Raw(validate=_is_flag, metadata={"type": "boolean", "description": "false: closed at once"})
    opens_at = _moment("With an offset; null: no bound")
    closes_at = _moment("With an offset, later than `opens_at`; null: no bound")
    changes_until = _moment("With an offset; null: until the form or the guest list closes")
    alarm_minutes = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=0, max=MAX_ALARM_MINUTES),
        metadata={"description": ALARM},
    )
    join_minutes_before = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=MAX_JOIN_MINUTES_BEFORE),
        metadata={"description": "From how long before the start people with a seat can join online"},
    )

    partners = ma.fields.List(
        ma.fields.String(validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)]),
        validate=ma.validate.Length(max=200),
        metadata={"description": "Slugs of the partners whose pages may show it"},
    )
    promotion_mode = ma.fields.String(
        validate=ma.validate.OneOf(PROMOTION_MODES),
        metadata={"description": "How those who wait get free seats: at once, by offers, or by a coordinator's hand"},
    )
    offer_hours = ma.fields.Integer(strict=True, validate=ma.validate.Range(min=1, max=MAX_OFFER_HOURS))
    domain_percent = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=100),
        metadata={
            "description": "Largest share of the seats for one mail domain, but for mail providers; null: no cap"
        },
    )
    reservations = ma.fields.List(
        ma.fields.Nested(ReservationSchema),
        validate=ma.validate.Length(max=MAX_RESERVATIONS),
        metadata={"description": "All seats that are kept, in place of what was reserved before"},
    )


class FormChangeQuery(ma.Schema):
    """Query of a change."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing; answer what it would do to people"}
    )


class FormEffectSchema(ma.Schema):
    """What a change does to people."""

    promoted = ma.fields.Integer(
        required=True, metadata={"description": "How many of the waiting list get a seat, first come first"}
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
    """The form; `effect` stands there with `dry_run` alone, and the form is then as it is."""

    effect = ma.fields.Nested(FormEffectSchema)


class FormHistoryLineSchema(ma.Schema):
    """A change of a form."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the form after it"})
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)
    changed_by = ma.fields.String(required=True, metadata={"description": "Name of the key that was used"})
    before = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "Empty in its first publication"}
    )
    after = ma.fields.Dict(keys=ma.fields.String(), required=True)
    promoted = ma.fields.Integer(required=True, metadata={"description": "How many who waited got a seat by it"})


class FormHistorySchema(ma.Schema):
    """The latest changes of a form, newest first."""

    items = ma.fields.List(ma.fields.Nested(FormHistoryLineSchema), required=True)
