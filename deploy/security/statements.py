"""The statements of ``statements.yaml``: what is promised, which tests show it, or why none can."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import marshmallow as ma

from shared.runtime.errors import SettingsError
from shared.runtime.schema_fields import Parsed, text_field, whole_field
from shared.runtime.yaml_source import FileSchema, load_from, read_yaml

FILE = Path(__file__).with_name("statements.yaml")
PROJECT = FILE.parents[2]
HOW_MANY = 47
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Statement:
    """Attributes:
    number: the number, from 1; it never changes its meaning.
    topic: the heading under which it is listed.
    says: what is promised.
    tests: ``tests/….py::test_…``, each of which shows some of it.
    reason: why no test is needed, or why a part of it has none.
    open: what is still missing; None once nothing is.
    """

    number: int
    topic: str
    says: str
    tests: tuple[str, ...]
    reason: str | None
    open: str | None

    @property
    def state(self) -> str:
        """``open``, ``tested`` or ``reasoned``."""
        if self.open is not None:
            return "open"
        return "tested" if self.tests else "reasoned"


def read_statements(file: Path = FILE) -> tuple[Statement, ...]:
    """All statements in their order.

    Raises:
        SettingsError: with every fault: a field that is unknown or missing, a test that does not exist, a statement
            with neither test nor reason nor gap, numbers that are not 1 to 47.
    """
    faults: list[str] = []
    schema = _StatementSchema()
    statements = tuple(load_from(row, schema, faults) for row in read_yaml(file, list).children())
    if faults:
        raise SettingsError(faults)
    if [statement.number for statement in statements] != list(range(1, HOW_MANY + 1)):
        raise SettingsError([f"{file.name}: the numbers must be 1 to {HOW_MANY} in their order"])
    return statements


def _test(value: Any) -> str:
    """A test as pytest names it, without parameters."""
    path, _, function = str(value).partition("::")
    if function not in _tests_in(PROJECT / path):
        raise ValueError(f"there is no test {value}")
    return str(value)


@cache
def _tests_in(file: Path) -> frozenset[str]:
    """Names of the test functions that a file defines; none for a file that is not there."""
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset(
        statement.name
        for statement in body
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test_")
    )


class _StatementSchema(FileSchema):
    number = whole_field(1, HOW_MANY, required=True)
    topic = text_field(required=True)
    says = text_field(_LONGEST, required=True)
    tests = ma.fields.List(Parsed(_test), load_default=list)
    reason = text_field(_LONGEST, load_default=None)
    open = text_field(_LONGEST, load_default=None)

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> Statement:
        if not (values["tests"] or values["reason"] or values["open"]):
            raise ma.ValidationError("needs a test or a reason", "says")
        return Statement(**values | {"tests": tuple(values["tests"])})
