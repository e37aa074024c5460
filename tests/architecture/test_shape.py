"""Sizes, boundaries and vocabulary: rules that hold for every file."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import CODE, nodes, python_files, text_of, tracked_files
from tests.support.processes import PROJECT

MAX_LINES_OF_FUNCTION = 40
"""Without its docstring."""

LONGER_FUNCTIONS: dict[tuple[Path, str], str] = {}
"""Exceptions, each with its reason."""

CATCHES_EVERYTHING = {
    Path("shared/messaging/inbox.py"): "the message boundary: whatever a handler raises is that message's own fault",
    Path("shared/db/unit_of_work.py"): "reads the error and raises it again, or as Unavailable",
    Path("shared/messaging/publisher.py"): "the boundary of the connection's thread: the next connection is tried",
    Path("shared/messaging/consumer.py"): "the boundary of the chore: no message waits for it, and it is done again",
    Path("shared/runtime/runner.py"): "the process boundary: logs type and place, ends the process with code 1",
    Path("services/events/scheduling/solver.py"): "the boundary of a proof: a timetable is complete without it",
    Path("services/events/scheduling/worker.py"): "the boundary of one search: a job that cannot be done fails",
    Path("services/notifications/sending/composer.py"): "the boundary of one mail: a mail that cannot be made fails",
}
"""Beside these, ``shared/http/problems.py`` registers a handler of everything: the HTTP boundary."""

SKIPPING = {"skip", "skipif", "xfail", "importorskip"}

REGISTRY_HOSTS = ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("golang", "org"), ("crates", "io")
MACHINE_FOLDERS = ("work", "root", "home", "Users")


def test_functions_are_short() -> None:
    unreasoned = {place: lines for place, lines in _long_functions().items() if place not in LONGER_FUNCTIONS}
    assert unreasoned == {}


def test_exceptions_of_size_are_needed_and_reasoned() -> None:
    assert set(LONGER_FUNCTIONS) <= set(_long_functions())
    assert all((*LONGER_FUNCTIONS.values(), *CATCHES_EVERYTHING.values()))


def test_everything_is_caught_at_the_boundaries_alone() -> None:
    catching = {
        path
        for path in python_files(*CODE)
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    }
    assert catching == set(CATCHES_EVERYTHING)


def test_http_boundary_is_one() -> None:
    registering = [path for path in python_files(*CODE) if "register_error_handler(Exception" in text_of(path)]
    assert registering == [Path("shared/http/problems.py")]


def test_no_test_is_skipped() -> None:
    skipping = [
        (path, node.lineno)
        for path in python_files("tests")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in SKIPPING and "pytest" in ast.unparse(node)
    ]
    assert skipping == []


def test_suppressions_name_what_they_suppress() -> None:
    bare = [
        (path, number)
        for path in python_files(*CODE, "tests")
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if re.search(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))", line)
    ]
    assert bare == []


def test_repository_names_no_registry_and_no_machine() -> None:
    hosts = "|".join(re.escape(".".join(parts)) for parts in REGISTRY_HOSTS)
    folders = rf"(?<![\w.}}/-])/({'|'.join(MACHINE_FOLDERS)})/\w"
    forbidden = re.compile(f"{hosts}|{folders}|{re.escape(str(PROJECT))}")
    found = [
        f"{path}:{number}"
        for path in tracked_files()
        for number, line in enumerate(_readable(path).splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert found == []


def test_import_rules_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(program), "--no-logo"], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def _long_functions() -> dict[tuple[Path, str], int]:
    return {
        (path, node.name): _lines(node)
        for path in python_files(*CODE)
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > MAX_LINES_OF_FUNCTION
    }


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - documented


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or bool(re.search(r"\b(Base)?Exception\b", ast.unparse(handler.type)))


def _readable(path: Path) -> str:
    """Text of a file; of an image or the like, what can be read of it."""
    return (PROJECT / path).read_text(encoding="utf-8", errors="ignore")
