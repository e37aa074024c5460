"""Shapes of requests that make and change events, and of what a change did or would do."""

from typing import Any

import marshmallow as ma

from services.events.api.event_schemas import EventSchema
from services.events.domain.event import EVERY_GROUP, EventKind, EventStatus, Mode
from services.events.domain.rules import SLUG, SLUG_LENGTH
from shared.i18n.content_field import TextByLanguage

_NO_NUL = ma.validate.Regexp(r"^[^\x00]*$", error="must not contain a NUL character")


def slug_field(description: str, **more: Any) -> ma.fields.String:
    """A name in lower case with hyphens."""
    rules = [ma.validate.Length(max=SLUG_LENGTH), ma.validate.Regexp(f"^{SLUG.pattern}$")]
    return ma.fields.String(validate=rules, metadata={"description": description}, **more)


def text_field(most: int, description: str = "", *, least: int = 1, **more: Any) -> ma.fields.String:
    """A text of ``least`` to ``most`` characters."""
    rules = [ma.validate.Length(min=least, max=most), _NO_NUL]
    return ma.fields.String(validate=rules, metadata={"description": description}, **more)


def one_of_field(values: Any, **more: Any) -> ma.fields.String:
    """One of the values of an enumeration."""
    return ma.fields.String(validate=ma.validate.OneOf([str(value) for value in values]), **more)


def _asked() -> Any:
    group = ma.fields.String(validate=ma.validate.Regexp(f"^({SLUG.pattern}|\\{EVERY_GROUP})$"))
    return ma.fields.List(group, validate=ma.validate.Length(max=200))


class EditEventSchema(ma.Schema):
    """Fields to change. Date and status are changed by the steps, which show their audience first."""

    kind = one_of_field(EventKind)
    title = TextByLanguage(200, "By language; a plain string is English")
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0)
    series = slug_field("Id of a series", allow_none=True)
    series_number = ma.fields.Integer(allow_none=True, strict=True, validate=ma.validate.Range(min=1, max=9999))
    time_zone = text_field(64, "IANA name")
    mode = one_of_field(Mode)
    city = text_field(200, allow_none=True)
    place = text_field(200, allow_none=True)
    join_url = text_field(500, "Begins with https://", allow_none=True)
    asked_groups = _asked()
    internal_note = text_field(2000, "For coordinators", least=0)
    form = slug_field("Slug of the form by which people register", allow_none=True)
    internal = ma.fields.Boolean(
        metadata={"description": "The system's own: in no programme, feed or number; only while it is a draft"}
    )


class NewEventSchema(EditEventSchema):
    """A new event; it is a draft until it is announced."""

    id = slug_field("A lower-case name with hyphens; it never changes", required=True)
    kind = one_of_field(EventKind, required=True)
    title = TextByLanguage(200, "By language; a plain string is English", required=True)
    time_zone = text_field(64, "IANA name", required=True)
    mode = one_of_field(Mode, required=True)
    starts_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset; with `ends_at`"})
    ends_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset"})


class StepArguments(ma.Schema):
    """Query of a step."""

    dry_run = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Change nothing and notify no one; return who would be notified"},
    )


class StepSchema(ma.Schema):
    """What a step needs: `reschedule` both moments; it and `revive` take a status."""

    starts_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset; `reschedule` only"})
    ends_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset; `reschedule` only"})
    status = one_of_field(
        (EventStatus.TENTATIVE, EventStatus.CONFIRMED),
        metadata={"description": "What it is then; by default tentative, a rescheduled one what it was"},
    )


def _numbers(description: str) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True, metadata={"description": description}
    )


class AudienceSchema(ma.Schema):
    """Whom a change reaches. One person on two forms is one person."""

    people = ma.fields.Integer(required=True, metadata={"description": "Distinct people who will be notified"})
    by_status = _numbers("Registrations that mean attendance, by status; ended ones are not notified")
    by_form_kind = _numbers("Registrations with a seat or on the waiting list, by kind of form")
    by_language = _numbers("Registrations of the people to be notified, by language")


class DependentEventSchema(ma.Schema):
    """An event that was planned around another one."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    kind = one_of_field(EventKind, required=True)
    status = one_of_field(EventStatus, required=True)
    starts_at = ma.fields.AwareDateTime(format="iso", required=True)
    ends_at = ma.fields.AwareDateTime(format="iso", required=True)
    time_zone = ma.fields.String(required=True)


class DependentHotelSchema(ma.Schema):
    """A hotel block that was made for another date."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    city = ma.fields.String(required=True)
    book_until = ma.fields.Date(allow_none=True, required=True)


class RoomDaySchema(ma.Schema):
    """A day on which rooms for side events are reserved."""

    on = ma.fields.Date(required=True, metadata={"description": "In the rooms' own zone"})
    city = ma.fields.String(required=True)
    rooms = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Their titles"})


class DependentsSchema(ma.Schema):
    """What was planned around the date of a review or a Council session."""

    events = ma.fields.List(ma.fields.Nested(DependentEventSchema), required=True)
    hotels = ma.fields.List(ma.fields.Nested(DependentHotelSchema), required=True)
    room_days = ma.fields.List(ma.fields.Nested(RoomDaySchema), required=True)


class ChangeSchema(ma.Schema):
    """What a step did, or with `dry_run` would do."""

    dry_run = ma.fields.Boolean(required=True)
    change = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(["published", "changed", "none"]),
        metadata={"description": "Kind of change as published to others: `none` if participants see no difference"},
    )
    differs = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Fields in which participants see a difference"}
    )
    audience = ma.fields.Nested(AudienceSchema, required=True)
    dependents = ma.fields.Nested(
        DependentsSchema,
        required=True,
        metadata={
            "description": "Press conferences, side events, hotel blocks and room days in the same city that were "
            "planned around the old date. They do not move; a key limited to some forms sees the public events alone"
        },
    )
    event = ma.fields.Nested(EventSchema, required=True)
