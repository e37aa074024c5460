"""The JSON Schema matches the check, as far as a schema can."""

import json
from typing import Any

import jsonschema_rs
import pytest

from shared.public_forms.definition import json_schema
from shared.public_forms.validation import validate
from tests.unit.shared.public_forms.samples import answered, complete, form_with, minimal, webinar

CASES: list[dict[str, Any]] = [
    complete(),
    minimal(),
    {},
    minimal() | {"unheard": 1},
    minimal() | {"country": "XX"},
    minimal() | {"country": None},
    minimal() | {"name": "x" * 201},
    minimal() | {"email": "nobody"},
    minimal() | {"consent": False},
    complete() | {"representative": "perhaps"},
]


@pytest.mark.parametrize("raw", CASES)
def test_schema_and_check_agree(raw: dict[str, Any]) -> None:
    form = webinar()
    validator = jsonschema_rs.validator_for(json_schema(form), validate_formats=True)
    assert validator.is_valid(raw) == validate(form, raw).ok


@pytest.mark.parametrize(
    ("raw", "valid"),
    [
        ({"trip": True}, False),
        ({"trip": True, "nights": 2}, True),
        ({"trip": False}, True),
        ({"trip": False, "nights": 2}, False),
        ({"nights": 2}, False),
        ({}, True),
    ],
)
def test_schema_knows_conditions(raw: dict[str, Any], valid: bool) -> None:
    form = form_with(
        {"name": "trip", "kind": "yes_no"},
        {"name": "nights", "kind": "number", "required": True, "shown_when": {"field": "trip", "equals": True}},
    )
    assert jsonschema_rs.validator_for(json_schema(form)).is_valid(answered(**raw)) == valid
    assert validate(form, answered(**raw)).ok == valid


def test_schema_is_json_and_marks_sealed_fields() -> None:
    schema = json_schema(webinar(), "es")
    assert json.loads(json.dumps(schema)) == schema
    assert [name for name, value in schema["properties"].items() if value.get("x-sealed")] == ["access_needs"]
