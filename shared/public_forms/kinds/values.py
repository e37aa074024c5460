"""A day, a number, yes or no, and a consent.

A day stays text from end to end: no time zone may ever shift it.
"""

import re
from datetime import date
from math import inf
from typing import Any, cast
from unicodedata import decimal

from marshmallow import ValidationError

from shared.public_forms.fields import (
    Check,
    Field,
    FieldKind,
    Widget,
    cell_as_is,
    display_text,
    encode_text,
    engine_texts,
    never_equal,
    no_choices,
    no_initial,
    no_limits,
    parse_text,
    without_ignorable,
)


def _is_day(value: object) -> bool:
    """Whether it is a day as ISO 8601 writes it, ``2020-05-11``."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _can_equal_date(field: Field, wanted: str | bool) -> bool:
    return _is_day(wanted)


def _check_date(field: Field) -> Check:
    first, last = field.minimum, field.maximum

    def check(raw: Any) -> str | None:
        if not isinstance(raw, str):
            raise ValidationError("not-text")
        day = raw.strip()
        if not day:
            return None
        if not _is_day(day):
            raise ValidationError("bad-date")
        if isinstance(first, str) and day < first:
            raise ValidationError("too-early")
        if isinstance(last, str) and day > last:
            raise ValidationError("too-late")
        return day

    return check


def _date_schema(field: Field) -> dict[str, Any]:
    return {"type": "string", "format": "date"}


def _date_input(field: Field) -> Widget:
    return Widget("input.html", {"type": "date", "min": field.minimum, "max": field.maximum})


DATE = FieldKind(
    name="date", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=None, accepts_limit=_is_day,
    can_equal=_can_equal_date, ordered=True, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_date, json_schema=_date_schema, widget=_date_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip


WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,15}[.,][0-9]{1,6}")
GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:[.,'\u2019\u066c \u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]{1,6})?")
"""Thousands, separated as anywhere in the world; with one point or comma the same text is a decimal number."""
MAX_NUMBER = 1e15
"""On both sides of 0, where a definition has no limit: every whole number up to it is exact in JSON."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf


def _parse_number(text: str) -> int | float | str:
    """The number that ``text`` spells; a decimal comma is one too.

    What may be thousands stays text: what it means depends on the question, which the check knows.
    """
    spelt = text.strip()
    plain = _in_ascii(spelt)
    if WHOLE.fullmatch(plain):
        return int(plain)
    return _decimal(plain) if DECIMAL.fullmatch(plain) and not GROUPED.fullmatch(plain) else spelt


_SIGNS = str.maketrans({"\u066b": ".", "\u2212": "-", "\uff0d": "-", "\uff0b": "+"})
"""The Arabic decimal separator, the minus sign, and the full-width signs of Chinese and Japanese keyboards."""


def _in_ascii(text: str) -> str:
    """``text`` with the digits of every script as 0 to 9, signs in ASCII, and without what cannot be seen."""
    if text.isascii():
        return text
    seen = without_ignorable(text).strip()
    return "".join(str(decimal(sign)) if sign.isdecimal() else sign for sign in seen).translate(_SIGNS)


def _decimal(plain: str) -> float:
    return float(plain.replace(",", "."))


def _read_text(text: str, *, is_whole: bool) -> float | str:
    """The number of a text that scripts do not turn into one: it may be thousands, or has the digits of another script.

    Returns:
        the text if it is neither, or no number.

    Raises:
        ValidationError: it must be thousands, or the question asks for a whole number.
    """
    plain = _in_ascii(text.strip())
    if not GROUPED.fullmatch(plain):
        return text if text.isascii() else _parse_number(plain)
    if is_whole or not DECIMAL.fullmatch(plain):
        raise ValidationError("thousands-separator")
    return _decimal(plain)


def _has_whole_limits(field: Field) -> bool:
    """Whether a question asks for a whole number, as far as its limits show."""
    limits = [cast(float, limit) for limit in (field.minimum, field.maximum) if limit is not None]
    return bool(limits) and all(isinstance(limit, int) or limit.is_integer() for limit in limits)


