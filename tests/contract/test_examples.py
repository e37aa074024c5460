"""Every operation of the OpenAPI documents has examples of request and response that match its schemas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.specs import applications, openapi
from shared.http.openapi import read_examples

JSON = "application/json"
LEAST = 50
"""Operations that something is sent to."""


def test_every_operation_has_examples_that_its_schemas_take() -> None:
    """One test for all of them: what takes its time is to make the documents."""
    bodies, faults = 0, dict[str, str]()
    for service, app in applications().items():
        document = openapi(app)
        with_body = set()
        for name, operation in _operations(document):
            sent, answered = list(_sent(operation)), list(_answered(operation))
            bodies += bool(sent)
            with_body |= {name} if sent else set()
            found = [fault for content in (*sent, *answered) if (fault := _fault(document, content))]
            faults |= {f"{service} {name}": "; ".join(found)} if found else {}
        written = read_examples(Path("services") / service / "examples.json").bodies
        assert set(written) <= with_body, "an example of an operation that is gone"
    assert (bodies >= LEAST, faults) == (True, {})


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield f"{method.upper()} {path}", operation


def _sent(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    yield from (content[kind] for kind in content if kind == JSON)


def _answered(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get(JSON, {})
        if status.startswith("2") and "schema" in content:
            yield content


def _fault(document: dict[str, Any], content: dict[str, Any]) -> str:
    """Why an example is none; empty if it is one."""
    import jsonschema  # here, since it takes two seconds of CPU, and each worker collects this module

    if "example" not in content:
        return "there is no example"
    schema = {"components": document["components"], **content["schema"]}
    found = next(jsonschema.Draft202012Validator(schema).iter_errors(content["example"]), None)
    return "" if found is None else f"{'/'.join(map(str, found.absolute_path))}: {found.message[:200]}"
