"""The definition of a form as JSON for programs: partners' own pages and scripts."""

from typing import Any

from shared.i18n.languages import direction
from shared.public_forms.choices import options_of
from shared.public_forms.definition import Condition, Field, FormDefinition
from shared.public_forms.fields import LONGEST


def to_public(definition: FormDefinition, language: str) -> dict[str, Any]:
    """What ``GET /v1/forms/{slug}`` says of the questions, with the texts of ``language``.

    Time zones are not listed: any IANA name is an answer. Members that do not apply are left out.
    """
    return {
        "slug": definition.slug,
        "kind": definition.kind,
        "version": definition.version,
        "language": language,
        "direction": direction(language),
        "title": definition.title.in_language(language),
        "intro": definition.intro.in_language(language),
        "fields": [_public_field(field, language) for field in definition.fields if is_answerable(field)],
    }


def is_answerable(field: Field) -> bool:
    """Whether the field can be shown at all: a working group cannot be chosen where none is offered."""
    return field.kind != "working_group" or bool(field.options)


def _public_field(field: Field, language: str) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind,
        "label": field.label.in_language(language),
        "help": field.help.in_language(language),
        "required": field.required,
        "sealed": field.sealed,
        "options": _public_options(field, language),
        "shown_when": _public_condition(field.shown_when),
        "min": field.minimum,
        "max": field.longest if field.kind in LONGEST else field.maximum,
        "autocomplete": field.autocomplete,
        "not_before": field.not_before,
    }
    return {key: value for key, value in whole.items() if value is not None and value != "" and value != []}


def _public_options(field: Field, language: str) -> list[dict[str, Any]]:
    """How many places a choice has is not said, only that none is left."""
    if field.kind == "time_zone":
        return []
    full = field.full_options
    return [
        {"value": value, "label": label} | ({"full": True} if value in full else {})
        for value, label in options_of(field, language)
    ]


def _public_condition(condition: Condition | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    return {"field": condition.field} | ({} if condition.equals is None else {"equals": condition.equals})
