"""Names as CONTRIBUTING.md asks for them; ``make check`` runs this: ``python -m tests.names``.

It ends with 1 if a folder has more findings than ``ALLOWED`` says: loops that do not name their item, functions that
are named with a participle or an adjective alone, and lines of ``Args:`` or ``Attributes:`` that begin with a
preposition. About large modules it only warns.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from tests.architecture.figures import dotted, imported_by, is_migration
from tests.architecture.sources import CODE, python_files, text_of, tree_of, words_of

LOOP, FUNCTION, ARGUMENT = "loop", "function", "argument"
"""The rules."""

ALLOWED: dict[tuple[str, str], int] = {
    (FUNCTION, "deploy"): 56,
    (FUNCTION, "services/events"): 75,
    (FUNCTION, "services/notifications"): 35,
    (FUNCTION, "services/registration"): 118,
    (FUNCTION, "shared"): 82,
}
"""How many findings a folder may have, by rule and folder. A number may only fall; no line means none."""

PRONOUNS = frozenset({"each", "it", "one", "some", "that", "these", "thing", "this", "those", "what"})
"""Words that do not name the item of a loop."""

ADJECTIVES = frozenset(
    {
        *("begun", "bound", "broken", "brought", "built", "chosen", "done", "drawn", "driven", "forgotten", "found"),
        *("frozen", "given", "gone", "held", "hidden", "kept", "known", "left", "lost", "made", "met", "paid", "seen"),
        *("sent", "shown", "spent", "spoken", "taken", "thrown", "told", "unknown", "written"),
        *("best", "common", "earliest", "first", "last", "latest", "newest", "next", "own", "past", "plain", "worst"),
    }
)
"""Irregular participles, and adjectives; words in ``-ed`` are found without a list."""

NO_PARTICIPLES = frozenset({"bed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"})

PREPOSITIONS = (
    "about|after|as|at|before|between|by|for|from|in|into|of|on|over|per|since|to|under|until|with|within|without"
)
_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:.*\S.*\n?)+)", re.MULTILINE)
_ARGUMENT = re.compile(rf"^\s*(\*{{0,2}}\w+(?:, \*{{0,2}}\w+)*): (?:{PREPOSITIONS})\b", re.MULTILINE)

MAX_LINES, MAX_IMPORTS = 600, 20
"""Of a module: its lines, and the modules of the project that it imports."""
_REASON = re.compile(r"^# size: \S", re.MULTILINE)
_TOP_LINES = 30

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Finding:
    """A name to change, or a line that begins with a preposition.

    Attributes:
        rule: the rule that it breaks.
        path: the file, from the project's root.
        line: the number of the line, from 1.
        name: the name to change, or the argument whose line it is.
        advice: what to write.
    """

    rule: str
    path: Path
    line: int
    name: str
    advice: str

    @property
    def folder(self) -> str:
        """The service, or ``shared``, or ``deploy``."""
        return "/".join(self.path.parent.parts[: 2 if self.path.parts[0] == "services" else 1])

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}: {self.advice}"


def find_names(path: Path, tree: ast.AST) -> Iterator[Finding]:
    """Every finding in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            for target in ast.walk(node.target):
                if isinstance(target, ast.Name) and target.id in PRONOUNS:
                    yield Finding(
                        LOOP, path, target.lineno, target.id, "name the item of the loop, as in `for mail in mails`"
                    )
        if isinstance(node, Function) and _is_adjective(node.name) and not _may_be_adjective(node):
            yield Finding(
                FUNCTION, path, node.lineno, node.name, "name it with a verb and its object, as in `open_row`"
            )
        if isinstance(node, ast.Module | ast.ClassDef | Function) and (docstring := ast.get_docstring(node)):
            for offset, name in arguments_with_preposition(docstring):
                line = node.body[0].lineno + offset
                yield Finding(ARGUMENT, path, line, name, "begin its line with an article and a noun")


def _is_adjective(name: str) -> bool:
    words = words_of(name)
    return len(words) == 1 and (words[0] in ADJECTIVES or (words[0].endswith("ed") and words[0] not in NO_PARTICIPLES))


def _may_be_adjective(function: Function) -> bool:
    """Properties, predicates, and views and commands, whose name is public: decorated by a call of a method."""
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    is_property = any(decorator.endswith("property") for decorator in decorators)
    is_public = any(re.match(r"\w+\.(?:command|delete|get|group|patch|post|put|route)\(", text) for text in decorators)
    return is_property or is_public or (function.returns is not None and ast.unparse(function.returns) == "bool")


def arguments_with_preposition(docstring: str) -> Iterator[tuple[int, str]]:
    """(line in the docstring, from 0; name) of the arguments and attributes whose line begins with a preposition."""
    for section in _SECTION.finditer(docstring):
        for argument in _ARGUMENT.finditer(section[1]):
            yield docstring.count("\n", 0, section.start(1) + argument.start(1)), argument[1]


def size_warning(path: Path, text: str, own_imports: int) -> str | None:
    """What is large in a module; None if nothing is, or ``# size: <reason>`` stands near its top.

    Args:
        path: the file, from the project's root.
        text: the content of the file.
        own_imports: the number of modules of the project that it imports.
    """
    lines = text.count("\n")
    if _REASON.search("\n".join(text.splitlines()[:_TOP_LINES])) or (lines <= MAX_LINES and own_imports <= MAX_IMPORTS):
        return None
    return f"{path}: {lines} lines, imports {own_imports} modules of the project: split it, or state why in `# size: …`"


def size_warnings() -> Iterator[str]:
    """A line for each large module, migrations excepted."""
    paths = [path for path in python_files(*CODE) if not is_migration(path)]
    own = {dotted(path) for path in python_files(*CODE) if path.name != "__init__.py"}
    for path in paths:
        own_imports = {name for node in ast.walk(tree_of(path)) for name in imported_by(node)} & own
        if warning := size_warning(path, text_of(path), len(own_imports)):
            yield warning


def judge(findings: Iterable[Finding], allowed: dict[tuple[str, str], int]) -> tuple[list[str], list[str]]:
    """What to change, and which numbers in ``allowed`` may fall.

    Args:
        findings: all findings.
        allowed: the number of findings that a folder may have, by rule and folder.
    """
    known = list(findings)
    counts = Counter((finding.rule, finding.folder) for finding in known)
    too_many = {key for key, count in counts.items() if count > allowed.get(key, 0)}
    wrong = [str(finding) for finding in known if (finding.rule, finding.folder) in too_many]
    wrong += [
        f"{folder}: {counts[rule, folder]} of rule {rule}, allowed: {allowed.get((rule, folder), 0)}"
        for rule, folder in sorted(too_many)
    ]
    fewer = [
        f"ALLOWED[{key[0]}, {key[1]}] may fall to {counts[key]}"
        for key, count in sorted(allowed.items())
        if counts[key] < count
    ]
    return wrong, fewer


@click.command()
@click.option("--all", "shows_all", is_flag=True, help="Print the allowed findings too.")
def main(shows_all: bool) -> None:
    """Print names to change."""
    findings = [finding for path in python_files(*CODE) for finding in find_names(path, tree_of(path))]
    wrong, fewer = judge(findings, {} if shows_all else ALLOWED)
    for line in (*wrong, *fewer, *size_warnings()):
        click.echo(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
