"""Every sentence of a page or a mail that promises something has a test that shows it is kept."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.translations import folders, read
from tests.architecture.sources import text_of
from tests.support.processes import PROJECT

PROMISING = re.compile(
    r"\b(will|we (?:send|are sending|write|delete|store|tell|set|never)|never|as soon as|later|again|until|goes to|"
    r"\d+ days|eight days|encrypted|nobody|no cookies|only|stops|still|deleted|at any time|counts|can write to you)\b",
    re.IGNORECASE,
)
"""Words by which a sentence commits us to something, or could."""

PROMISES: dict[str, Any] = yaml.safe_load(text_of(Path("tests/architecture/promises.yaml")))


def _name_of(folder: Path) -> str:
    """``registration/embed`` for its folder of catalogues."""
    return str(folder.parent.relative_to(PROJECT)).removeprefix("services/").removeprefix("shared/")


def _messages(name: str) -> dict[str, str]:
    (folder,) = [folder for folder in folders() if _name_of(folder) == name]
    return {message.id: str(message.string) for message in read(folder, "en") if isinstance(message.id, str)}


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("name", [_name_of(folder) for folder in folders()])
def test_every_promise_is_listed(name: str) -> None:
    listed = PROMISES.get(name, {"kept": {}, "nothing": []})
    promising = {key for key, text in _messages(name).items() if key and PROMISING.search(text)}
    assert sorted(promising - listed["kept"].keys() - set(listed["nothing"])) == []


@pytest.mark.parametrize("name", PROMISES)
def test_every_listed_message_exists_and_is_listed_once(name: str) -> None:
    kept, nothing = PROMISES[name]["kept"], PROMISES[name]["nothing"]
    assert sorted({*kept, *nothing} - _messages(name).keys()) == []
    assert len({*kept, *nothing}) == len(kept) + len(nothing)


def test_every_named_test_exists() -> None:
    named = {test for listed in PROMISES.values() for tests in listed["kept"].values() for test in tests}
    places = ((test, *test.split("::")) for test in sorted(named))
    assert [test for test, path, function in places if function not in _tests_in(path)] == []


@pytest.mark.parametrize("name", PROMISES)
def test_every_kept_promise_names_a_test(name: str) -> None:
    assert [key for key, tests in PROMISES[name]["kept"].items() if not tests] == []


def test_a_sentence_that_promises_something_new_is_noticed() -> None:
    for text in ("You can tell us the rest later.", "We will call you.", "We delete it after 30 days."):
        assert PROMISING.search(text)
    assert not PROMISING.search("Your name")
