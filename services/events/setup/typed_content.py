"""What is typed into the console's fields as the content of a request, and back; the same rules judge both."""

from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma

from services.events.console.fields import Field, Section, SentForm, faults_of, missing_in, typed_in
from services.events.domain.rules import RulesBroken
from services.events.setup.kinds import SetupKind
from shared.i18n.content import Text, text_typed, typed_texts

YES = "yes"
Texts = dict[str, str | Sequence[str]]


def typed_of(kind: SetupKind[Any], shown: Mapping[str, Any], sections: Sequence[Section]) -> Texts:
    """What the fields hold for a value as the interface shows it."""
    typed: Texts = {}
    for one in (one for section in sections for one in section.fields):
        if one.look == "languages":
            typed |= typed_texts(one.name, Text.of(shown.get(one.name) or {}))
        else:
            typed[one.name] = _text(kind, one, shown)
    return typed


def read_typed(
    kind: SetupKind[Any], form: SentForm, sections: Sequence[Section], schema: ma.Schema
) -> tuple[Texts, dict[str, Any], dict[str, str]]:
    """What was typed, as content that ``schema`` has checked, and a sentence by each field that has a fault."""
    typed = typed_in(form, sections)
    faults = missing_in(typed, sections)
    content = {}
    for one in (one for section in sections for one in section.fields):
        if one.name not in schema.fields or one.first in faults:
            continue
        try:
            value = _content(kind, one, typed, schema.fields[one.name])
        except ValueError as error:
            faults[one.first] = f"{error}."
            continue
        if value is not ma.missing:
            content[one.name] = value
    found: dict[str, Any] = {}
    try:
        found = schema.load(content, partial=bool(faults))
    except ma.ValidationError as error:
        known = {one.name: one for section in sections for one in section.fields}
        for name, said in dict(error.messages_dict).items():
            first, label = (known[name].first, known[name].label) if name in known else (str(name), name)
            faults.setdefault(first, f"{label}: {_first(said)}")
    return typed, found, faults


def faults_in(error: RulesBroken, sections: Sequence[Section]) -> dict[str, str]:
    """A sentence for each field of which a rule is broken."""
    return faults_of(error, sections, {})


def _text(kind: SetupKind[Any], field: Field, shown: Mapping[str, Any]) -> str | Sequence[str]:
    value = shown.get(field.name)
    if field.name in kind.lines:
        return "\n".join(kind.lines[field.name].write(one, shown) for one in value or ())
    if field.look == "checks":
        return [str(one) for one in value or ()]
    if isinstance(value, bool):
        return YES if value else ""
    return "" if value is None else str(value)


def _content(kind: SetupKind[Any], field: Field, typed: Texts, accepts: ma.fields.Field[Any]) -> Any:
    """The content of one field; ``missing`` for one that is left empty and may be left out.

    Raises:
        ValueError: a line of it cannot be read; with a sentence.
    """
    if field.look == "languages":
        return text_typed(field.name, typed).as_mapping
    value = typed[field.name]
    if field.name in kind.lines:
        lines = [line.strip() for line in str(value).split("\n") if line.strip()]
        return [kind.lines[field.name].read(line, typed) for line in lines]
    if field.look == "tick":
        return value == YES
    if value == "" and accepts.allow_none:
        return None
    if value == "" and not _takes_nothing(accepts):
        return ma.missing
    return value


def _takes_nothing(accepts: ma.fields.Field[Any]) -> bool:
    lengths = [rule for rule in accepts.validators if isinstance(rule, ma.validate.Length)]
    return isinstance(accepts, ma.fields.String) and any(not rule.min for rule in lengths if rule.min is not None)


def _first(said: Any) -> str:
    """The first sentence in what marshmallow says of a field."""
    while isinstance(said, dict | list) and said:
        said = next(iter(said.values())) if isinstance(said, dict) else said[0]
    return str(said)
