"""``python -m tests.names`` finds what it should find, and no public names, properties and predicates."""

import ast
from pathlib import Path

import pytest

from tests.names import FUNCTION, LOOP, arguments_with_preposition, find_names, judge, size_warning

PATH = Path("services/events/event/store.py")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("for one in mails: ...", ["one"]),
        ("for number, each in enumerate(mails): ...", ["each"]),
        ("[it for it in mails]", ["it"]),
        ("for mail in mails: ...", []),
        ("def opened(row): ...", ["opened"]),
        ("def _chosen(row): ...", ["_chosen"]),
        ("def open_row(row): ...", []),
        ("def seed(): ...", []),
        ("def halted(queue) -> bool: ...", []),
        ("class Halts:\n    @property\n    def halted(self): ...", []),
        ("@blueprint.get('/timetable')\ndef published(): ...", []),
        (
            "def f():\n    '''Do.\n\n    Args:\n        work: on the database.\n        clock: the clock.\n    '''",
            ["work"],
        ),
    ],
)
def test_names_to_change_are_found(source: str, names: list[str]) -> None:
    assert [finding.name for finding in find_names(PATH, ast.parse(source))] == names


def test_arguments_are_found_with_their_line() -> None:
    docstring = "Do.\n\nArgs:\n    a: the row.\n    b, c: of the row.\n\nReturns:\n    d: of no argument.\n"
    assert list(arguments_with_preposition(docstring)) == [(4, "b, c")]


def test_folder_has_as_many_findings_as_allowed() -> None:
    findings = list(find_names(PATH, ast.parse("for one in mails: ...\ndef opened(): ...")))
    at_loop, at_function = f"{PATH}:1: one: {findings[0].advice}", f"{PATH}:2: opened: {findings[1].advice}"
    assert judge(findings, {(LOOP, "services/events"): 1, (FUNCTION, "services/events"): 1}) == ([], [])
    assert judge(findings, {(LOOP, "services/events"): 1, (FUNCTION, "shared"): 1}) == (
        [at_function, "services/events: 1 of rule function, allowed: 0"],
        ["ALLOWED[function, shared] may fall to 0"],
    )
    assert judge(findings[:1], {(LOOP, "services/events"): 0}) == (
        [at_loop, "services/events: 1 of rule loop, allowed: 0"],
        [],
    )


def test_large_modules_are_named_unless_they_state_a_reason() -> None:
    assert size_warning(PATH, "x = 1\n" * 600, 20) is None
    assert size_warning(PATH, "x = 1\n" * 601, 20) is not None
    assert size_warning(PATH, "x = 1\n", 21) is not None
    assert size_warning(PATH, "# size: constructs everything\n" + "x = 1\n" * 601, 21) is None
