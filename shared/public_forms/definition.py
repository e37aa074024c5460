"""Form definitions: a whole form as data, to and from YAML and JSONB, JSON Schema for programs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from shared.i18n.languages import Text, direction
from shared.public_forms.fields import ADDRESS_FIELD, TRANSPORT_FIELDS, Condition, Field, FieldKind, Option
from shared.public_forms.reading import definition_schema
from shared.runtime.yaml_source import Node, load_from

__all__ = [
    "ADDRESS_FIELD",
    "Condition",
    "Field",
    "FieldKind",
    "FormDefinition",
    "Option",
    "Text",
    "parse_definition",
    "to_mapping",
    "with_full_options",
    "with_options",
]


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """The questions of one form, in the order they are asked.

    Attributes:
        slug: the form's name in addresses.
        kind: one of ``FORM_KINDS`` of the message contracts.
        version: rises with every change of the questions.
    """

    slug: str
    kind: str
    title: Text
    intro: Text
    fields: tuple[Field, ...]
    version: int

    def field(self, name: str) -> Field:
        """Return the field called ``name``.

        Raises:
            KeyError: the form has no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def first_step(self) -> "FormDefinition":
        """What everyone is asked: the fields that are not left for after the confirmation."""
        return self._with(field for field in self.fields if not field.after_confirmation)

    @property
    def second_step(self) -> "FormDefinition":
        """What is asked on the own page, after the confirmation; without fields where there is nothing."""
        return self._with(field for field in self.fields if field.after_confirmation)

    @property
    def consents(self) -> tuple[Field, ...]:
        """The fields whose label is a sentence that a person agrees to."""
        return tuple(field for field in self.fields if field.kind.is_consent)

    def initial_answers(self, language: str) -> dict[str, Any]:
        """Return the answers that an empty form in ``language`` holds, by field name."""
        found = {field.name: field.kind.initial(language) for field in self.fields}
        return {name: answer for name, answer in found.items() if answer is not None}

    def _with(self, fields: Iterable[Field]) -> "FormDefinition":
        chosen = tuple(fields)
        return self if chosen == self.fields else replace(self, fields=chosen)


def parse_definition(mapping: Mapping[str, Any]) -> FormDefinition:
    """Return the form that a mapping describes (``docs/reference/forms.md``).

    Args:
        mapping: a definition as parsed from YAML or JSONB.

    Raises:
        ValueError: lists everything that is wrong, one line each: ``/fields/3/label: …``.
    """
    try:
        return _parsed(orjson.dumps(mapping))
    except TypeError:  # keys or texts that are no JSON, for the schema to refuse
        return _checked(mapping)


@lru_cache(maxsize=128)
def _parsed(content: bytes) -> FormDefinition:
    """A page of a list needs the same definitions each time: from here in 20 µs each, not in a millisecond."""
    return _checked(orjson.loads(content))


def _checked(mapping: Any) -> FormDefinition:
    faults: list[str] = []
    found = load_from(Node("", mapping, {}), definition_schema(), faults)
    if faults:
        raise ValueError("\n".join(faults))
    return FormDefinition(**found)


def with_options(
    definition: FormDefinition, field_name: str, options: Sequence[tuple[str, Text | str]]
) -> FormDefinition:
    """Return the same form with the choices of one field replaced.

    Args:
        definition: the form.
        field_name: the name of a field with choices.
        options: (value, label) of each choice, in the order shown; a plain string is shown in every language.

    Raises:
        KeyError: the form has no field ``field_name``.
    """
    definition.field(field_name)
    choices = tuple(
        Option(value, Text.of({"": label} if isinstance(label, str) else label)) for value, label in options
    )
    fields = tuple(
        replace(field, options=choices) if field.name == field_name else field for field in definition.fields
    )
    return replace(definition, fields=fields)


def with_full_options(definition: FormDefinition, full: Collection[str]) -> FormDefinition:
    """Return the same form with some choices marked as full, and no others.

    Args:
        definition: the form.
        full: each as ``field=value``; what has no limit is left as it is.
    """
    limited = {field.name for field in definition.fields if any(option.limit is not None for option in field.options)}
    if not limited:
        return definition
    fields = tuple(_with_full(field, full) if field.name in limited else field for field in definition.fields)
    return replace(definition, fields=fields)


def _with_full(field: Field, full: Collection[str]) -> Field:
    options = tuple(replace(option, full=f"{field.name}={option.value}" in full) for option in field.options)
    return replace(field, options=options)


def to_mapping(definition: FormDefinition) -> dict[str, Any]:
    """Return a form as a plain mapping, ready for JSON; ``parse_definition`` gives back an equal value."""
    return {
        "slug": definition.slug,
        "kind": definition.kind,
        "title": dict(definition.title.by_language),
        "intro": dict(definition.intro.by_language),
        "version": definition.version,
        "fields": [_field_mapping(field) for field in definition.fields],
    }


def _field_mapping(field: Field) -> dict[str, Any]:
    """One field as a mapping; what has its default value is left out.

    It contains ``sealed`` whenever that is not False by default: readers of the mapping know no kinds.
    """
    sealed = {"sealed": field.sealed} if field.sealed or field.kind.sealing == "by-default" else {}
    whole: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind.name,
        "label": dict(field.label.by_language),
        "help": dict(field.help.by_language),
        "required": field.required,
        "options": [_option_mapping(option) for option in field.options],
        "shown_when": _condition_mapping(field.shown_when),
        "after_confirmation": field.after_confirmation,
        "retention_days": field.retention_days,
        "min": field.minimum,
        "max": field.maximum,
        "autocomplete": field.autocomplete,
        "not_before": field.not_before,
        "lines_of": field.lines_of,
    }
    return {key: value for key, value in whole.items() if _is_given(value)} | sealed


def _is_given(value: Any) -> bool:
    """Whether a value is not the default; 0 is a limit, although it equals False."""
    return value is not None and value is not False and value not in ("", [], {})


def _option_mapping(option: Option) -> dict[str, Any]:
    """A choice as a mapping; whether it is full is no part of a definition."""
    whole = {"value": option.value, "label": dict(option.label.by_language)}
    return whole if option.limit is None else {**whole, "limit": option.limit}


def _condition_mapping(condition: Condition | None) -> dict[str, Any] | None:
    """A condition as a mapping, ``None`` for none."""
    if condition is None:
        return None
    whole = {"field": condition.field}
    return whole if condition.equals is None else {**whole, "equals": condition.equals}


DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_TRANSPORT = 2000
"""Characters of a value that travels beside the answers."""


def to_public(definition: FormDefinition, language: str) -> dict[str, Any]:
    """Return what ``GET /v1/forms/{slug}`` returns about the questions.

    Time zones are not listed: any IANA name is an answer. Members that do not apply are left out.

    Args:
        definition: the questions that are asked.
        language: the language of the texts.
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
    """Omit how many places a choice has, and show only that none is left. Omit the choices of yes or no."""
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
        language: the language of titles and descriptions.
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
