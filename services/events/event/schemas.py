"""Fields of an event, as requests and files take them."""

from typing import Any

import marshmallow as ma

from services.events.event.model import EVERY_GROUP, EventKind, Mode
from services.events.fields import slug_field
from services.events.rules import SLUG
from shared.messaging.contracts.schemas import StrictBoolean, TextByLanguage
from shared.runtime.schema_fields import one_of_field, text_field, whole_field


def _asked() -> Any:
    group = ma.fields.String(validate=ma.validate.Regexp(f"^({SLUG.pattern}|\\{EVERY_GROUP})$"))
    return ma.fields.List(group, validate=ma.validate.Length(max=200))


class EditEventSchema(ma.Schema):
    """Fields to change. Date and status are changed by the steps, which show their audience first."""

    kind = one_of_field(EventKind)
    title = TextByLanguage(200, "By language; a plain string is English")
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0)
    series = slug_field("Id of a series", allow_none=True)
    series_number = whole_field(1, 9999, allow_none=True, strict=True)
    time_zone = text_field(64, "IANA name")
    mode = one_of_field(Mode)
    city = text_field(200, allow_none=True)
    place = text_field(200, allow_none=True)
    join_url = text_field(500, "Begins with https://", allow_none=True)
    asked_groups = _asked()
    internal_note = text_field(2000, "For coordinators", least=0)
    form = slug_field("Slug of the form by which people register", allow_none=True)
    internal = StrictBoolean(
        metadata={"description": "Internal event: left out of programme, feeds and counts; only while it is a draft"}
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
