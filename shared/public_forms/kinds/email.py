"""A mail address."""

from functools import partial
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.addresses import LONGEST_ADDRESS, normal_address
from shared.public_forms.cleaning import clean_line
from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import (
    cell_as_is,
    cleaned,
    display_text,
    encode_text,
    equals_text,
    no_choices,
    no_initial,
    parse_text,
    text_schema,
)
from shared.public_forms.kinds.text import is_length


def _check(field: Field) -> Check:
    longest = field.longest

    def check(raw: Any) -> str | None:
        text = cleaned(clean_line, raw, longest)
        if not text:
            return None
        try:
            return normal_address(text)
        except ValueError:
            raise ValidationError("bad-address") from None

    return check


def _schema(field: Field) -> dict[str, Any]:
    return text_schema(field) | {"format": "email"}


def _input(field: Field) -> Widget:
    typing = {"inputmode": "email", "spellcheck": "false", "autocapitalize": "none", "dir": "ltr"}
    return Widget("input.html", {"type": "email", "maxlength": field.longest, **typing})


EMAIL = FieldKind(
    name="email",
    data_type="text",
    options="none",
    max_length=LONGEST_ADDRESS,
    accepts_limit=partial(is_length, longest=LONGEST_ADDRESS),
    can_equal=equals_text,
    ordered=False,
    sealing="by-choice",
    autocomplete="",
    is_consent=False,
    missing_code="required",
    parse=parse_text,
    encode=encode_text,
    check=_check,
    json_schema=_schema,
    widget=_input,
    choices=no_choices,
    initial=no_initial,
    display=display_text,
    cell=cell_as_is,
)