def _check_number(field: Field) -> Check:
    least = -MAX_NUMBER if field.minimum is None else cast(float, field.minimum)
    most = MAX_NUMBER if field.maximum is None else cast(float, field.maximum)
    is_whole = _has_whole_limits(field)

    def check(raw: Any) -> int | float | None:
        if raw == "":
            return None
        if isinstance(raw, str):
            raw = _read_text(raw, is_whole=is_whole)
        if not _is_number(raw):
            raise ValidationError("not-a-number")
        if raw < least:
            raise ValidationError("too-small")
        if raw > most:
            raise ValidationError("too-large")
        return cast(int | float, raw)

    return check


def _number_schema(field: Field) -> dict[str, Any]:
    limits = {"minimum": field.minimum, "maximum": field.maximum}
    return {"type": "number"} | {key: value for key, value in limits.items() if value is not None}


def _number_input(field: Field) -> Widget:
    return Widget("input.html", {"type": "text", "inputmode": "decimal", "maxlength": 24, "dir": "ltr"})


NUMBER = FieldKind(
    name="number", data_type="number", parse=_parse_number, encode=encode_text,
    options="none", max_length=None, accepts_limit=_is_number, can_equal=never_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_number, json_schema=_number_schema, widget=_number_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip


YES = frozenset({"on", "yes", "true", "1"})
NO = frozenset({"off", "no", "false", "0"})


def _parse_yes_no(text: str) -> bool | str:
    lowered = text.strip().lower()
    return True if lowered in YES else False if lowered in NO else text


def _encode(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _can_equal_yes_no(field: Field, wanted: str | bool) -> bool:
    return isinstance(wanted, bool)


def _display(field: Field, answer: Any, language: str) -> str:
    return engine_texts().text("answer.yes" if answer is True else "answer.no", language)


def _check_yes_no(field: Field) -> Check:
    def check(raw: Any) -> bool | None:
        if raw == "":
            return None
        if not isinstance(raw, bool):
            raise ValidationError("not-yes-or-no")
        return raw

    return check


def _check_consent(field: Field) -> Check:
    required = field.required

    def check(raw: Any) -> bool | None:
        if not isinstance(raw, bool) and raw != "":
            raise ValidationError("not-yes-or-no")
        if required and raw is not True:
            raise ValidationError("consent-needed")
        return raw is True

    return check


def _schema_yes_no(field: Field) -> dict[str, Any]:
    return {"type": "boolean"}


def _schema_consent(field: Field) -> dict[str, Any]:
    return {"type": "boolean"} | ({"const": True} if field.required else {})


def _radios(field: Field) -> Widget:
    return Widget("choices.html", {"type": "radio"})


def _box(field: Field) -> Widget:
    return Widget("consent.html", {"type": "checkbox"})


def _yes_and_no(field: Field, language: str) -> tuple[tuple[bool, str], ...]:
    return tuple((answer, _display(field, answer, language)) for answer in (True, False))


YES_NO = FieldKind(
    name="yes_no", data_type="boolean", parse=_parse_yes_no, encode=_encode,
    options="built-in", max_length=None, accepts_limit=no_limits,
    can_equal=_can_equal_yes_no, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_yes_no, json_schema=_schema_yes_no, widget=_radios,
    choices=_yes_and_no, initial=no_initial, display=_display, cell=cell_as_is,
)  # fmt: skip

CONSENT = FieldKind(
    name="consent", data_type="boolean", parse=_parse_yes_no, encode=_encode,
    options="none", max_length=None, accepts_limit=no_limits,
    can_equal=_can_equal_yes_no, ordered=False, sealing="never", autocomplete="", is_consent=True,
    check=_check_consent, json_schema=_schema_consent, widget=_box,
    choices=no_choices, initial=no_initial, display=_display, cell=cell_as_is,
)  # fmt: skip
