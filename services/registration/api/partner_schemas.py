"""Shapes of what is told of partners."""

import marshmallow as ma

from shared.contracts.registration import REGISTRATION_STATUSES


class PartnerSchema(ma.Schema):
    """A partner: its pages may show forms."""

    slug = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    origins = ma.fields.List(ma.fields.String(), required=True)
    language = ma.fields.String(required=True)
    theme = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class PartnerListSchema(ma.Schema):
    """All partners."""

    items = ma.fields.List(ma.fields.Nested(PartnerSchema), required=True)


class PartnerFormSchema(ma.Schema):
    """A form of a partner's, and how many came through the partner's pages to it."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    title = ma.fields.Function(lambda form: form.title.in_language("en"), metadata={"type": "string"})
    shown = ma.fields.Boolean(required=True, metadata={"description": "The partner's pages may show it now"})
    closed = ma.fields.String(required=True, metadata={"description": "Why it is closed; empty while it is open"})
    registrations = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(REGISTRATION_STATUSES)),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Number by status; a status that nobody has is left out"},
    )


class PartnerDetailSchema(PartnerSchema):
    """A partner with forms and numbers, and nobody's name."""

    forms = ma.fields.List(ma.fields.Nested(PartnerFormSchema), required=True)
