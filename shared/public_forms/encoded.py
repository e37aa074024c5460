"""What a browser sends without a script, brought into the types that JSON has, so that one check serves both."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from shared.public_forms.definition import Field, FormDefinition

WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,15}[.,][0-9]{1,6}")
YES = frozenset({"on", "yes", "true", "1"})
NO = frozenset({"off", "no", "false", "0"})


class Submitted(Protocol):
    """A form body: what werkzeug's ``MultiDict`` offers."""

    def keys(self) -> Any:
        """The names, each once."""

    def getlist(self, key: str) -> list[str]:
        """All values of one name."""


def from_form_encoded(definition: FormDefinition, submitted: Submitted) -> dict[str, Any]:
    """The answers in ``submitted`` as JSON would carry them; transport and unknown fields are kept as text.

    Empty answers are left out. What cannot be read as its kind stays text, and a name that came several times
    where one answer is asked stays a list, so that the check refuses it with its own message.
    """
    fields = {field.name: field for field in definition.fields}
    answers: dict[str, Any] = {}
    for name in submitted.keys():  # noqa: SIM118 - a MultiDict iterates its own way
        given = [value for value in submitted.getlist(name) if value != ""]
        if given:
            answers[name] = _answer(fields.get(name), given)
    return answers


def to_form_encoded(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs a browser would send for ``answers``; the opposite of ``from_form_encoded``."""
    pairs: list[tuple[str, str]] = []
    for name, answer in answers.items():
        for value in answer if isinstance(answer, list) else [answer]:
            pairs.append((name, {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)))
    return pairs


def _answer(field: Field | None, given: list[str]) -> Any:
    """The value of one name."""
    if field is not None and field.kind == "some_of":
        return given
    if len(given) > 1:
        return given
    value = given[0]
    if field is None:
        return value
    if field.kind in ("yes_no", "consent"):
        lowered = value.strip().lower()
        return True if lowered in YES else False if lowered in NO else value
    return _number(value.strip()) if field.kind == "number" else value


def _number(text: str) -> int | float | str:
    """The number that ``text`` spells (a decimal comma is one too), else ``text``."""
    if WHOLE.fullmatch(text):
        return int(text)
    return float(text.replace(",", ".")) if DECIMAL.fullmatch(text) else text
