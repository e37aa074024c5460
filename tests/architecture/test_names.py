"""Names of modules, classes and functions are terms of the field; modules stay small enough to be found by name."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.figures import modules, repeated_classes, tiny_modules
from tests.architecture.sources import CODE, nodes, python_files

AVOIDED = {
    "bite": "batch",
    "book": "recipients",
    "deed": "action, audit record",
    "deeds": "audit log",
    "door": "admission control",
    "crowded": "load shedding",
    "grave": "tombstone",
    "hear": "consume",
    "heard": "consumed",
    "hearer": "consumer",
    "hears": "consumes",
    "household": "client network",
    "looking": "read",
    "looks": "theme, page style",
    "moment": "datetime, instant, snapshot",
    "moments": "datetimes",
    "patience": "timeout",
    "reclosing": "re-encrypting",
    "rekeying": "key rotation",
    "said": "published",
    "say": "publish",
    "says": "publishes",
    "scenes": "screenshot pages",
    "settlement": "acknowledgement",
    "settler": "acknowledger",
    "standing": "state",
    "told": "published, notified",
    "town": "installation",
    "trail": "audit log",
    "trapped": "honeypot",
    "turn": "run once, tick",
    "unasked": "quota",
    "verdict": "outcome",
    "verdicts": "outcomes",
}
"""Words that name something by a picture, each with the term to use; the reason is in CONTRIBUTING.md."""

PHRASES = ("cross_site", "keep_house", "go_round", "out_of_doors", "last_words", "side_tools")
USED = {"services/registration/people/decisions.py:out_of_turn": "out of turn is what a waiting list calls it"}
"""Names that may use such a word, each with its reason."""


def names() -> Iterator[tuple[str, str]]:
    """Each module, class and function with the place where it is defined."""
    for path in python_files(*CODE):
        for part in path.with_suffix("").parts:
            yield str(path), part
        for node in nodes(path):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.name}", node.name


def words(name: str) -> list[str]:
    """The words of a name in snake_case or CapWords."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")


def test_names_use_the_terms_of_the_field() -> None:
    found = {
        place
        for place, name in names()
        if not AVOIDED.keys().isdisjoint(words(name)) or any(phrase in name.lower() for phrase in PHRASES)
    }
    assert found == set(USED)


def test_words_of_a_name_are_found_in_each_spelling() -> None:
    assert words("_TrailQuery") == ["trail", "query"]
    assert words("note_told_people") == ["note", "told", "people"]
    assert words("CPSatTurn") == ["cpsat", "turn"]


def test_class_names_are_unique() -> None:
    assert repeated_classes() == {}


def test_small_modules_with_one_importer_are_part_of_it() -> None:
    assert modules()
    assert tiny_modules() == []
