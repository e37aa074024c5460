"""Conditions on opened answers: they are checked in memory, and neither stored nor logged nor part of an address.

``{"arrives_on.from": "2031-07-10"}``: a day or a number from there on; ``.until``: up to there, bounds included;
``{"access_needs.contains": "caption"}``: part of a text; ``{"hotel": "block"}``: an answer, or one of several.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from services.registration.sealed_lists.counting import Answers
from shared.core.errors import DomainError
from shared.public_forms.fields import Field

Matches = Callable[[Any], bool]
Condition = Callable[[Answers], bool]


def read_conditions(given: Mapping[str, str], fields: Sequence[Field]) -> Condition:
    """Return what holds for the answers that fulfil all of ``given``.

    Args:
        given: values by ``<question>``, ``<question>.from``, ``.until`` or ``.contains``.
        fields: the questions that are opened.

    Raises:
        DomainError: ``unknown-parameter``: the list does not open that question, or it cannot be asked so.
    """
    known = {field.name: field for field in fields}
    tests = [_read(known, parameter, text) for parameter, text in given.items()]
    return lambda answers: all(name in answers and matches(answers[name]) for name, matches in tests)


def _read(known: Mapping[str, Field], parameter: str, text: str) -> tuple[str, Matches]:
    name, _, test = parameter.partition(".")
    if name not in known:
        raise DomainError("unknown-parameter", f"where: {name} is not opened by this list")
    field = known[name]
    has_order = field.kind.ordered or field.kind.data_type == "number"
    if test == "contains" and field.kind.max_length is not None:
        part = text.casefold()
        return name, lambda value: part in str(value).casefold()
    if test in ("from", "until") and has_order:
        bound = _value(parameter, field, text)
        return name, (lambda value: value >= bound) if test == "from" else (lambda value: value <= bound)
    if not test and field.kind.max_length is None:
        wanted = _value(parameter, field, text)
        return name, lambda value: wanted in value if isinstance(value, list) else value == wanted
    raise DomainError("unknown-parameter", f"where: {parameter}: this question cannot be asked so")


def _value(parameter: str, field: Field, text: str) -> Any:
    """``text`` as an answer, without a word about the text in a refusal."""
    value = field.kind.parse(text)
    if field.kind.data_type == "list" or field.kind.options == "listed":
        return value
    try:
        return field.kind.check(field)(value)
    except ValidationError:
        raise DomainError("unknown-parameter", f"where: {parameter}: not an answer to this question") from None
