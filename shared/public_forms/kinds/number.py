"""A number."""

import re
from math import inf
from typing import Any, cast

from marshmallow import ValidationError

from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import (
    cell_as_is,
    display_text,
    encode_text,
    never_equal,
    no_choices,
    no_initial,
)

WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,15}[.,][0-9]{1,6}")
MAX_NUMBER = 1e15
"""On both sides of 0, where a definition has no limit: every whole number up to it is exact in JSON."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf


def _parse(text: str) -> int | float | str:
    """The number that ``text`` spells; a decimal comma is one too."""
    spelt = text.strip()
    if WHOLE.fullmatch(spelt):
        return int(spelt)
    return float(spelt.replace(",", ".")) if DECIMAL.fullmatch(spelt) else spelt


def _check(field: Field) -> Check:
    least = -MAX_NUMBER if field.minimum is None else cast(float, field.minimum)
    most = MAX_NUMBER if field.maximum is None else cast(float, field.maximum)

    def check(raw: Any) -> int | float | None:
        if raw == "":
            return None
        if not _is_number(raw):
            raise ValidationError("not-a-number")
        if raw < least:
            raise ValidationError("too-small")
        if raw > most:
            raise ValidationError("too-large")
        return cast(int | float, raw)

    return check


def _schema(field: Field) -> dict[str, Any]:
    limits = {"minimum": field.minimum, "maximum": field.maximum}
    return {"type": "number"} | {key: value for key, value in limits.items() if value is not None}


def _input(field: Field) -> Widget:
    return Widget("input.html", {"type": "text", "inputmode": "decimal", "maxlength": 24, "dir": "ltr"})


NUMBER = FieldKind(
    name="number", data_type="number", parse=_parse, encode=encode_text,
    options="none", max_length=None, accepts_limit=_is_number, can_equal=never_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check, json_schema=_schema, widget=_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip
