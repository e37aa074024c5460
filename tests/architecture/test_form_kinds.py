"""A kind of form is one object: it has questions, nothing compares its name, and the audit agrees with the services."""

import re

import pytest

from deploy.operations.audit.seats import ATTENDING as OF_THE_AUDIT
from services.events.programme.feeds import TEXTS
from services.registration.forms.standard_forms import FOLDER
from shared.vocabulary.form_kinds import FORM_KINDS, quoted
from tests.architecture.sources import CODE, text_of
from tests.support.processes import PROJECT

NAMES = "|".join(sorted(FORM_KINDS))
COMPARED = re.compile(
    rf"\bkind\s*(?:[!=]==?\s*|(?:not )?in\s*[(\[{{][^\n)\]}}]*)['\"](?:{NAMES})['\"]"
    rf"|form_kind\s*(?:[!=]=?|<>|(?:not )?in)\s*\(?'(?:{NAMES})'",
    re.IGNORECASE,
)
TABLES_OF_EVENTS = re.compile(r"event\.kind|event_kind|EventKind|reserved_for|host_kind")
APART = re.compile(r"/(?:keys_)?migrations/|/operations/audit/")
"""Released schemas, and the audit, which has lists of its own."""
FILES = [
    path
    for top in CODE
    for kind in ("py", "html", "js")
    for path in sorted((PROJECT / top).rglob(f"*.{kind}"))
    if not APART.search(str(path))
]


def compared_in(text: str) -> list[str]:
    """The lines of a text that compare a kind of form by its name."""
    return [line.strip() for line in text.splitlines() if COMPARED.search(line) and not TABLES_OF_EVENTS.search(line)]


def test_nothing_compares_kinds_of_form() -> None:
    found = {str(path.relative_to(PROJECT)): compared_in(text_of(path.relative_to(PROJECT))) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    [
        'if form.kind == "interest":',
        "r.form_kind NOT IN ('interest', 'x')",
        'kind in ("webinar",)',
        "form_kind <> 'proposal'",
    ],
)
def test_comparison_is_found(text: str) -> None:
    assert compared_in(text)


def test_each_kind_has_its_questions_and_its_word_in_the_programme() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(FORM_KINDS)
    assert [name for name in FORM_KINDS if not TEXTS.has(f"form.{name}")] == []


def test_the_audit_knows_the_kinds_that_attend() -> None:
    """The audit imports no service and no vocabulary: its own list is compared here."""
    attending = [kind.name for kind in FORM_KINDS.values() if kind.attends]
    assert f"({quoted(attending)})" == OF_THE_AUDIT
