"""Class names are unique, a small module with one importer is part of it, and ``shared`` knows no service."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.figures import modules, repeated_classes, tiny_modules
from tests.architecture.sources import python_files, text_of, words_of


def test_class_names_are_unique() -> None:
    assert repeated_classes() == {}


def test_small_modules_with_one_importer_are_part_of_it() -> None:
    assert modules()
    assert tiny_modules() == []


SERVICE_WORDS = frozenset(
    {
        "bulletin",
        "consultation",
        "delegation",
        "hotel",
        "intake",
        "notification",
        "partner",
        "programme",
        "proposal",
        "recipient",
        "registrant",
        "registration",
        "reminder",
        "roster",
        "speaker",
        "submission",
        "suppressed",
        "suppression",
        "timetable",
        "traveller",
        "unsubscribe",
        "waitlist",
        "waitlisted",
        "webhook",
        "webinar",
    }
)
SERVICE_PHRASES = ("sealed answers", "sealed list", "side event", "waiting list")
"""What the services are about. ``shared`` is a library for them: each registers its own codes, keys, events, metrics,
fail points, limits and pages when it is built."""

KNOWN_TO_SHARED = {
    ("shared/http/access.py", "partner"): "the role in `access.changed`, limited to the numbers of one partner",
    ("shared/http/holders.py", "partner"): "the same, in the access file",
    ("shared/http/operation_facts.py", "partner"): "the same, as a way to authenticate in OpenAPI documents",
    ("shared/http/sign_in.py", "partner"): "the same, read from the table",
    ("shared/security/sessions.py", "partner"): "the same, a column of the table",
    ("shared/public_forms/fields.py", "partner"): "a parameter of a form's address, and so no name of a question",
}
"""Words that ``shared`` may use, each with its reason. Contracts and vocabulary are shared on purpose."""


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Every name and every text in a module, docstrings excepted."""
    documented = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value
        for name in ("id", "attr", "arg", "name"):
            if isinstance(value := getattr(node, name, None), str):
                yield value


def service_words(tree: ast.AST) -> set[str]:
    """The words and phrases of services in the names and texts of a module."""
    found: set[str] = set()
    for text in texts_of(tree):
        plain = [word for part in re.findall(r"\w+", text) for word in words_of(part) if word]
        singular = {word if word in SERVICE_WORDS else word.removesuffix("s") for word in plain}
        text_language = f" {' '.join(plain)} "
        found |= SERVICE_WORDS & singular | {one for one in SERVICE_PHRASES if f" {one} " in text_language}
    return found


def test_shared_names_nothing_of_one_service() -> None:
    on_purpose = {Path("shared/messaging/contracts"), Path("shared/vocabulary")}
    searched = [path for path in python_files("shared") if on_purpose.isdisjoint(path.parents)]
    assert searched
    found = {(str(path), word) for path in searched for word in service_words(ast.parse(text_of(path)))}
    assert found == set(KNOWN_TO_SHARED)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('CODES = {"bulletin-invalid": 422}', {"bulletin"}),
        ('SEALED_READ = "sealed-answers-read"', {"sealed answers"}),
        ('TEXT = f"{count} on the waiting list"', {"waiting list"}),
        ("def webhook_of(name): ...", {"webhook"}),
        ("x = NOTIFICATIONS_PUBLIC.variable", {"notification"}),
        ("class ProposalKeys: ...", {"proposal"}),
        ("run(intake=1)", {"intake"}),
        ('def x():\n    """About a bulletin."""', set()),
    ],
)
def test_words_of_services_are_found(line: str, found: set[str]) -> None:
    """Negative control."""
    assert service_words(ast.parse(line)) == found
