"""The term for a mechanism leads to its module: in the table of the architecture page, in docstrings, by `git grep`."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import text_of, tracked_files
from tests.support.processes import PROJECT

PAGE = PROJECT / "docs" / "architecture" / "README.md"
SEARCHED = ("services/", "shared/")
SUFFIXES = {".css", ".html", ".js", ".po", ".py", ".yaml"}


def table() -> Iterator[tuple[str, list[str]]]:
    """Each term of the table with its modules."""
    _, _, after = PAGE.read_text(encoding="utf-8").partition("## Where each mechanism is\n")
    for row in re.findall(r"^\| (.+) \| (`.+`) \|$", after.partition("\n## ")[0], re.MULTILINE):
        for term in row[0].split(", "):
            yield term, re.findall(r"`([^`]+)`", row[1])


TERMS = dict(table())


def first_hit(term: str) -> str:
    """The first line that ``git grep -n -i`` prints for ``term`` in services and shared, without migrations."""
    for path in sorted(tracked_files(), key=str):
        if str(path).startswith(SEARCHED) and path.suffix in SUFFIXES and "migrations" not in path.parts:
            for line in text_of(path).splitlines():
                if term.lower() in line.lower():
                    return f"{path}: {line}"
    return ""


def leads_to(hit: str, module: str) -> bool:
    """Whether a printed line is in ``module``, or names it by its path, a shortened path or its import."""
    found_in, _, line = hit.partition(": ")
    shortened = "/".join(module.split("/")[-2:])
    written = (module, f"``{shortened}``", f"``{module.split('/')[-1]}``", module.removesuffix(".py").replace("/", "."))
    return found_in == module or any(name in line for name in written)


def test_questions_that_people_ask_are_in_the_table() -> None:
    asked = {"CSRF", "load shedding", "statement timeout", "webhook retry", "erasure"}
    assert asked - TERMS.keys() == set()


@pytest.mark.parametrize("term", TERMS)
def test_module_names_its_term_in_the_first_line(term: str) -> None:
    first_lines = {module: text_of(PROJECT / module).partition("\n")[0].lower() for module in TERMS[term]}
    assert [module for module, line in first_lines.items() if term.lower() not in line] == []


@pytest.mark.parametrize("term", TERMS)
def test_first_hit_leads_to_the_module(term: str) -> None:
    hit = first_hit(term)
    assert [module for module in TERMS[term] if leads_to(hit, module)] != [], hit


def test_hit_elsewhere_does_not_lead_to_a_module() -> None:
    assert not leads_to("services/events/cleanup.py: # a backoff", "shared/runtime/runner.py")
    assert leads_to("services/events/worker.py: # see :mod:`shared.runtime.runner`", "shared/runtime/runner.py")
