"""The SQL statements of each process, read from the source: which verbs on which tables, and where.

From a process's first function every name is followed that its code uses: functions, classes with all of their methods,
constants. The texts found on the way are searched for the tables of the database. This finds every statement that a
process *could* issue; a class whose methods only some processes call counts for all of them.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause

PROJECT = Path(__file__).resolve().parents[2]

_CHANGES = {
    "insert": re.compile(r"\binsert\s+into\s+(\w+)", re.I),
    "update": re.compile(r"(?<!for )(?<!key )(?<!do )\bupdate\s+(?:only\s+)?(\w+)\s+(?:as\s+)?\w*\s*\bset\b", re.I),
    "delete": re.compile(r"\bdelete\s+from\s+(?:only\s+)?(\w+)", re.I),
}
_SOURCES = re.compile(
    r"(?<!delete )\b(?:from|join|using)\b(.*?)"
    r"(?=\b(?:from|join|using|where|group|order|limit|for|returning|set|union|having|on|left|cross|inner)\b|;|$)",
    re.I | re.S,
)
_LOCK = re.compile(r"\bfor\s+(?:no\s+key\s+|key\s+)?(?:update|share)(?:\s+of\s+(\w+(?:\s*,\s*\w+)*))?", re.I)
_CONFLICT = re.compile(r"\bon\s+conflict\b(.*?)\bdo\s+(update|nothing)", re.I | re.S)
_INNERMOST = re.compile(r"\(([^()]*)\)")
_CALL = re.compile(r"\b(\w+)\(")
BRACKET = " \N{SECTION SIGN} "
"""Placeholder for a bracket."""

Place = tuple[str, str]
"""Module and name of a function, a class or a constant."""

StatementsByVerb = dict[str, dict[str, set[str]]]
"""Verbs by table, and the places that issue them, by verb."""


@dataclass(slots=True)
class _Module:
    """Attributes:
    nodes: bodies by name; a command of a command line is listed under its own name and not in the function around it.
    imports: what a name refers to: ``(module, name)``, the name empty for a module.
    """

    nodes: dict[str, list[ast.AST]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    commands: set[str] = field(default_factory=set)


def issued(
    roots: Iterable[tuple[str, str]], tables: Iterable[str], beside: Iterable[tuple[str, str]] = ()
) -> StatementsByVerb:
    """Return the verbs by table that the code reachable from ``roots`` issues.

    Args:
        roots: (module, name) of functions and classes.
        tables: names of the database's tables, views and functions.
        beside: places that are not followed.
    """
    found: StatementsByVerb = {}
    known, places = set(tables), _reachable(roots, beside)
    for module, name in places:
        for text in _texts(module, name, places):
            for table, verb in ((table, verb) for table, verb in _verbs(text) if table in known):
                found.setdefault(table, {}).setdefault(verb, set()).add(f"{module}.{name}")
    return found


def commands(module: str) -> set[str]:
    """Names of the functions in ``module`` that are commands of a command line."""
    return set(_read(module).commands)


def value_of(module: str, name: str, keyword: str) -> set[tuple[str, str]]:
    """What the value of ``keyword`` in a call within ``name`` refers to."""
    read = _read(module)
    values = [
        word.value
        for body in read.nodes[name]
        for call in ast.walk(body)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == keyword
    ]
    return {place for value in values for place in _references(module, value)}


def _reachable(roots: Iterable[tuple[str, str]], beside: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    passed = set(beside)
    left = list(roots)
    while left:
        place = left.pop()
        if place in seen | passed:
            continue
        seen.add(place)
        module, name = place
        found = [target for body in _read(module).nodes[name] for target in _references(module, body)]
        left.extend(target for target in found if not _is_part(target, place))
    return seen


def _is_part(place: Place, of: Place) -> bool:
    """Whether one constant is a text within another, which issues it, and perhaps only a part of what it can issue."""
    if not _is_constant(place) or not _is_constant(of):
        return False
    part, whole = (getattr(import_module(module), name) for module, name in (place, of))
    return isinstance(part, str) and any(part in text for text in _constants(whole))


def _is_constant(place: Place) -> bool:
    return all(isinstance(body, ast.Assign | ast.AnnAssign) for body in _read(place[0]).nodes[place[1]])


def _references(module: str, body: ast.AST) -> Iterator[tuple[str, str]]:
    read = _read(module)
    for part in _within(body):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            target, name = read.imports.get(part.value.id, ("", "x"))
            if target and not name and part.attr in _read(target).nodes:
                yield target, part.attr
        elif isinstance(part, ast.Name):
            if part.id in read.nodes:
                yield module, part.id
            target, name = read.imports.get(part.id, ("", ""))
            if name and name in _read(target).nodes:
                yield target, name


def _within(body: ast.AST) -> Iterator[ast.AST]:
    """The parts of a body, without the commands that are made in it."""
    yield body
    for part in ast.iter_child_nodes(body):
        if not _is_command(part):
            yield from _within(part)


def _is_command(part: ast.AST) -> bool:
    return isinstance(part, ast.FunctionDef) and any(".command" in ast.unparse(word) for word in part.decorator_list)


@cache
def _read(module: str) -> _Module:
    path = PROJECT / Path(*module.split("."))
    path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    read, tree = _Module(), ast.parse(path.read_text())
    for part in ast.walk(tree):
        if isinstance(part, ast.ImportFrom) and part.module and part.module.startswith(("services", "shared")):
            for word in part.names:
                whole = f"{part.module}.{word.name}"
                is_module = (PROJECT / Path(*whole.split("."))).with_suffix(".py").exists()
                read.imports[word.asname or word.name] = (whole, "") if is_module else (part.module, word.name)
        if _is_command(part):
            assert isinstance(part, ast.FunctionDef)
            read.commands.add(part.name)
            read.nodes[part.name] = list(part.body)
    for part in tree.body:
        for name in _names(part):
            if name not in read.commands:
                read.nodes.setdefault(name, []).append(part)
    return read


def _names(part: ast.stmt) -> list[str]:
    if isinstance(part, ast.FunctionDef | ast.ClassDef):
        return [part.name]
    if isinstance(part, ast.Assign):
        return [word.id for target in part.targets for word in ast.walk(target) if isinstance(word, ast.Name)]
    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
        return [part.target.id]
    return []


def _texts(module: str, name: str, places: set[Place]) -> Iterator[str]:
    """Texts of a constant as it is once the module is loaded, of all else as it is written.

    A field that names the function which issues it (``issued_by``) counts where that function is among ``places``.
    """
    if _is_constant((module, name)):
        yield from _constants(getattr(import_module(module), name), places)
        return
    for body in _read(module).nodes[name]:
        yield from (
            part.value for part in _within(body) if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )


def _constants(value: object, places: set[Place] | None = None) -> Iterator[str]:
    """Texts in ``value``; None for all of them, whichever function issues them."""
    if isinstance(value, TextClause):
        yield value.text
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _constants(part, places))
    elif is_dataclass(value):
        issued = [part for part in fields(value) if _is_issued(part, value, places)]
        yield from (text for part in issued for text in _constants(getattr(value, part.name), places))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _constants(part, places))


def _is_issued(part: Field[Any], value: object, places: set[Place] | None) -> bool:
    """Whether a field of ``value`` is issued by one of ``places``; most are by any holder of the value."""
    by = part.metadata.get("issued_by")
    return by is None or places is None or (type(value).__module__, by) in places


def _verbs(text: str) -> Iterator[tuple[str, str]]:
    """(table, verb) of a statement, for any object named as a table; each bracket is read separately."""
    left = re.sub(r"--.*|'[^']*'", " ", text)
    yield from ((name, "execute") for name in _CALL.findall(left))
    while inner := _INNERMOST.search(left):
        yield from _verbs_of_level(inner[1])
        left = left[: inner.start()] + BRACKET + left[inner.end() :]
    yield from _verbs_of_level(left)


def _verbs_of_level(text: str) -> Iterator[tuple[str, str]]:
    """PostgreSQL asks for more than the verb: a lock for update, a condition for select, a conflict for both."""
    for verb, form in _CHANGES.items():
        for table in form.findall(text):
            yield table, verb
            if verb != "insert" or "returning" in text.lower():
                yield table, "select"
            if verb == "insert" and (conflict := _CONFLICT.search(text)):
                if conflict[1].strip():  # without a target nothing is read
                    yield table, "select"
                if conflict[2].lower() == "update":
                    yield table, "update"
    sources = [words for part in _SOURCES.findall(text) for item in part.split(",") if (words := item.split())]
    lock = _LOCK.search(text)
    locked = set(re.split(r"\s*,\s*", lock[1])) if lock and lock[1] else None
    for words in sources:
        yield words[0], "select"
        if lock and (locked is None or locked & {words[0], words[-1]}):
            yield words[0], "update"
