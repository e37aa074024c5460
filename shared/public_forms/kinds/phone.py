"""A telephone number with its country code, stored as E.164 (``+41229179000``).

A number is accepted in any usual writing and in the digits of any script. Only its length is checked, by country: which
ranges are in use changes every week, and refusing a number that exists would be worse than storing one that does not.
The library is imported with the first number (0.05 s of processor time): most processes never see one.
"""

import re
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.cleaning import clean_line
from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import (
    cleaned,
    encode_text,
    never_equal,
    no_choices,
    no_initial,
    no_limits,
    parse_text,
)

MAX_PHONE = 40
PATTERN = "^\\s*(\\+|\uff0b|00|\u0660\u0660|\u06f0\u06f0)[^A-Za-z+]{4,38}$"
"""A plus sign or the prefix of most countries, 00, then no letters; both also as Arabic, Persian and Chinese keyboards
have them. Written for ECMA 262 and Python alike."""
_WRITTEN = re.compile(PATTERN)
_UNSEEN = re.compile(r"[\s\u200e\u200f]")
"""Spaces of every width, and the marks of direction that come with a number copied from a text in Arabic."""


def _check(field: Field) -> Check:
    def check(raw: Any) -> str | None:
        text = cleaned(clean_line, raw, MAX_PHONE)
        if not text:
            return None
        number = _normal(text)
        if number is None:
            raise ValidationError("bad-phone")
        return number

    return check


def _normal(text: str) -> str | None:
    """The number in E.164; None if it is none, has an extension, or lacks the country code."""
    import phonenumbers

    prefix = _WRITTEN.match(text)
    if prefix is None:
        return None
    try:
        number = phonenumbers.parse("+" + _UNSEEN.sub("", text[prefix.end(1) :]))
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _international(answer: Any) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(str(answer))
    except phonenumbers.NumberParseException:
        return str(answer)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _display(field: Field, answer: Any, language: str) -> str:
    return _international(answer)


def _cell(field: Field, answer: Any) -> object:
    return _international(answer)


def _schema(field: Field) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_PHONE, "pattern": PATTERN if field.required else f"^$|{PATTERN}"}


def _input(field: Field) -> Widget:
    return Widget("input.html", {"type": "tel", "maxlength": MAX_PHONE, "dir": "ltr"})


PHONE = FieldKind(
    name="phone", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=MAX_PHONE, accepts_limit=no_limits,
    can_equal=never_equal, ordered=False, sealing="by-default", autocomplete="tel", is_consent=False,
    check=_check, json_schema=_schema, widget=_input,
    choices=no_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip
