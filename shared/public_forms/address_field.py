"""A mail address in the body of a request to an API."""

import marshmallow as ma

from shared.public_forms.addresses import LONGEST_ADDRESS, normal_address


def email_field() -> ma.fields.String:
    """Return a required field that takes what :func:`normal_address` takes, and spaces around it."""
    return ma.fields.String(required=True, validate=[ma.validate.Length(max=LONGEST_ADDRESS), _is_address])


def _is_address(text: str) -> None:
    try:
        normal_address(text.strip())
    except ValueError:
        raise ma.ValidationError("Not a mail address.") from None
