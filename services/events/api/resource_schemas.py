"""Shapes of requests and answers about resources and hotel blocks."""

import marshmallow as ma

from services.events.api.change_schemas import one_of_field, slug_field, text_field
from services.events.domain.resource import ResourceKind
from shared.i18n.content_field import TextByLanguage


class StoredResourceSchema(ma.Schema):
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


class ResourceChangeSchema(ma.Schema):
    """Fields to change."""

    kind = one_of_field(ResourceKind)
    title = TextByLanguage(200, "By language; a plain string is English")
    url = text_field(500, "Begins with https://")
    language = text_field(35, "BCP 47", least=2)
    event = slug_field("Id of the event it belongs to", allow_none=True)
    series = slug_field("Id of the series it belongs to", allow_none=True)
    city = text_field(200, "City it belongs to, for UPR Cities", allow_none=True)
    published = ma.fields.Boolean(
        metadata={"description": "Whether the public sees it. People are notified the first time"}
    )


class WantedResourceSchema(ResourceChangeSchema):
    """A new resource; it belongs to an event, a series or a city."""

    id = slug_field("A lower-case name with hyphens; it never changes", required=True)
    kind = one_of_field(ResourceKind, required=True)
    title = TextByLanguage(200, "By language; a plain string is English", required=True)
    url = text_field(500, "Begins with https://", required=True)
