"""The API's description: every operation of its document is on the page for people."""

import json
import re
from pathlib import Path

import pytest

from shared.http.openapi import METHODS, described, nested

DOCUMENTS = sorted(Path("docs/reference").glob("openapi-*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_operation_is_described(path: Path) -> None:
    document = json.loads(path.read_text())
    groups = described(document)
    expected = {(m.upper(), p) for p, item in document["paths"].items() for m in item if m in METHODS}
    operations = [operation for _, found in groups for operation in found]
    assert {(operation.method, operation.path) for operation in operations} == expected
    assert all(operation.summary for operation in operations)
    assert len({operation.anchor for operation in operations}) == len(operations)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_fields_of_nested_schemas_are_described(path: Path) -> None:
    """Each component that a component names, but problems, which are the same everywhere."""
    document = json.loads(path.read_text())
    components = document["components"]["schemas"]
    named = {
        name
        for outer, schema in components.items()
        if not outer.startswith("Problem")
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schema))
    }
    shown = nested(document, described(document))
    assert set(shown) == named
    fields = {name: {value.name for value in values} for name, values in shown.items()}
    assert fields == {name: set(components[name]["properties"]) for name in named}


def test_what_a_submission_takes_and_answers() -> None:
    document = json.loads(Path("docs/reference/openapi-registration.json").read_text())
    operations = {one.path: one for _, found in described(document) for one in found if one.method == "POST"}
    submit = operations["/v1/forms/{slug}/submissions"]
    assert {value.name: value.required for value in submit.parameters} == {"slug": True, "Idempotency-Key": False}
    answers = {status: {value.name: value.shape for value in values} for status, _, values in submit.answers}
    assert set(answers["202"]) == {"receipt", "code", "status", "message", "next"}
    assert set(answers) >= {"202", "404", "409", "413", "415", "422", "503"}
