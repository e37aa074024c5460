"""The term for a mechanism leads to its module: in the table of the architecture page and in its docstring."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import text_of
from tests.support.processes import PROJECT

PAGE = PROJECT / "docs" / "architecture" / "README.md"


def table() -> Iterator[tuple[str, list[str]]]:
    """Each term of the table with its modules."""
    _, _, after = PAGE.read_text(encoding="utf-8").partition("## Where each mechanism is\n")
    for row in re.findall(r"^\| (.+) \| (`.+`) \|$", after.partition("\n## ")[0], re.MULTILINE):
        for term in row[0].split(", "):
            yield term, re.findall(r"`([^`]+)`", row[1])


TERMS = dict(table())


def test_questions_that_people_ask_are_in_the_table() -> None:
    asked = {"CSRF", "load shedding", "statement timeout", "webhook retry", "erasure"}
    assert asked - TERMS.keys() == set()


@pytest.mark.parametrize("term", TERMS)
def test_module_names_its_term_in_the_first_line(term: str) -> None:
    first_lines = {module: text_of(PROJECT / module).partition("\n")[0].lower() for module in TERMS[term]}
    assert [module for module, line in first_lines.items() if term.lower() not in line] == []
