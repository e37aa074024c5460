"""Examples in a service's OpenAPI document: of each body that is sent, and of what comes back.

Bodies are written by hand in ``examples.json`` of the service, which also says how its words look (``values``); what
comes back is made of the schema with these words, so that it cannot differ from it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON = "application/json"
MAX_DEPTH = 6
_FORMATS = {
    "date-time": "2020-03-04T19:00:00+00:00",
    "date": "2020-03-04",
    "uuid": "01890000-0000-7000-8000-000000000001",
    "email": "participant@example.org",
    "uri": "https://example.org/",
}
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Examples:
    """Attributes:
    bodies: what is sent, by operation (``POST /v1/events``), as JSON.
    values: how a field of this name looks, wherever its schema takes that.
    """

    bodies: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def read_examples(path: Path | None) -> Examples:
    """The examples of a service; none without a file."""
    return Examples() if path is None else Examples(**json.loads(path.read_text(encoding="utf-8")))


def add_examples(document: dict[str, Any], examples: Examples) -> None:
    """Put an example on each body that is sent, and on each successful answer in JSON."""
    for name, operation in _operations(document):
        sent = operation.get("requestBody", {}).get("content", {}).get(JSON)
        if sent is not None and name in examples.bodies:
            sent["example"] = examples.bodies[name]
        for status, answer in operation.get("responses", {}).items():
            content = answer.get("content", {}).get(JSON)
            if status.startswith("2") and content is not None and "schema" in content:
                content["example"] = sample_of(document, content["schema"], examples.values)


def sample_of(
    document: Document, schema: Mapping[str, Any], values: Mapping[str, Any], name: str = "", depth: int = 0
) -> Any:
    """A value that a schema takes.

    Args:
        document: that its references lead into.
        schema: of the value.
        values: how fields look, by name.
        name: of the field; empty for none.
        depth: how far below the top.
    """
    schema = _resolved(document, schema)
    kinds = [kind for kind in _kinds(schema) if kind != "null"]
    kind = kinds[0] if kinds else ""
    if "enum" in schema:
        return next((value for value in schema["enum"] if value not in (None, "")), schema["enum"][0])
    if kind == "array":
        item = sample_of(document, schema.get("items", {}), values, name, depth + 1)
        return [] if depth >= MAX_DEPTH else [item]
    if kind == "object":
        return _object(document, schema, values, name, depth)
    if "pattern" in schema:
        return _fitting(schema["pattern"], (values.get(name), *values.values(), *_FORMATS.values()))
    return _plain(schema, kind, values.get(name))


def _object(document: Document, schema: Mapping[str, Any], values: Mapping[str, Any], name: str, depth: int) -> Any:
    if isinstance(values.get(name), dict):
        return values[name]
    if depth >= MAX_DEPTH:
        return {}
    fields = schema.get("properties", {})
    return {one: sample_of(document, part, values, one, depth + 1) for one, part in fields.items()}


def _fitting(pattern: str, candidates: Iterable[Any]) -> str:
    """The first of some values that a pattern takes."""
    texts = (value for value in candidates if isinstance(value, str))
    return next((text for text in texts if re.search(pattern, text)), "text")


def _plain(schema: Mapping[str, Any], type_name: str, known: Any) -> Any:
    if type_name in ("integer", "number"):
        return known if isinstance(known, int) else max(1, schema.get("minimum", 1))
    if type_name == "boolean":
        return known if isinstance(known, bool) else True
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    return known if isinstance(known, str) else "text" if type_name == "string" else known


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _resolved(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema``, or what it leads to; of several that are allowed, the first one."""
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif ways := next((schema[word] for word in ("allOf", "anyOf", "oneOf") if word in schema), None):
            schema = ways[0]
        else:
            return schema


def _operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield f"{method.upper()} {path}", operation
