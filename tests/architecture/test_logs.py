"""Log lines consist of a constant message and of facts whose names are on a list, none of them personal."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import nodes, python_files

SERVICES = ("shared", "services")
"""What meets people's data."""
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
FACTS = {
    "again_in_s",
    "away_s",
    "bulletin",
    "connection",
    "ahead_s",
    "count",
    "counted",
    "delivery",
    "drain_s",
    "error",
    "form",
    "key",
    "kind",
    "login",
    "import_id",
    "job",
    "jump_s",
    "mail_id",
    "missing",
    "number",
    "outcome",
    "parked",
    "placed",
    "problem",
    "queue",
    "left_out",
    "reason",
    "registration",
    "role",
    "roles",
    "route",
    "silence_s",
    "silent",
    "step",
    "table",
    "work",
}
"""Names of facts: ids, kinds, places in code, servers, timestamps, numbers. Before adding one, check whose it is."""
PUT_TOGETHER = {"shared/messaging/acknowledger.py", "services/notifications/sending/sender.py"}
"""Where several lines share their facts: ids, queue, type, attempt and reason; phase and code of a handover."""
NAMED_ELSEWHERE = Path("shared/runtime/logs.py")
"""Logs its events by constant names, with the facts that its callers give by name."""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call of a logger called ``log``."""
    for path in python_files(*SERVICES):
        for node in nodes(path):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("log", "logger", "logging")
                and node.func.attr in LEVELS
            ):
                yield path, node


def facts_of(call: ast.Call) -> set[str]:
    """The names of the facts beside the message; ``?`` for what this test cannot read."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
    names = set()
    for extra in given:
        if not isinstance(extra, ast.Dict):
            return {"?"}
        names |= {key.value if isinstance(key, ast.Constant) else "?" for key in extra.keys}
    return {str(name) for name in names}


def test_message_is_constant_and_takes_nothing_in() -> None:
    found = list(calls())
    assert len(found) > 25
    wrong = [
        f"{path}:{call.lineno}"
        for path, call in found
        if path != NAMED_ELSEWHERE
        and not (len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    ]
    assert wrong == []


def test_facts_are_those_that_are_known_to_be_no_ones_data() -> None:
    logged = {(str(path), name) for path, call in calls() if path != NAMED_ELSEWHERE for name in facts_of(call)}
    assert {path for path, name in logged if name == "?"} == PUT_TOGETHER
    assert {name for _, name in logged} - {"?"} == FACTS


def test_facts_of_security_events_are_names_and_ids() -> None:
    logged = {
        str(keyword.arg)
        for path in python_files(*SERVICES)
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node).startswith("record_security_event(")
        for keyword in node.keywords
    }
    assert logged == {"holder", "route", "method", "kind", "scope", "registration", "form", "list"}


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ('log.info("x", extra={"a": 1})', {"a"}),
        ('log.info("x", extra=given)', {"?"}),
        ('log.info("x", extra={**given})', {"?"}),
        ('log.info("x")', set()),
    ],
)
def test_facts_are_read(line: str, facts: set[str]) -> None:
    """Negative control."""
    statement = ast.parse(line).body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert facts_of(statement.value) == facts
