"""A day. It stays text from end to end: no time zone may ever shift it."""

from datetime import date
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import (
    cell_as_is,
    display_text,
    encode_text,
    no_choices,
    no_initial,
    parse_text,
)


def _is_day(value: object) -> bool:
    """Whether it is a day as ISO 8601 writes it, ``2020-05-11``."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _can_equal(field: Field, wanted: str | bool) -> bool:
    return _is_day(wanted)


def _check(field: Field) -> Check:
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


def _schema(field: Field) -> dict[str, Any]:
    return {"type": "string", "format": "date"}


def _input(field: Field) -> Widget:
    return Widget("input.html", {"type": "date", "min": field.minimum, "max": field.maximum})


DATE = FieldKind(
    name="date", data_type="text", parse=parse_text, encode=encode_text,
    options="none", max_length=None, accepts_limit=_is_day,
    can_equal=_can_equal, ordered=True, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check, json_schema=_schema, widget=_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip
