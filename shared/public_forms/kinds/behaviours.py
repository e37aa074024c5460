"""Behaviours that several kinds share. Each kind names the ones that it takes; no kind has one by default."""

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.fields import Field, Unclean


def parse_text(text: str) -> str:
    """Return the answer that is sent as it is."""
    return text


def encode_text(value: Any) -> str:
    """Return the value that is sent as it is."""
    return str(value)


def no_limits(limit: object) -> bool:
    """Refuse every ``min`` and ``max``."""
    return False


def never_equal(field: Field, wanted: str | bool) -> bool:
    """Refuse every value in a condition: only whether there is an answer can be asked."""
    return False


def equals_text(field: Field, wanted: str | bool) -> bool:
    """Allow any text in a condition."""
    return isinstance(wanted, str)


def no_choices(field: Field, language: str) -> tuple[tuple[Any, str], ...]:
    """Return no choices."""
    return ()


def no_initial(language: str) -> None:
    """Leave the field of an empty form empty."""


def display_text(field: Field, answer: Any, language: str) -> str:
    """Return an answer as it was typed."""
    return str(answer)


def cell_as_is(field: Field, answer: Any) -> object:
    """Return an answer as it is stored."""
    return answer


def cleaned(clean: Callable[[str, int], str], raw: Any, most: int) -> str:
    """Return a text cleaned by one of :mod:`shared.public_forms.fields`.

    Raises:
        ValidationError: with the code of what is wrong.
    """
    if not isinstance(raw, str):
        raise ValidationError("not-text")
    try:
        return clean(raw, most)
    except Unclean as error:
        raise ValidationError(error.code) from None


def text_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a text with a length."""
    least = field.minimum or (1 if field.required else 0)
    return {"type": "string", "maxLength": field.max_length} | ({"minLength": least} if least else {})
