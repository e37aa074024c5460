"""Behaviour that depends on the kind of a field belongs to the kind: no other code dispatches on the names of kinds."""

import re
from pathlib import Path

import pytest

from shared.public_forms.kinds import KINDS
from tests.architecture.sources import CODE, text_of
from tests.support.processes import PROJECT

AMBIGUOUS = {"working_group", "text", "language", "country"}
"""Also names of other things: of a kind of form, of a dimension of counts."""
NAMES = "|".join(sorted(set(KINDS) - AMBIGUOUS))
COMPARED = re.compile(
    rf"kind(?:\.name)?\s*(?:[!=]==?|(?:not )?in)\s*[(\[{{]?[^\n)\]}}]*['\"](?:{NAMES})['\"]"
    r"|field\.kind(?:\.name)?\s*(?:[!=]==?|(?:not )?in\b)"
    r"|(?:\.get\(|\w\[)\s*field\.kind"
    r"|dataset\.kind|data-kind"
)
FILES = sorted(path for top in CODE for kind in ("py", "html", "js") for path in (PROJECT / top).rglob(f"*.{kind}"))


def found_in(text: str) -> list[str]:
    """The comparisons in a text."""
    return [match[0] for match in COMPARED.finditer(text)]


def test_nothing_compares_kinds_of_field() -> None:
    found = {str(path.relative_to(PROJECT)): found_in(text_of(path.relative_to(PROJECT))) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert Path("shared/public_forms/kinds/text.py") in {path.relative_to(PROJECT) for path in FILES}


@pytest.mark.parametrize(
    "text",
    [
        'if field.kind == "long_text":',
        "{% if field.kind.name == 'text' %}",
        'field.kind in ("yes_no", "consent")',
        'item.kind != "email"',
        'TEMPLATES.get(field.kind, "input.html")',
        'question.dataset.kind === "x"',
        'kind not in ("one_of", "some_of")',
    ],
)
def test_comparison_is_found(text: str) -> None:
    assert found_in(text)


@pytest.mark.parametrize("text", ['row.kind == "erase"', "field.kind.is_consent", 'host_kind == "embassy"'])
def test_what_compares_other_kinds_is_left_alone(text: str) -> None:
    assert found_in(text) == []
