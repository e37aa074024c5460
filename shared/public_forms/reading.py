"""The schema of a form definition: every fault has its place, and none hides another."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import marshmallow as ma

from shared.i18n.languages import LANGUAGES, NO_TEXT, Text
from shared.messaging.contracts.schemas import StrictBoolean
from shared.public_forms.fields import (
    ADDRESS_FIELD,
    MAX_OPTION_LIMIT,
    MAX_OPTIONS,
    TRANSPORT_FIELDS,
    Condition,
    Field,
    FieldKind,
    Option,
    engine_texts,
)
from shared.public_forms.kinds import KINDS
from shared.public_forms.kinds.text import EMAIL, TEXT
from shared.runtime.schema_fields import Parsed, Place, at_most, raise_faults, whole_field
from shared.runtime.yaml_source import FileSchema
from shared.vocabulary.form_kinds import FORM_KINDS

MAX_TEXT = 4000
"""Characters of a text of the definition."""
MAX_FIELDS = 100
ALWAYS_ASKED = (("name", TEXT), (ADDRESS_FIELD, EMAIL))
ALWAYS_ASKED_OF = {"interest": ((ADDRESS_FIELD, EMAIL),)}
"""Fields every form has, by kind where one differs.

A person who only wants to be notified does not have to give a name.
"""

RESERVED_NAMES = TRANSPORT_FIELDS | {
    "action", "dataset", "elements", "remove",
    "forget", "revision", "show_in",
}  # fmt: skip
"""Names that no question has: what travels beside the answers; properties of an HTML form that scripts read, which a
control of that name would replace; and what the pages behind a link send about themselves."""

Faults = Iterator[tuple[Place, str]]


def _word(pattern: str, wanted: str, **more: Any) -> ma.fields.String:
    """A text that the whole of ``pattern`` describes."""
    return ma.fields.String(validate=ma.validate.Regexp(rf"(?:{pattern})\Z", error=wanted), **more)


def _text(raw: Any) -> Text:
    """A string, a mapping of languages, or ``{key: …}`` for the project's own translations."""
    if isinstance(raw, Mapping) and set(raw) == {"key"}:
        return _known_text(str(raw["key"]))
    texts = {"": raw} if isinstance(raw, str) else raw
    if not texts or texts == {"": ""}:
        return NO_TEXT
    if not isinstance(texts, Mapping) or not all(_is_text(value) for value in texts.values()):
        raise ValueError(f"must be a text, or texts by language, at most {MAX_TEXT} characters")
    if unknown := [code for code in texts if code not in ("", *LANGUAGES)]:
        raise ValueError(f"unknown language {unknown[0]!r}")
    return Text(tuple(sorted((str(code), text) for code, text in texts.items())))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def _known_text(key: str) -> Text:
    """The project's translations of ``key``."""
    texts = engine_texts()
    if not texts.has(key):
        raise ValueError(f"no translation is called {key!r}")
    return Text(tuple((language, texts.text(key, language)) for language in sorted(LANGUAGES)))


def _needed_text(raw: Any) -> Text:
    if not (text := _text(raw)):
        raise ValueError("a text is needed")
    return text


def _kind(raw: Any) -> FieldKind:
    if (kind := KINDS.get(str(raw))) is None:
        raise ValueError(f"must be one of {', '.join(sorted(KINDS))}")
    return kind


def _equals(raw: Any) -> str | bool:
    if not isinstance(raw, str | bool):
        raise ValueError("must be a text, true or false")
    return raw


class OptionSchema(FileSchema):
    """A choice."""

    value = _word(
        "[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "must be letters, digits, '.', '_' or '-', at most 100", required=True
    )
    label = Parsed(_needed_text, required=True)
    limit = whole_field(0, MAX_OPTION_LIMIT, strict=True)

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> Option:
        return Option(**values)


class ConditionSchema(FileSchema):
    """``{field: name}`` or ``{field: name, equals: value}``."""

    field = ma.fields.String(required=True)
    equals = Parsed(_equals)

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> Condition:
        return Condition(**values)


class FieldSchema(FileSchema):
    """A question, as the values of its field."""

    name = _word("[a-z][a-z0-9_]{0,59}", "must be a-z, 0-9 and _, starting with a letter, at most 60", required=True)
    kind = Parsed(_kind, required=True)
    label = Parsed(_needed_text, required=True)
    help = Parsed(_text)
    required = StrictBoolean()
    options = ma.fields.List(ma.fields.Nested(OptionSchema), pre_load=at_most(MAX_OPTIONS))
    shown_when = ma.fields.Nested(ConditionSchema)
    sealed = StrictBoolean()
    after_confirmation = StrictBoolean()
    retention_days = whole_field(0, 3650, strict=True)
    minimum = ma.fields.Raw(data_key="min")
    maximum = ma.fields.Raw(data_key="max")
    autocomplete = _word("|[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)*", "must be tokens of the HTML attribute")
    not_before = ma.fields.String()
    lines_of = ma.fields.String()


