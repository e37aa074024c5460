"""Texts: of one line, of several, a mail address, a telephone number.

A telephone number has its country code and is stored as E.164 (``+41229179000``). It is accepted in any usual writing
and in the digits of any script. Only its length is checked, by country: which ranges are in use changes every week,
and refusing a number that exists would be worse than storing one that does not. The library is imported with the first
number (0.05 s of processor time): most processes never need it.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from unicodedata import category, normalize

from marshmallow import ValidationError

from shared.public_forms.addresses import MAX_ADDRESS_LENGTH, NotAnAddress, normal_address, typed_address
from shared.public_forms.fields import (
    Check,
    Field,
    FieldKind,
    Widget,
    cell_as_is,
    clean_line,
    clean_lines,
    cleaned,
    display_text,
    encode_text,
    equals_text,
    never_equal,
    no_choices,
    no_initial,
    no_limits,
    parse_text,
    text_schema,
    without_ignorable,
)

MAX_TEXT = 500
MAX_LONG_TEXT = 4000


def _is_length(limit: object, most: int) -> bool:
    """Whether a definition's limit is a number of characters up to ``most``."""
    return isinstance(limit, int) and not isinstance(limit, bool) and 0 <= limit <= most


def _check(field: Field, clean: Callable[[str, int], str]) -> Check:
    most, least = field.max_length, field.minimum if isinstance(field.minimum, int) else 0

    def check(raw: Any) -> str | None:
        text = cleaned(clean, raw, most)
        if text and len(text) < least:
            raise ValidationError("too-short")
        return text or None

    return check


def _input(field: Field) -> Widget:
    return Widget("input.html", {"type": "text", "maxlength": field.max_length, "dir": "auto"})


def _textarea(field: Field) -> Widget:
    return Widget("textarea.html", {"rows": 4, "dir": "auto"})


def _check_email(field: Field) -> Check:
    most = field.max_length

    def check(raw: Any) -> str | None:
        text = cleaned(clean_line, typed_address(raw) if isinstance(raw, str) else raw, most)
        if not text:
            return None
        try:
            return normal_address(text)
        except NotAnAddress as error:
            raise ValidationError(error.code) from None

    return check


def _email_schema(field: Field) -> dict[str, Any]:
    return text_schema(field) | {"format": "email"}


def _email_input(field: Field) -> Widget:
    typing = {"inputmode": "email", "spellcheck": "false", "autocapitalize": "none", "dir": "ltr"}
    return Widget("input.html", {"type": "email", "maxlength": field.max_length, **typing})


TEXT = FieldKind(
    name="text", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=MAX_TEXT, accepts_limit=partial(_is_length, most=MAX_TEXT),
    can_equal=equals_text, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=partial(_check, clean=clean_line), json_schema=text_schema, widget=_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip

LONG_TEXT = FieldKind(
    name="long_text", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=MAX_LONG_TEXT, accepts_limit=partial(_is_length, most=MAX_LONG_TEXT),
    can_equal=equals_text, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=partial(_check, clean=clean_lines), json_schema=text_schema, widget=_textarea,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip

EMAIL = FieldKind(
    name="email", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=MAX_ADDRESS_LENGTH, accepts_limit=partial(_is_length, most=MAX_ADDRESS_LENGTH),
    can_equal=equals_text, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_email, json_schema=_email_schema, widget=_email_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip


MAX_PHONE = 40
_AROUND = "[\\s\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
"""Spaces, and the invisible marks that come with a number copied from a contact list or from a text in Arabic."""
PATTERN = (
    f"^{_AROUND}([Tt][Ee][Ll]:)?{_AROUND}(\\+|\uff0b|00|\uff10\uff10|\u0660\u0660|\u06f0\u06f0)[^A-Za-z+]{{4,38}}$"
)
"""A plus sign or the prefix of most countries, 00, then no letters; both also as Arabic, Persian and Chinese keyboards
have them. Before it ``tel:``, as a link has it (RFC 3966). Valid in both ECMA 262 and Python."""
_WRITTEN = re.compile(PATTERN)


def _check_phone(field: Field) -> Check:
    def check(raw: Any) -> str | None:
        text = cleaned(clean_line, without_ignorable(raw) if isinstance(raw, str) else raw, MAX_PHONE)
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
        number = phonenumbers.parse("+" + _plain_digits(text[prefix.end(2) :]))
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _plain_digits(text: str) -> str:
    """``text`` without spaces, and with every dash and minus sign as a hyphen."""
    dashed = (_HYPHEN if sign in _MINUS_SIGNS or category(sign) == "Pd" else sign for sign in normalize("NFKC", text))
    return "".join("".join(dashed).split())


_HYPHEN, _MINUS_SIGNS = "-", "\u2212\u2043"
"""The minus sign and the hyphen of lists; Unicode counts neither among the dashes."""


def _international(answer: Any) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(str(answer))
    except phonenumbers.NumberParseException:
        return str(answer)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _display_phone(field: Field, answer: Any, language: str) -> str:
    return _international(answer)


def _phone_cell(field: Field, answer: Any) -> object:
    return _international(answer)


def _phone_schema(field: Field) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_PHONE, "pattern": PATTERN if field.required else f"^$|{PATTERN}"}


def _phone_input(field: Field) -> Widget:
    return Widget("input.html", {"type": "tel", "maxlength": MAX_PHONE, "dir": "ltr"})


PHONE = FieldKind(
    name="phone", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=MAX_PHONE, accepts_limit=no_limits,
    can_equal=never_equal, ordered=False, sealing="by-default", autocomplete="tel", is_consent=False,
    check=_check_phone, json_schema=_phone_schema, widget=_phone_input,
    choices=no_choices, initial=no_initial, display=_display_phone, cell=_phone_cell,
)  # fmt: skip
