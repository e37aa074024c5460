"""Shapes of requests and answers about resources and hotel blocks."""

import marshmallow as ma

from services.events.api.change_schemas import one_of_field, slug_field, text_field
from services.events.domain.resource import ResourceKind
from shared.i18n.content_field import TextByLanguage
from shared.i18n.languages import LANGUAGES
from shared.web.paging import PageArguments


class ResourceArguments(PageArguments):
    """Filters of the list of resources; a resource must fit all that are given."""

    kind = one_of_field(ResourceKind)
    event = slug_field("Only resources of the event with this id")
    series = slug_field("Only resources of the series with this id")
    city = text_field(200, "Only resources of this city, upper or lower case alike")
    missing_language = one_of_field(LANGUAGES, metadata={"description": "Only those whose title lacks this language"})


class ResourceSchema(ma.Schema):
    """A recording, slides or a brief."""

    id = ma.fields.String(required=True)
    kind = one_of_field(ResourceKind, required=True)
    title = TextByLanguage(200, "By language", written=False, required=True)
    url = ma.fields.String(required=True)
    language = ma.fields.String(required=True, metadata={"description": "BCP 47"})
    event = ma.fields.String(allow_none=True, required=True)
    series = ma.fields.String(allow_none=True, required=True)
    city = ma.fields.String(allow_none=True, required=True)
    published = ma.fields.Boolean(required=True)
    revision = ma.fields.Integer(required=True)


class ResourceListSchema(ma.Schema):
    """One page of resources."""

    items = ma.fields.List(ma.fields.Nested(ResourceSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class EditResourceSchema(ma.Schema):
    """Fields to change."""

    kind = one_of_field(ResourceKind)
    title = TextByLanguage(200, "By language; a plain string is English")
    url = text_field(500, "Begins with https://")
    language = text_field(35, "BCP 47", least=2)
    event = slug_field("Id of the event it belongs to", allow_none=True)
    series = slug_field("Id of the series it belongs to", allow_none=True)
    city = text_field(200, "City it belongs to, for UPR Cities", allow_none=True)
    published = ma.fields.Boolean(metadata={"description": "Whether the public sees it; told the first time"})


class NewResourceSchema(EditResourceSchema):
    """A new resource; it belongs to an event, a series or a city."""

    id = slug_field("A lower-case name with hyphens; it never changes", required=True)
    kind = one_of_field(ResourceKind, required=True)
    title = TextByLanguage(200, "By language; a plain string is English", required=True)
    url = text_field(500, "Begins with https://", required=True)


class HotelSchema(ma.Schema):
    """Rooms kept for the delegation."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    city = ma.fields.String(required=True)
    rooms = ma.fields.Integer(required=True)
    url = ma.fields.String(allow_none=True, required=True)
    booking_code = ma.fields.String(allow_none=True, required=True)
    book_until = ma.fields.Date(allow_none=True, required=True, metadata={"description": "Last day to book"})
    note = ma.fields.String(required=True)


class HotelListSchema(ma.Schema):
    """All hotel blocks."""

    items = ma.fields.List(ma.fields.Nested(HotelSchema), required=True)
