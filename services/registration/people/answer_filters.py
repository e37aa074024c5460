"""Filters by the answers to a form's own questions: ``answer.<field>`` and what is behind it.

``answer.meal=vegetarian`` is an answer, or one of several that were chosen; of a free text it is a part. With ``.from``
and ``.until`` a number or a day lies in a range, bounds included; ``.given=true`` or ``false`` asks whether there is an
answer at all.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError

from services.registration.forms.model import COLUMNS
from shared.public_forms.addresses import address_beginning
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field
from shared.public_forms.kinds.text import EMAIL
from shared.runtime.errors import DomainError, unknown_parameter_advice

PREFIX = "answer."
EQUALS, FROM, UNTIL, GIVEN = "", "from", "until", "given"
RANGE = {FROM: ">=", UNTIL: "<="}
FLAGS = {"true": True, "false": False}
MAX_CHARACTERS = 200
ELSEWHERE = {"name": "q", "email": "q", "organisation": "q"}
"""Parameters by which what is part of a registration itself is found, where they have another name."""


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """A condition on one answer.

    Attributes:
        field: the name of the question.
        test: ``EQUALS``, ``FROM``, ``UNTIL`` or ``GIVEN``.
        value: what it is compared with, as JSON carries it; with ``GIVEN`` whether there is an answer.
        is_part: ``value`` is a part of a free text.
    """

    field: str
    test: str
    value: Any
    is_part: bool = False

    def condition(self, number: int) -> tuple[str, dict[str, Any]]:
        """SQL about ``registration r``, and its parameters, which are named after ``number``."""
        name, value = f"answer_{number}", f"answer_{number}_value"
        answer = f"(r.answers -> :{name})"
        if self.test == GIVEN:
            negation = "" if self.value else "NOT "
            return f"{negation}jsonb_exists(r.answers, :{name})", {name: self.field}
        if self.is_part:
            found = f"position(folded(:{value}) IN folded(r.answers ->> :{name})) > 0"
            return found, {name: self.field, value: self.value}
        if self.test == EQUALS:
            return f"r.answers @> CAST(:{value} AS jsonb)", {value: json.dumps({self.field: self.value})}
        # jsonb compares numbers as numbers and texts, such as days, as texts; a form's question may have been another
        kind = "string" if isinstance(self.value, str) else "number"
        within = f"jsonb_typeof({answer}) = '{kind}' AND {answer} {RANGE[self.test]} CAST(:{value} AS jsonb)"
        return within, {name: self.field, value: json.dumps(self.value)}


def read_answer_filters(arguments: Mapping[str, str], definition: FormDefinition | None) -> tuple[AnswerFilter, ...]:
    """The conditions among the parameters of an address.

    Args:
        arguments: all parameters by name.
        definition: the definition of the form that is asked about; None if the question names no form.

    Raises:
        DomainError: ``unknown-parameter``: there is no such question, or it cannot be asked so.
    """
    given = {name: value for name, value in arguments.items() if name.startswith(PREFIX)}
    if given and definition is None:
        raise DomainError("unknown-parameter", "answers can be filtered only within one form: name it as `form`")
    return tuple(_read(name, value, definition) for name, value in given.items() if definition is not None)


def answer_field(name: str, definition: FormDefinition) -> Field:
    """The question whose answers can be searched and counted.

    Raises:
        DomainError: ``unknown-parameter``: there is none, it is sealed, or it is part of a registration itself.
    """
    fields = {field.name: field for field in definition.fields}
    if name in COLUMNS:
        raise DomainError("unknown-parameter", f"{name} is no answer of its own: use `{ELSEWHERE.get(name, name)}`")
    if name not in fields:
        raise DomainError("unknown-parameter", f"{PREFIX}{name}: {_advice(name, fields.values())}")
    if fields[name].sealed:
        raise DomainError("unknown-parameter", f"{name} is sealed: its answers can neither be searched nor counted")
    return fields[name]


def is_free_text(field: Field) -> bool:
    """Whether people write what they like."""
    return field.kind.max_length is not None


def _advice(name: str, fields: Iterable[Field]) -> str:
    return unknown_parameter_advice(
        name, [field.name for field in fields if not field.sealed and field.name not in COLUMNS]
    )


def _read(parameter: str, text: str, definition: FormDefinition) -> AnswerFilter:
    name, _, test = parameter.removeprefix(PREFIX).partition(".")
    field = answer_field(name, definition)
    if test not in (EQUALS, FROM, UNTIL, GIVEN) or (test in RANGE and not _has_order(field)):
        raise DomainError("unknown-parameter", f"{parameter}: this question does not support this filter")
    if test == GIVEN:
        if text not in FLAGS:
            raise DomainError("unknown-parameter", f"{parameter}: true or false is required")
        return AnswerFilter(name, test, FLAGS[text])
    if not text.strip() or len(text) > MAX_CHARACTERS or not text.isprintable():
        raise DomainError("unknown-parameter", f"{parameter}: 1 to {MAX_CHARACTERS} characters are required")
    if is_free_text(field):
        part = address_beginning(text.strip()) if field.kind is EMAIL else text.strip()
        return AnswerFilter(name, test, part, is_part=True)
    return AnswerFilter(name, test, _value(parameter, field, text.strip()))


def _has_order(field: Field) -> bool:
    return field.kind.ordered or field.kind.data_type == "number"


def _value(parameter: str, field: Field, text: str) -> Any:
    """Return ``text`` as the answer that a form stores. Limits are not checked, and retired choices are accepted.

    Raises:
        DomainError: ``unknown-parameter``: it is no answer of that kind.
    """
    if field.kind.options in ("listed", "offered"):
        return [text] if field.kind.data_type == "list" else text
    unlimited = replace(field, minimum=None, maximum=None, required=False)
    try:
        return field.kind.check(unlimited)(field.kind.parse(text))
    except ValidationError as fault:
        raise DomainError("unknown-parameter", f"{parameter}: {fault.messages[0]}") from None
