"""What a browser sends without a script, brought into the types that JSON has, so that one check serves both."""

from typing import Any, Protocol

from shared.public_forms.definition import Field, FormDefinition


class Submitted(Protocol):
    """A form body: what werkzeug's ``MultiDict`` offers."""

    def keys(self) -> Any:
        """The names, each once."""

    def getlist(self, key: str) -> list[str]:
        """All values of one name."""


def from_form_encoded(definition: FormDefinition, submitted: Submitted) -> dict[str, Any]:
    """Return the answers in a form body as JSON would carry them; transport and unknown fields are kept as text.

    Empty answers are left out. What cannot be read as its kind stays text, and a name that came several times
    where one answer is asked stays a list, so that the check refuses it with its own message.

    Args:
        definition: whose kinds say how each value is read.
        submitted: names and texts, as they came.

    Returns:
        a new dict, by field name.
    """
    fields = {field.name: field for field in definition.fields}
    answers: dict[str, Any] = {}
    for name in submitted.keys():  # noqa: SIM118 - a MultiDict iterates its own way
        given = [value for value in submitted.getlist(name) if value != ""]
        if given:
            answers[name] = _answer(fields.get(name), given)
    return answers


def _answer(field: Field | None, given: list[str]) -> Any:
    """The value of one name."""
    if field is None:
        return given if len(given) > 1 else given[0]
    if field.kind.data_type == "list":
        return [field.kind.parse(value) for value in given]
    return given if len(given) > 1 else field.kind.parse(given[0])
