"""OpenAPI document of a service below ``/-/<service>``: ``openapi.json``, and ``docs`` as one page.

flask-smorest would make it while it registers the routes: a tenth of a second at each start of a web process, for a
page that few open. So an application registers only the routes. When the document is first requested, it is generated
on another application, which serves nothing.

Examples of request bodies are written manually in ``examples.json`` of the service, with sample values of its fields
(``values``); responses are made from the schema with these values, so that they cannot differ from it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, render_template
from flask_smorest import Api
from markupsafe import Markup, escape

from shared.http.access import public
from shared.http.operation_facts import complete
from shared.http.problems import MEDIA_TYPE, ProblemSchema
from shared.runtime.deployment import running_version

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
    values: a sample value of a field of this name, wherever its schema accepts it.
    """

    bodies: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def read_examples(*paths: Path) -> Examples:
    """The examples in some files."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    merged = {name: {key: one[key] for part in parts if (one := part.get(name)) for key in one} for name in _PARTS}
    return Examples(**merged)


_PARTS = ("bodies", "values")


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
    """A value that a schema accepts.

    Args:
        document: the document that contains the targets of the schema's references.
        schema: the schema of the value.
        values: sample values of fields, by name, or by the schema's name and theirs (``Person.id``).
        name: the name of the field after that of its schema, as in ``Person.id``; empty for none.
        depth: how far below the top.

    Raises:
        LookupError: it is a text without a rule, and there is no sample value for it.
    """
    owner, schema = _resolved_schema(document, schema)
    kinds = [kind for kind in _kinds(schema) if kind != "null"]
    kind = kinds[0] if kinds else ""
    known = values.get(name, values.get(name.rpartition(".")[2]))
    if "enum" in schema:
        return known if known in schema["enum"] else next(value for value in schema["enum"] if value not in (None, ""))
    if kind == "array":
        if isinstance(known, list):
            return known
        item = sample_of(document, schema.get("items", {}), values, name, depth + 1)
        return [] if depth >= MAX_DEPTH else [item]
    if kind == "object":
        return known if isinstance(known, dict) else _object(document, owner, schema, values, depth)
    if "pattern" in schema:
        return _fitting(name, schema["pattern"], (known, *values.values(), *_FORMATS.values()))
    return _plain(schema, kind, known, name)


def _object(document: Document, owner: str, schema: Mapping[str, Any], values: Mapping[str, Any], depth: int) -> Any:
    if depth >= MAX_DEPTH:
        return {}
    fields = schema.get("properties", {})
    return {name: sample_of(document, part, values, f"{owner}.{name}", depth + 1) for name, part in fields.items()}


def _fitting(name: str, pattern: str, candidates: Iterable[Any]) -> str:
    """The first of some values that match a pattern."""
    texts = (value for value in candidates if isinstance(value, str))
    fitting = next((text for text in texts if re.search(pattern, text)), None)
    if fitting is None:
        raise LookupError(f"no sample value of {name} matches {pattern}")
    return fitting


def _plain(schema: Mapping[str, Any], type_name: str, known: Any, name: str) -> Any:
    if type_name in ("integer", "number"):
        return known if isinstance(known, int) else max(1, schema.get("minimum", 1))
    if type_name == "boolean":
        return known if isinstance(known, bool) else True
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if isinstance(known, str) or type_name != "string":
        return known
    raise LookupError(f"no sample value of {name}")


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _resolved_schema(document: Document, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """``schema``, or what it leads to, with its name; of several that are allowed, the first one."""
    name = ""
    while True:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = document["components"]["schemas"][name]
        elif ways := next((schema[word] for word in ("allOf", "anyOf", "oneOf") if word in schema), None):
            schema = ways[0]
        else:
            return name, schema


def _operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield f"{method.upper()} {path}", operation


METHODS = ("get", "post", "put", "patch", "delete")
"""Methods in this order; OPTIONS, which browsers send by themselves, is left out."""


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter or field.

    Attributes:
        name: its name.
        place: its location.
        shape: the values allowed, in a few words.
        required: whether it is required.
        meaning: what it means.
        schemas: the nested schemas that ``shape`` names.
    """

    name: str
    place: str
    shape: str
    required: bool
    meaning: str
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. ``who`` may call it; ``answers`` are (status, sentence, fields)."""

    method: str
    path: str
    summary: str
    who: str
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


def nested(document: Mapping[str, Any], groups: Sequence[tuple[str, Sequence[Operation]]]) -> dict[str, list[Value]]:
    """The fields of each schema that ``groups`` name inside of a body or a successful answer, at any depth, by name."""
    operations = [operation for _, found in groups for operation in found]
    answers = [values for operation in operations for status, _, values in operation.answers if status < "400"]
    waiting = [name for values in (*answers, *(operation.body for operation in operations)) for name in _named(values)]
    found: dict[str, list[Value]] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = list(_values(document, document["components"]["schemas"][name]))
            waiting += _named(found[name])
    return dict(sorted(found.items()))


def _named(values: Iterable[Value]) -> list[str]:
    return [name for value in values for name in value.schemas]


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
    parameters = [
        _resolved(document, parameter) for parameter in (*item.get("parameters", ()), *operation.get("parameters", ()))
    ]
    return Operation(
        method.upper(),
        path,
        operation.get("summary", ""),
        _who(operation),
        tuple(_parameter(document, parameter) for parameter in parameters),
        tuple(_fields(document, operation.get("requestBody", {}))),
        tuple(
            (status, answer.get("description", ""), tuple(_fields(document, answer)))
            for status, answer in _answers(document, operation)
        ),
    )


def _who(operation: Mapping[str, Any]) -> str:
    """Who may call an operation, in words."""
    ways = operation.get("security", [])
    named = {way for alternative in ways for way in alternative}
    callers = [" or ".join(operation["x-roles"])] if "x-roles" in operation else []
    callers += ["the holder of the link"] if "linkToken" in named else []
    if "x-roles" not in operation and (not ways or {} in ways) and not callers:
        callers = ["anyone; a key shows more" if named else "anyone"]
    return ", or ".join(callers)


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
    yield from _values(document, schema)


def _values(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Value]:
    required = schema.get("required", ())
    for name, value in schema.get("properties", {}).items():
        schemas = tuple(_schemas(value))
        yield Value(name, "body", _shape(document, value), name in required, value.get("description", ""), schemas)


def _schemas(schema: Mapping[str, Any]) -> Iterator[str]:
    """Names of the schemas that ``_shape`` names."""
    if "$ref" in schema:
        yield _schema_name(schema)
    for part in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if part:
            yield from _schemas(part)


def _schema_name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _shape(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        return _schema_name(schema)
    if "anyOf" in schema:
        return " or ".join(_shape(document, schema) for schema in schema["anyOf"])
    kinds = schema.get("type", "value")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "array" in kinds:
        words = words.replace("array", f"list of {_shape(document, schema.get('items', {}))}")
    if fields := schema.get("properties"):
        words += " with " + ", ".join(fields)
    elif inner := schema.get("additionalProperties"):
        words += f", each value: {_shape(document, inner)}"
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


MadeDocument = dict[str, Any]


class ProblemApi(Api):
    """flask-smorest with its error format replaced by RFC 9457."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Register none: this application receives no requests."""


