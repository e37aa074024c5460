"""Texts: of one line, of several, and a mail address."""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.addresses import LONGEST_ADDRESS, normal_address
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
        text = cleaned(clean_line, raw, most)
        if not text:
            return None
        try:
            return normal_address(text)
        except ValueError:
            raise ValidationError("bad-address") from None

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
    options="none", max_length=LONGEST_ADDRESS, accepts_limit=partial(_is_length, most=LONGEST_ADDRESS),
    can_equal=equals_text, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_email, json_schema=_email_schema, widget=_email_input,
    choices=no_choices, initial=no_initial, display=display_text, cell=cell_as_is,
)  # fmt: skip
