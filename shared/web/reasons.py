"""The reason that somebody gives for what they do about a person: one line in the body of a request."""

import re

import marshmallow as ma

_UNSTORABLE = re.compile(r"[\ud800-\udfff]|\n\Z")
"""What the pattern of the field lets through."""


def reason_field(description: str) -> ma.fields.String:
    """Return a required field for a line of 10 to 500 characters.

    Lone surrogates are refused but not in the documented pattern: many readers of patterns refuse one that names them.
    """
    return ma.fields.String(
        required=True,
        validate=[ma.validate.Length(min=10, max=500), ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$"), _is_storable],
        metadata={"description": description},
    )


def _is_storable(text: str) -> None:
    if _UNSTORABLE.search(text):
        raise ma.ValidationError("Only printable characters, in one line.")
