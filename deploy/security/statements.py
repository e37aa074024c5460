"""The statements of ``statements.yaml``: what is promised, which tests show it, or why none can."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import Fields, read_yaml, text, whole

FILE = Path(__file__).with_name("statements.yaml")
PROJECT = FILE.parents[2]
HOW_MANY = 47
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Statement:
    """Attributes:
    number: from 1; it never changes its meaning.
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
    node = read_yaml(file, list)
    statements = tuple(_statement(Fields(node.child(index), faults)) for index in range(len(node.data)))
    if [one.number for one in statements] != list(range(1, HOW_MANY + 1)):
        faults.append(f"{file.name}: the numbers must be 1 to {HOW_MANY} in their order")
    if faults:
        raise SettingsError(faults)
    return statements


def _statement(row: Fields) -> Statement:
    statement = Statement(
        number=row.required("number", whole(1, HOW_MANY), 0),
        topic=row.required("topic", text(), ""),
        says=row.required("says", text(_LONGEST), ""),
        tests=row.each("tests", _test),
        reason=row.optional("reason", text(_LONGEST), None),
        open=row.optional("open", text(_LONGEST), None),
    )
    row.finish()
    if not (statement.tests or statement.reason or statement.open):
        row.fault("needs a test or a reason", "says")
    return statement


def _test(value: Any) -> str:
    """A test as pytest names it, without parameters."""
    named = text(_LONGEST)(value)
    path, _, function = named.partition("::")
    if function not in _tests_in(PROJECT / path):
        raise ValueError(f"there is no test {named}")
    return named


@cache
def _tests_in(file: Path) -> frozenset[str]:
    """Names of the test functions that a file defines; none for a file that is not there."""
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset(one.name for one in body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"))