class DefinitionSchema(FileSchema):
    """A form. Rules between the questions are checked for all that can be read, even if something else is wrong."""

    slug = _word(
        "(?=.{1,80}$)[a-z0-9]+(?:-[a-z0-9]+)*",
        "must be lower-case letters, digits and single hyphens, at most 80",
        required=True,
    )
    kind = ma.fields.String(
        required=True, validate=ma.validate.OneOf(FORM_KINDS, error=f"must be one of {', '.join(sorted(FORM_KINDS))}")
    )
    title = Parsed(_needed_text, required=True)
    intro = Parsed(_text, load_default=NO_TEXT)
    version = whole_field(1, 10**9, strict=True, load_default=1)
    fields = ma.fields.List(  # type: ignore[assignment]  # the name in definitions
        ma.fields.Nested(FieldSchema),
        required=True,
        pre_load=at_most(MAX_FIELDS),
        validate=ma.validate.Length(min=1, error="must be a list with at least one question"),
    )

    @ma.validates_schema(skip_on_field_errors=False)
    def _check(self, values: dict[str, Any], **_more: Any) -> None:
        if "fields" not in values:
            return
        fields = [(number, field) for number, value in enumerate(values["fields"]) if (field := _field(value))]
        raise_faults(_faults_together(fields, ALWAYS_ASKED_OF.get(values.get("kind", ""), ALWAYS_ASKED)))

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {**values, "fields": tuple(filter(None, map(_field, values["fields"])))}


def _field(values: Mapping[str, Any]) -> Field | None:
    """The field of a question; None while its name or kind cannot be read. What else cannot be read is left out."""
    if "name" not in values or "kind" not in values:
        return None
    kind: FieldKind = values["kind"]
    usual = {"label": NO_TEXT, "sealed": kind.sealing == "by-default"}
    options = [
        option if isinstance(option, Option) else Option(f"?{number}", NO_TEXT)
        for number, option in enumerate(values.get("options", ()))
    ]
    condition = values.get("shown_when")
    read = {
        "options": tuple(options),
        "shown_when": condition if isinstance(condition, Condition) else None,
        "autocomplete": values.get("autocomplete") or kind.autocomplete,
    }
    return Field(**{**usual, **values, **read})


def _faults_together(fields: Iterable[tuple[int, Field]], always: Iterable[tuple[str, FieldKind]]) -> Faults:
    """Rules of each field, and those that need more than one; each field comes with its position."""
    known = [field for _number, field in fields]
    for name, kind in always:
        if not any(
            field.name == name and field.kind is kind and field.required and not field.sealed for field in known
        ):
            wanted = f"every form needs a required field {name!r} of kind {kind.name} that is not sealed"
            yield ("fields",), wanted
    earlier: dict[str, Field] = {}
    for number, field in fields:
        for key, fault in (*_faults_of(field), *_faults_after(field, earlier)):
            yield ("fields", number, key), fault
        earlier[field.name] = field


def _faults_of(field: Field) -> Iterator[tuple[str, str]]:
    """What does not fit the kind of a field, with the key."""
    kind = field.kind
    if field.name in RESERVED_NAMES:
        yield "name", "the name is reserved"
    if field.sealed and kind.sealing == "never":
        yield "sealed", f"a field of kind {kind.name} is never sealed"
    if kind.options == "listed" and not field.options:
        yield "options", "at least one choice is needed"
    if kind.options not in ("listed", "offered") and field.options:
        yield "options", f"a field of kind {kind.name} has no choices of its own"
    if len({option.value for option in field.options}) < len(field.options):
        yield "options", "a value is used twice"
    if any(option.limit is not None for option in field.options) and (field.sealed or kind.options != "listed"):
        yield "options", "only choices of a one_of or some_of that is not sealed are limited"
    for key, limit in (("min", field.minimum), ("max", field.maximum)):
        if limit is not None and not kind.accepts_limit(limit):
            yield key, f"{limit!r} does not fit a field of kind {kind.name}"
    if field.after_confirmation and not field.sealed:
        yield "after_confirmation", "only a sealed field is asked after the confirmation"


def _faults_after(field: Field, earlier: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """What does not fit the fields before it, with the key."""
    if field.name in earlier:
        yield "name", "the name is used twice"
    condition = field.shown_when
    if condition is not None and field.name in ("name", ADDRESS_FIELD):
        yield "shown_when", "name and email are always asked"
    elif condition is not None and condition.field not in earlier:
        yield "shown_when", f"{condition.field!r} is not an earlier field"
    elif condition is not None and not _can_be_met(condition, earlier[condition.field]):
        yield "shown_when", f"{condition.field!r} can never hold {condition.equals!r}, or not be compared"
    for key, name, fits in (
        ("not_before", field.not_before, field.kind.ordered),
        ("lines_of", field.lines_of, field.kind.max_length is not None),
    ):
        if name and not (fits and name in earlier and earlier[name].kind is field.kind):
            yield key, f"{name!r} is not an earlier field of this kind, to which such an answer can refer"
    for name in (condition.field if condition else "", field.not_before, field.lines_of):
        if name in earlier and earlier[name].after_confirmation != field.after_confirmation:
            yield "after_confirmation", f"{name!r}, on which this field depends, is asked in the other step"


def _can_be_met(condition: Condition, asked: Field) -> bool:
    return condition.equals is None or asked.kind.can_equal(asked, condition.equals)


@cache
def definition_schema() -> DefinitionSchema:
    """The one instance."""
    return DefinitionSchema()
