"""The same definition as a JSON Schema (draft 2020-12), for programs that check before they send."""

from typing import Any

from shared.public_forms.choices import allowed_values
from shared.public_forms.definition import Condition, Field, FormDefinition
from shared.public_forms.fields import LONGEST
from shared.public_forms.transport import TRANSPORT_FIELDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LONGEST_TRANSPORT = 2000


def json_schema(definition: FormDefinition, language: str = "en") -> dict[str, Any]:
    """The schema of the JSON body of a registration on this form.

    It is a little wider than the check itself: conditions are in it, Unicode rules are not.
    """
    transport = {name: {"type": "string", "maxLength": LONGEST_TRANSPORT} for name in sorted(TRANSPORT_FIELDS)}
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
    schema = _typed(field) | {"title": field.label.in_language(language)}
    if field.help:
        schema["description"] = field.help.in_language(language)
    if not field.required:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"x-sealed": True} if field.sealed else {})


def _typed(field: Field) -> dict[str, Any]:
    if field.kind in LONGEST:
        return _text(field)
    if field.kind == "number":
        limits = {"minimum": field.minimum, "maximum": field.maximum}
        return {"type": "number"} | {key: value for key, value in limits.items() if value is not None}
    if field.kind in ("yes_no", "consent"):
        return {"type": "boolean"} | ({"const": True} if field.kind == "consent" and field.required else {})
    if field.kind == "date":
        return {"type": "string", "format": "date"}
    if field.kind == "some_of":
        return {"type": "array", "items": {"enum": sorted(allowed_values(field))}, "uniqueItems": True}
    if field.kind == "time_zone":
        return {"type": "string", "maxLength": 60}
    return _choice(field)


def _text(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "maxLength": field.longest}
    if field.kind == "email":
        schema["format"] = "email"
    least = field.minimum or (1 if field.required else 0)
    return schema | ({"minLength": least} if least else {})


def _choice(field: Field) -> dict[str, Any]:
    """One of a list; an optional answer may be empty or null."""
    values: list[str | None] = [*sorted(allowed_values(field))]
    return {"type": "string", "enum": values if field.required else [*values, "", None]}


def _rule(field: Field, condition: Condition | None) -> dict[str, Any]:
    """``field`` may have an answer only when its condition is met; a required one must have it then."""
    assert condition is not None
    nothing: dict[str, Any] = {"enum": [None, "", False, []]}
    wanted: dict[str, Any] = {"not": nothing}
    if condition.equals is not None:
        wanted = {"anyOf": [{"const": condition.equals}, {"type": "array", "contains": {"const": condition.equals}}]}
    asked = {"properties": {condition.field: wanted}, "required": [condition.field]}
    rule: dict[str, Any] = {"if": asked, "else": {"properties": {field.name: nothing}}}
    return rule | ({"then": {"required": [field.name]}} if field.required else {})
