"""The project's own files, as the architecture tests read them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.processes import PROJECT

CODE = ("shared", "services", "deploy")


def tracked_files() -> list[Path]:
    """Every file that is, or would be, in the repository, from the project's root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if (PROJECT / path).is_file()]


def python_files(*roots: str) -> list[Path]:
    """Python files below ``roots``, from the project's root."""
    found = [path for root in roots for path in sorted((PROJECT / root).rglob("*.py"))]
    return [path.relative_to(PROJECT) for path in found]


def text_of(path: Path) -> str:
    """Content of a file of the project."""
    return (PROJECT / path).read_text(encoding="utf-8")


def words_of(name: str) -> list[str]:
    """The words of a name in snake_case or CapWords."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")


def nodes(path: Path) -> Iterator[ast.AST]:
    """Every node of a Python file."""
    yield from ast.walk(tree_of(path))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a Python file, kept for the next test: parsing all of them takes 2.4 s."""
    return ast.parse(text_of(path))
