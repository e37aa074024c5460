"""Texts: of one line, and of several."""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.cleaning import clean_line, clean_lines
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

MAX_TEXT = 500
MAX_LONG_TEXT = 4000


def is_length(limit: object, longest: int) -> bool:
    """Return whether a definition's limit is a number of characters up to ``longest``."""
    return isinstance(limit, int) and not isinstance(limit, bool) and 0 <= limit <= longest


def _check(field: Field, clean: Callable[[str, int], str]) -> Check:
    longest, shortest = field.longest, field.minimum if isinstance(field.minimum, int) else 0

    def check(raw: Any) -> str | None:
        text = cleaned(clean, raw, longest)
        if text and len(text) < shortest:
            raise ValidationError("too-short")
        return text or None

    return check


def _input(field: Field) -> Widget:
    return Widget("input.html", {"type": "text", "maxlength": field.longest, "dir": "auto"})


def _textarea(field: Field) -> Widget:
    return Widget("textarea.html", {"rows": 4, "dir": "auto"})


TEXT = FieldKind(
    name="text",
    data_type="text",
    options="none",
    max_length=MAX_TEXT,
    accepts_limit=partial(is_length, longest=MAX_TEXT),
    can_equal=equals_text,
    ordered=False,
    sealing="by-choice",
    autocomplete="",
    is_consent=False,
    missing_code="required",
    parse=parse_text,
    encode=encode_text,
    check=partial(_check, clean=clean_line),
    json_schema=text_schema,
    widget=_input,
    choices=no_choices,
    initial=no_initial,
    display=display_text,
    cell=cell_as_is,
)

LONG_TEXT = FieldKind(
    name="long_text",
    data_type="text",
    options="none",
    max_length=MAX_LONG_TEXT,
    accepts_limit=partial(is_length, longest=MAX_LONG_TEXT),
    can_equal=equals_text,
    ordered=False,
    sealing="by-choice",
    autocomplete="",
    is_consent=False,
    missing_code="required",
    parse=parse_text,
    encode=encode_text,
    check=partial(_check, clean=clean_lines),
    json_schema=text_schema,
    widget=_textarea,
    choices=no_choices,
    initial=no_initial,
    display=display_text,
    cell=cell_as_is,
)
