"""Schemas of partners, as files and requests describe them."""

from typing import Any

import marshmallow as ma

from services.registration.forms.schemas import SLUG_WANTED
from services.registration.forms.service import MAX_ORIGINS, Partner
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.theme import origin, theme_values
from shared.runtime.schema_fields import Parsed, check_by, one_of_field
from shared.runtime.yaml_source import FileSchema

MAX_NAME, MAX_ORIGIN = 200, 255
"""Characters of a name, and of the address of a site."""


def origin_field(**more: Any) -> ma.fields.String:
    """An exact origin."""
    return ma.fields.String(validate=[ma.validate.Length(max=MAX_ORIGIN), check_by(origin)], **more)


def _origins(description: str) -> ma.fields.Field[Any]:
    about = {"description": description}
    return ma.fields.List(origin_field(), validate=ma.validate.Length(max=MAX_ORIGINS), metadata=about)


def _name_field(**more: Any) -> ma.fields.String:
    wanted = f"must be a line of 1 to {MAX_NAME} characters"
    rules = [
        ma.validate.Length(min=1, max=MAX_NAME, error=wanted),
        ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$", error=wanted),
    ]
    return ma.fields.String(validate=rules, **more)


class PartnerWantedSchema(ma.Schema):
    """What to change of a partner; fields that are left out stay unchanged."""

    name = _name_field()
    origins = _origins("Exactly the origins that may show forms: `https://www.example.org`")
    requested_origins = _origins("Requested and not decided yet; putting one into `origins` removes it from this list")
    language = one_of_field(LANGUAGES)
    theme = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), validate=check_by(theme_values))


class NewPartnerSchema(PartnerWantedSchema):
    """A new partner."""

    class Meta:
        exclude = ("requested_origins",)

    slug = ma.fields.String(
        required=True,
        validate=[ma.validate.Length(max=80, error=SLUG_WANTED), ma.validate.Regexp(SLUG, error=SLUG_WANTED)],
    )
    name = _name_field(required=True)


class PartnerRowSchema(FileSchema, NewPartnerSchema):
    """A partner in ``partners.yaml``. It loads a :class:`Partner`."""

    theme = Parsed(theme_values)  # type: ignore[assignment]  # a file may have a number of pixels

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> Partner:
        return Partner(**{"language": "en", "theme": {}, **values, "origins": tuple(values.get("origins", ()))})
