"""The marshmallow schema of one form. Error messages in it are codes; ``validation`` gives them their words."""

from collections.abc import Callable
from datetime import date
from math import isfinite
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Field as SchemaField

from shared.public_forms.addresses import normal_address
from shared.public_forms.choices import allowed_values
from shared.public_forms.cleaning import Unclean, clean_line, clean_lines
from shared.public_forms.definition import Field, FormDefinition

Check = Callable[[Any], Any]
"""Takes a raw answer; returns the clean one, ``None`` if it is empty; raises ValidationError with a code."""


class Answer(SchemaField[Any]):
    """One answer, cleaned by the check made for its field. Empty counts as not given."""

    default_error_messages = {"required": "required", "null": "required", "validator_failed": "invalid"}  # noqa: RUF012

    def __init__(self, check: Check, *, required: bool) -> None:
        super().__init__(required=required, allow_none=not required)
        self._check = check

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = self._check(value)
        if found is None and self.required:
            raise ValidationError("required")
        return found


def schema_of(definition: FormDefinition) -> Schema:
    """A new schema for ``definition``. Fields with a condition are not required in it: whether they are depends
    on other answers and is decided afterwards."""
    answers = {
        field.name: Answer(check_of(field), required=field.required and field.shown_when is None)
        for field in definition.fields
    }
    made = Schema.from_dict(cast(Any, answers), name="FormAnswers")
    made.error_messages = {"unknown": "unknown-field", "type": "not-an-object"}
    return made(unknown=RAISE)


def check_of(field: Field) -> Check:
    """The check of one field, with its limits built in."""
    makers: dict[str, Callable[[Field], Check]] = {
        "text": _text_check,
        "long_text": _text_check,
        "email": _email_check,
        "number": _number_check,
        "date": _date_check,
        "yes_no": _yes_no_check,
        "consent": _consent_check,
        "some_of": _some_of_check,
    }
    return makers.get(field.kind, _one_of_check)(field)


def _text_check(field: Field) -> Check:
    clean = clean_lines if field.kind == "long_text" else clean_line
    longest, shortest = field.longest, field.minimum if isinstance(field.minimum, int) else 0

    def check(raw: Any) -> str | None:
        text = _cleaned(clean, raw, longest)
        if text and len(text) < shortest:
            raise ValidationError("too-short")
        return text or None

    return check


def _email_check(field: Field) -> Check:
    longest = field.longest

    def check(raw: Any) -> str | None:
        text = _cleaned(clean_line, raw, longest)
        if not text:
            return None
        try:
            return normal_address(text)
        except ValueError:
            raise ValidationError("bad-address") from None

    return check


def _cleaned(clean: Callable[[str, int], str], raw: Any, longest: int) -> str:
    if not isinstance(raw, str):
        raise ValidationError("not-text")
    try:
        return clean(raw, longest)
    except Unclean as error:
        raise ValidationError(error.code) from None


def _number_check(field: Field) -> Check:
    least = cast(float | None, field.minimum)
    most = cast(float | None, field.maximum)

    def check(raw: Any) -> int | float | None:
        if raw == "":
            return None
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise ValidationError("not-a-number")
        if isinstance(raw, float) and not isfinite(raw):
            raise ValidationError("not-a-number")
        if (least is not None and raw < least) or (least is None and raw < -1e15):
            raise ValidationError("too-small")
        if (most is not None and raw > most) or (most is None and raw > 1e15):
            raise ValidationError("too-large")
        return raw

    return check


def _date_check(field: Field) -> Check:
    """Days stay text: no time zone may ever shift them."""
    first, last = field.minimum, field.maximum

    def check(raw: Any) -> str | None:
        text = _cleaned(clean_line, raw, 40)
        if not text:
            return None
        try:
            day = date.fromisoformat(text).isoformat()
        except ValueError:
            raise ValidationError("bad-date") from None
        if day != text:
            raise ValidationError("bad-date")
        if isinstance(first, str) and day < first:
            raise ValidationError("too-early")
        if isinstance(last, str) and day > last:
            raise ValidationError("too-late")
        return day

    return check


def _yes_no_check(_field: Field) -> Check:
    def check(raw: Any) -> bool | None:
        if raw == "":
            return None
        if not isinstance(raw, bool):
            raise ValidationError("not-yes-or-no")
        return raw

    return check


def _consent_check(field: Field) -> Check:
    required = field.required

    def check(raw: Any) -> bool | None:
        if not isinstance(raw, bool) and raw != "":
            raise ValidationError("not-yes-or-no")
        if required and raw is not True:
            raise ValidationError("consent-needed")
        return raw is True

    return check


def _one_of_check(field: Field) -> Check:
    allowed = allowed_values(field)

    def check(raw: Any) -> str | None:
        if not isinstance(raw, str):
            raise ValidationError("not-a-choice")
        if raw and raw not in allowed:
            raise ValidationError("not-a-choice")
        return raw or None

    return check


def _some_of_check(field: Field) -> Check:
    order = [option.value for option in field.options]
    allowed = frozenset(order)

    def check(raw: Any) -> list[str] | None:
        if not isinstance(raw, list) or len(raw) > len(order):
            raise ValidationError("not-a-choice")
        if not all(isinstance(value, str) and value in allowed for value in raw):
            raise ValidationError("not-a-choice")
        return [value for value in order if value in raw] or None

    return check
