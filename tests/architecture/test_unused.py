"""Each function, class and constant of the project is used by the project: what only tests use belongs to the tests."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.architecture.sources import CODE, python_files, text_of, tracked_files

Name = tuple[str, str]
"""Module and name."""

STAYS = {
    ("shared.runtime.failpoints", "POINTS"): "the tests of fail points compare it with the calls",
    ("shared.runtime.failpoints", "Point"): "of POINTS",
    ("shared.runtime.failpoints", "EVERY_PROCESS"): "of POINTS",
    ("shared.runtime.failpoints", "install"): "the launcher of tests makes processes fail",
    ("services.events.telemetry", "FAIL_POINTS"): "the points of the service",
    ("services.notifications.telemetry", "FAIL_POINTS"): "the points of the service",
    ("services.registration.telemetry", "FAIL_POINTS"): "the points of the service",
}
"""What only tests use, with the reason."""

PLAIN = ("dataclass", "contextmanager", "cache", "lru_cache", "unique")
"""Decorators that do not make anything known to a library."""

_DOTTED = re.compile(r"([a-z_]+(?:\.[a-z_0-9]+)+)[.:](\w+)")


@dataclass(slots=True)
class ModuleNames:
    """Attributes:
    defined: top-level statement of each name.
    names: what a name in the module means elsewhere.
    modules: what a name of a module means.
    """

    defined: dict[str, ast.stmt] = field(default_factory=dict)
    names: dict[str, Name] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in python_files(*CODE)}


@cache
def tree_of(module: str) -> ast.Module:
    """A module of the project."""
    return ast.parse(text_of(MODULES[module]))


def names_of(module: str) -> ModuleNames:
    """What a module defines and imports."""
    found, tree = ModuleNames(), tree_of(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                whole, local = f"{node.module}.{one.name}", one.asname or one.name
                if whole in MODULES:
                    found.modules[local] = whole
                else:
                    found.names[local] = (node.module, one.name)
    for statement in tree.body:
        for name in _defined_by(statement):
            found.defined[name] = statement
    return found


def _defined_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def uses(node: ast.AST, module: str, own: ModuleNames) -> Iterator[Name]:
    """The names that ``node`` uses."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            if each.id in own.defined:
                yield module, each.id
            elif each.id in own.names:
                yield own.names[each.id]
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in own.modules:
            yield own.modules[each.value.id], each.attr
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield from ((found[1], found[2]) for found in _DOTTED.finditer(each.value) if found[1] in MODULES)


def unused() -> set[Name]:
    """The top-level names that nothing reaches: no command, no library, no template, no string that names them."""
    known = {module: names_of(module) for module in MODULES}
    in_templates = {
        word
        for path in tracked_files()
        if path.suffix == ".html" and path.parts[0] in CODE
        for word in re.findall(r"\w+", text_of(path))
    }
    reached: set[Name] = set()
    waiting = [name for module, own in known.items() for name in _roots(module, own, in_templates)]
    while waiting:
        module, name = waiting.pop()
        if (module, name) not in reached:
            reached.add((module, name))
            own = known.get(module, ModuleNames())
            if name in own.defined:
                waiting += uses(own.defined[name], module, own)
            elif name in own.names:  # imported there to be imported from there
                waiting.append(own.names[name])
    everything = {(module, name) for module, own in known.items() for name in own.defined}
    return {(module, name) for module, name in everything - reached if not name.startswith("__")}


def _roots(module: str, own: ModuleNames, in_templates: set[str]) -> Iterator[Name]:
    for statement in tree_of(module).body:
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not [*_defined_by(statement)]:
            yield from uses(statement, module, own)
    path = MODULES[module]
    run_by_a_library = path.name == "gunicorn.conf.py" or path.parent.name == "versions"
    for name, statement in own.defined.items():
        decorators = [ast.unparse(one) for one in getattr(statement, "decorator_list", [])]
        known_to_a_library = any(not one.startswith(PLAIN) for one in decorators) or run_by_a_library
        if known_to_a_library or name in in_templates:
            yield module, name


def test_what_only_tests_use_belongs_to_the_tests() -> None:
    assert unused() == set(STAYS)


def test_uses_are_found() -> None:
    own = ModuleNames({"own": ast.Pass()}, {"there": ("shared.db", "there")}, {"engine": "shared.db.engine"})
    tree = ast.parse("own(there, engine.open, 'shared.db.engine:close', unknown)")
    assert set(uses(tree, "here", own)) == {
        ("here", "own"),
        ("shared.db", "there"),
        ("shared.db.engine", "open"),
        ("shared.db.engine", "close"),
    }
