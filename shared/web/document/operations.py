"""An OpenAPI document as a person reads it: operations by subject, each with what it takes and what it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.web.problems import MEDIA_TYPE

METHODS = ("get", "post", "put", "patch", "delete")
"""In this order; what browsers ask for by themselves (OPTIONS) is left out."""


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter or field: its name, where it stands, what it may be, whether it is needed, what it means."""

    name: str
    place: str
    shape: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. ``answers`` are (status, sentence, fields)."""

    method: str
    path: str
    summary: str
    parameters: tuple[Value, ...]
    body: tuple[Value, ...]
    answers: tuple[tuple[str, str, tuple[Value, ...]], ...]

    @property
    def anchor(self) -> str:
        """Stable within the page."""
        return f"{self.method}-{self.path.strip('/')}".lower().translate(str.maketrans("/{}", "---"))


def described(document: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """(subject, operations) in the document's own order."""
    groups: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                subject = (item[method].get("tags") or ["other"])[0]
                groups.setdefault(subject, []).append(_operation(document, path, method, item))
    return list(groups.items())


def with_problem_type(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with every problem under its own media type, where flask-smorest writes that of all answers."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    holders = [*operations, document.get("components", {})]
    named = [response for holder in holders if "responses" in holder for response in holder["responses"].values()]
    for response in named:
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") == {"$ref": "#/components/schemas/Problem"}:
            content[MEDIA_TYPE] = content.pop("application/json")
    return document


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    operation = item[method]
    parameters = [_resolved(document, each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    return Operation(
        method.upper(),
        path,
        operation.get("summary", ""),
        tuple(_parameter(document, each) for each in parameters),
        tuple(_fields(document, operation.get("requestBody", {}))),
        tuple(
            (status, answer.get("description", ""), tuple(_fields(document, answer)))
            for status, answer in _answers(document, operation)
        ),
    )


def _answers(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for status in sorted(operation.get("responses", {})):
        if status != "default":
            yield status, _resolved(document, operation["responses"][status])


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Value:
    shape = _shape(document, parameter.get("schema", {}))
    meaning = parameter.get("description", "")
    return Value(parameter["name"], parameter["in"], shape, bool(parameter.get("required")), meaning)


def _fields(document: Mapping[str, Any], holder: Mapping[str, Any]) -> Iterator[Value]:
    """The fields of the JSON object that ``holder`` (a request body or an answer) describes."""
    schema = _resolved(document, holder.get("content", {}).get("application/json", {}).get("schema", {}))
    if schema.get("type") == "array":
        schema = _resolved(document, schema.get("items", {}))
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield Value(name, "body", _shape(document, each), name in required, each.get("description", ""))


def _shape(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    named = str(schema.get("$ref", "")).rpartition("/")[2]
    if named:
        return named
    kinds = schema.get("type", "value")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if kinds == "array":
        words = f"list of {_shape(document, schema.get('items', {}))}"
    if "enum" in schema:
        words = "one of " + ", ".join(str(value) for value in schema["enum"] if value is not None)
    return f"{words} ({schema['format']})" if "format" in schema else words


def _resolved(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """``part``, or what its reference leads to."""
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Mapping[str, Any] = found
    return resolved
