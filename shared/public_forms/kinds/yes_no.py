"""Yes or no, and a box to tick for a consent."""

from typing import Any

from marshmallow import ValidationError

from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import cell_as_is, no_choices, no_initial, no_limits
from shared.public_forms.texts import engine_texts

YES = frozenset({"on", "yes", "true", "1"})
NO = frozenset({"off", "no", "false", "0"})


def _parse(text: str) -> bool | str:
    lowered = text.strip().lower()
    return True if lowered in YES else False if lowered in NO else text


def _encode(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _can_equal(field: Field, wanted: str | bool) -> bool:
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
    name="yes_no", data_type="boolean", parse=_parse, encode=_encode,
    options="built-in", max_length=None, accepts_limit=no_limits,
    can_equal=_can_equal, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_yes_no, json_schema=_schema_yes_no, widget=_radios,
    choices=_yes_and_no, initial=no_initial, display=_display, cell=cell_as_is,
)  # fmt: skip

CONSENT = FieldKind(
    name="consent", data_type="boolean", parse=_parse, encode=_encode,
    options="none", max_length=None, accepts_limit=no_limits,
    can_equal=_can_equal, ordered=False, sealing="never", autocomplete="", is_consent=True,
    check=_check_consent, json_schema=_schema_consent, widget=_box,
    choices=no_choices, initial=no_initial, display=_display, cell=cell_as_is,
)  # fmt: skip
