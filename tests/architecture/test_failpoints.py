"""The registry of fail points is complete; each is in one place of the code; only tests use them."""

import ast
from collections import Counter
from pathlib import Path

from shared.runtime import failpoints
from tests.architecture.sources import CODE, nodes, python_files, text_of
from tests.support.fail_points import POINTS, ROLES

REGISTRY = Path("shared/runtime/failpoints.py")
HOOK_OWNERS = {
    Path("tests/support/launching/hook.py"): "in programs that the launcher starts",
    Path("tests/integration/model/system_under_test.py"): "in the model's own process, and taken out at once",
}
ENVIRONMENT = ("os.environ", "getenv", "import os")

_HERE = ("tests", "architecture", "test_failpoints.py")


def test_each_point_is_reached_in_one_place_and_each_place_is_a_point() -> None:
    found = [_literal(call) for path in python_files(*CODE) if path != REGISTRY for call in _calls(path, "reach")]
    assert Counter(found) == dict.fromkeys(POINTS, 1)
    assert len(POINTS) == sum(text_of(path).count('": Point(') for path in python_files(*CODE))


def test_points_are_reached_by_the_services_alone() -> None:
    reaching = {path for path in python_files("tests", "deploy") if list(_calls(path, "reach"))}
    assert reaching == set()


def test_hook_is_installed_by_the_launcher_and_the_model_alone() -> None:
    assert [path for path in python_files(*CODE) if _names(path, "install")] == [REGISTRY]
    installing = {path for path in python_files("tests") if _names(path, "install") and path != Path(*_HERE)}
    assert installing == set(HOOK_OWNERS)


def test_no_setting_installs_a_hook() -> None:
    assert not [word for word in ENVIRONMENT if word in text_of(REGISTRY)]
    assert failpoints._hook is None


def test_roles_of_points_are_kinds_of_processes() -> None:
    assert {role for point in POINTS.values() for role in point.roles} == set(ROLES)


def _calls(path: Path, name: str) -> list[ast.Call]:
    return [
        node for node in nodes(path) if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name
    ]


def _names(path: Path, name: str) -> bool:
    """Whether a file that uses the fail points mentions ``name``."""
    return "failpoints" in path.stem + text_of(path) and any(
        isinstance(node, ast.Name | ast.alias | ast.FunctionDef | ast.Attribute) and _name_of(node) == name
        for node in nodes(path)
    )


def _name_of(node: ast.Name | ast.alias | ast.FunctionDef | ast.Attribute) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else node.name


def _literal(call: ast.Call) -> str:
    [argument] = call.args
    assert isinstance(argument, ast.Constant), ast.unparse(call)
    return str(argument.value)