def made_once(
    title: str, operations: Sequence[Any], cookie: str, examples: Sequence[Path] = ()
) -> Callable[[], MadeDocument]:
    """Return a function that returns the document (OpenAPI 3.1), and makes it at the first call.

    Args:
        title: the title of the document.
        operations: flask-smorest blueprints, with every route that it lists.
        cookie: name of the session's cookie.
        examples: files with examples.
    """

    @cache
    def document() -> MadeDocument:
        app = Flask(__name__, static_folder=None)
        version = f"v1 ({running_version()})"
        app.config.update(API_TITLE=title, API_VERSION=version, OPENAPI_VERSION="3.1.0")
        api = ProblemApi(app)
        for blueprint in operations:
            api.register_blueprint(blueprint)
        made = with_problem_type(complete(api.spec.to_dict(), app, cookie))
        if examples:
            add_examples(made, read_examples(*examples))
        return made

    return document


STYLE = Path(__file__).parent / "static" / "document.css"


def document_blueprint(service: str, made: Callable[[], MadeDocument]) -> Blueprint:
    """The routes.

    Args:
        service: its name.
        made: gives flask-smorest's document.
    """
    blueprint = Blueprint("document", __name__, url_prefix=f"/-/{service}", template_folder="templates")

    @blueprint.get("/openapi.json")
    @public
    def openapi() -> MadeDocument:
        return made()

    @blueprint.get("/docs")
    @public
    def docs() -> str:
        document = made()
        groups = described(document)
        schemas = nested(document, groups)
        return render_template("document/page.html", document=document, groups=groups, schemas=schemas, coded=_coded)

    @blueprint.get("/docs.css")
    @public
    def style() -> Response:
        return Response(_style(), mimetype="text/css")

    return blueprint


def _coded(description: str) -> Markup:
    """A description with what is between backticks as code."""
    parts = enumerate(description.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in parts
    )


@cache
def _style() -> str:
    return STYLE.read_text()
