"""A form for programs, partners' own pages and scripts: its definition as JSON, and as JSON Schema (draft 2020-12)."""

from typing import Any

from shared.i18n.languages import direction
from shared.public_forms.definition import Condition, Field, FormDefinition
from shared.public_forms.transport import TRANSPORT_FIELDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_TRANSPORT = 2000
"""Characters of a value that travels beside the answers."""


def to_public(definition: FormDefinition, language: str) -> dict[str, Any]:
    """Return what ``GET /v1/forms/{slug}`` says of the questions.

    Time zones are not listed: any IANA name is an answer. Members that do not apply are left out.

    Args:
        definition: the questions that are asked.
        language: of the texts.
    """
    return {
        "slug": definition.slug,
        "kind": definition.kind,
        "version": definition.version,
        "language": language,
        "direction": direction(language),
        "title": definition.title.in_language(language),
        "intro": definition.intro.in_language(language),
        "fields": [_public_field(field, language) for field in definition.fields if field.is_answerable],
    }


def _public_field(field: Field, language: str) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind.name,
        "label": field.label.in_language(language),
        "help": field.help.in_language(language),
        "required": field.required,
        "sealed": field.sealed,
        "options": _public_options(field, language),
        "shown_when": _public_condition(field.shown_when),
        "min": field.minimum,
        "max": field.max_length or field.maximum,
        "autocomplete": field.autocomplete,
        "not_before": field.not_before,
        "lines_of": field.lines_of,
    }
    return {key: value for key, value in whole.items() if value is not None and value != "" and value != []}


def _public_options(field: Field, language: str) -> list[dict[str, Any]]:
    """How many places a choice has is not said, only that none is left. Those of yes or no need not be said."""
    if field.kind.data_type == "boolean":
        return []
    full = field.full_options
    return [
        {"value": value, "label": label} | ({"full": True} if value in full else {})
        for value, label in field.kind.choices(field, language)
    ]


def _public_condition(condition: Condition | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    return {"field": condition.field} | ({} if condition.equals is None else {"equals": condition.equals})


def json_schema(definition: FormDefinition, language: str = "en") -> dict[str, Any]:
    """Return the schema of the JSON body of a submission.

    It is a little wider than the check itself: conditions are in it, Unicode rules are not.

    Args:
        definition: the questions that are asked.
        language: of titles and descriptions.
    """
    transport = {name: {"type": "string", "maxLength": MAX_TRANSPORT} for name in sorted(TRANSPORT_FIELDS)}
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": definition.title.in_language(language),
        "type": "object",
        "properties": {f.name: _property(f, language) for f in definition.fields} | transport,
        "required": [f.name for f in definition.fields if f.required and f.shown_when is None],
        "additionalProperties": False,
    }
    rules = [_rule(f, f.shown_when) for f in definition.fields if f.shown_when]
    return schema | ({"allOf": rules} if rules else {})


def _property(field: Field, language: str) -> dict[str, Any]:
    """The schema of one answer; an optional one may also be null."""
    schema = field.kind.json_schema(field) | {"title": field.label.in_language(language)}
    if field.help:
        schema["description"] = field.help.in_language(language)
    if not field.required:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"x-sealed": True} if field.sealed else {})


def _rule(field: Field, condition: Condition) -> dict[str, Any]:
    """``field`` may have an answer only when its condition is met; a required one must have it then."""
    nothing: dict[str, Any] = {"enum": [None, "", False, []]}
    wanted: dict[str, Any] = {"not": nothing}
    if condition.equals is not None:
        wanted = {"anyOf": [{"const": condition.equals}, {"type": "array", "contains": {"const": condition.equals}}]}
    asked = {"properties": {condition.field: wanted}, "required": [condition.field]}
    rule: dict[str, Any] = {"if": asked, "else": {"properties": {field.name: nothing}}}
    return rule | ({"then": {"required": [field.name]}} if field.required else {})
