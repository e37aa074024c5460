"""One or some of a list: of the definition's own choices, or of the working groups that there are."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from marshmallow import ValidationError

from shared.public_forms.fields import Check, Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import encode_text, no_initial, no_limits, parse_text

MAX_RADIOS = 6
"""With more choices than this a list to open is easier to use than buttons."""


def one_of(values: Callable[[Field], Collection[str]]) -> Callable[[Field], Check]:
    """Return what makes the check of a field that holds one of ``values``."""

    def make(field: Field) -> Check:
        allowed = values(field)

        def check(raw: Any) -> str | None:
            if not isinstance(raw, str) or (raw and raw not in allowed):
                raise ValidationError("not-a-choice")
            return raw or None

        return check

    return make


def one_of_schema(field: Field, values: Collection[str]) -> dict[str, Any]:
    """Return the JSON Schema of one of ``values``; an optional one may be empty or null."""
    return {"type": "string", "enum": [*sorted(values), *(() if field.required else ("", None))]}


def labels_of(answer: Any, choices: Sequence[tuple[str, str]], separator: str) -> str:
    """Return the labels of one or several chosen values; a value without a label stands for itself."""
    labels = dict(choices)
    return separator.join(labels.get(str(one), str(one)) for one in (answer if isinstance(answer, list) else [answer]))


def select(field: Field) -> Widget:
    """Return a list to open."""
    return Widget("select.html", {})


def _values(field: Field) -> list[str]:
    return [option.value for option in field.options]


def _can_equal(field: Field, wanted: str | bool) -> bool:
    return wanted in _values(field)


def _can_equal_group(field: Field, wanted: str | bool) -> bool:
    """Which groups there are is not known when a definition is read."""
    return isinstance(wanted, str) and (not field.options or wanted in _values(field))


def _check_some_of(field: Field) -> Check:
    order = _values(field)
    allowed = frozenset(order)

    def check(raw: Any) -> list[str] | None:
        if not isinstance(raw, list) or len(raw) > len(order):
            raise ValidationError("not-a-choice")
        if not all(isinstance(value, str) and value in allowed for value in raw):
            raise ValidationError("not-a-choice")
        return [value for value in order if value in raw] or None

    return check


def _schema_one_of(field: Field) -> dict[str, Any]:
    return one_of_schema(field, _values(field))


def _schema_some_of(field: Field) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": sorted(_values(field))}, "uniqueItems": True}


def _radios(field: Field) -> Widget:
    return Widget("choices.html", {"type": "radio"}) if len(field.options) <= MAX_RADIOS else select(field)


def _boxes(field: Field) -> Widget:
    return Widget("choices.html", {"type": "checkbox"})


def _choices(field: Field, language: str) -> tuple[tuple[str, str], ...]:
    return tuple((option.value, option.label.in_language(language)) for option in field.options)


def _display(field: Field, answer: Any, language: str) -> str:
    return labels_of(answer, _choices(field, language), ", ")


def _cell(field: Field, answer: Any) -> str:
    return labels_of(answer, _choices(field, "en"), "; ")


ONE_OF = FieldKind(
    name="one_of", data_type="text", parse=parse_text, encode=encode_text,
    options="listed", max_length=None, accepts_limit=no_limits, can_equal=_can_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=one_of(_values), json_schema=_schema_one_of, widget=_radios,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip

SOME_OF = FieldKind(
    name="some_of", data_type="list", parse=parse_text, encode=encode_text,
    options="listed", max_length=None, accepts_limit=no_limits, can_equal=_can_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_some_of, json_schema=_schema_some_of, widget=_boxes,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip

WORKING_GROUP = FieldKind(
    name="working_group", data_type="text", parse=parse_text, encode=encode_text,
    options="offered", max_length=None, accepts_limit=no_limits, can_equal=_can_equal_group,
    ordered=False, sealing="never", autocomplete="", is_consent=False,
    check=one_of(_values), json_schema=_schema_one_of, widget=select,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip
