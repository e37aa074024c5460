"""Bases and pieces of the message schemas: a consumer ignores what it does not know, a reader never guesses."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"


class MessageSchema(Schema):
    """Unknown fields are ignored, so a sender may add optional ones without a new version."""

    class Meta:
        unknown = EXCLUDE


def slug(*, required: bool = True) -> fields.String:
    """A lower-case name with hyphens, at most 80 characters; may be null or absent where it is not required."""
    return fields.String(validate=[validate.Length(max=80), validate.Regexp(SLUG)], **_presence(required))


class StrictBoolean(fields.Boolean):
    """``true`` or ``false`` of a JSON document, and no number or word in its place."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **words: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _Identity(fields.UUID):
    """A UUID, which a handler sees as text in the one spelling that the database has."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **words: Any) -> Any:
        return str(super()._deserialize(value, attr, data, **words))


def identity() -> fields.UUID:
    """A UUID as text, in lower case with hyphens, however the sender wrote it."""
    return _Identity(required=True)


def revision() -> fields.Integer:
    """Counts the changes of a subject from 1."""
    return fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


def moment(*, required: bool = True) -> fields.AwareDateTime:
    """RFC 3339 with an offset; may be null or absent where it is not required."""
    return fields.AwareDateTime(format="iso", **_presence(required))


def text(most: int, *, required: bool = True) -> fields.String:
    """Text of at most ``most`` characters; may be null or absent where it is not required."""
    return fields.String(validate=validate.Length(max=most), **_presence(required))


def one_of(*values: str, required: bool = True) -> fields.String:
    """One of ``values``; may be null or absent where it is not required."""
    return fields.String(validate=validate.OneOf(values), **_presence(required))


def _presence(required: bool) -> dict[str, Any]:
    """Whoever reads an optional field finds it, null if the sender left it out."""
    return {"required": True} if required else {"allow_none": True, "load_default": None}
