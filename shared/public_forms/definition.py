"""A whole form as data, and the way back and forth to the plain mappings that YAML and JSONB hold."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from shared.i18n.content import Text
from shared.public_forms.fields import ADDRESS_FIELD, Condition, Field, FieldKind, Option
from shared.public_forms.reading import read_definition

__all__ = [
    "ADDRESS_FIELD",
    "FORM_KINDS",
    "Condition",
    "Field",
    "FieldKind",
    "FormDefinition",
    "FormKind",
    "Option",
    "Text",
    "parse_definition",
    "to_mapping",
    "with_full_options",
    "with_options",
]

FormKind = Literal["webinar", "delegation", "working_group", "attendance", "interest", "proposal"]
FORM_KINDS: frozenset[str] = frozenset(get_args(FormKind))


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """The questions of one form, in the order they are asked.

    Attributes:
        slug: the form's name in addresses, such as ``upr-webinar-10``.
        version: rises with every change of the questions.
    """

    slug: str
    kind: FormKind
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
        """What everybody is asked: the fields that are not left for after the confirmation."""
        return self._with(field for field in self.fields if not field.after_confirmation)

    @property
    def second_step(self) -> "FormDefinition":
        """What is asked on the own page, after the confirmation; without fields where there is nothing."""
        return self._with(field for field in self.fields if field.after_confirmation)

    @property
    def consents(self) -> tuple[Field, ...]:
        """The fields whose label is a sentence that somebody agrees to."""
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
        mapping: from YAML or JSONB.

    Raises:
        ValueError: lists everything that is wrong, one line each, field by field.
    """
    found, fields, problems = read_definition(mapping, FORM_KINDS)
    if problems:
        raise ValueError("\n".join(problems))
    return FormDefinition(fields=fields, **found)


def with_options(
    definition: FormDefinition, field_name: str, options: Sequence[tuple[str, Text | str]]
) -> FormDefinition:
    """Return the same form with the choices of one field replaced.

    Args:
        definition: the form.
        field_name: of a field with choices.
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
    limited = {field.name for field in definition.fields if any(one.limit is not None for one in field.options)}
    if not limited:
        return definition
    fields = tuple(_with_full(field, full) if field.name in limited else field for field in definition.fields)
    return replace(definition, fields=fields)


def _with_full(field: Field, full: Collection[str]) -> Field:
    options = tuple(replace(one, full=f"{field.name}={one.value}" in full) for one in field.options)
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

    Whether it is sealed stands there whenever that is not False by default: who reads the mapping knows no kinds.
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
    return {key: value for key, value in whole.items() if value not in (None, False, "", [], {})} | sealed


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
