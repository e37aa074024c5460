"""The launcher's orders: an action happens once, at the requested arrival, and can be ordered again."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.launching import orders
from tests.support.launching.controls import CONTROLS
from tests.support.launching.hook import Hook
from tests.support.launching.parts import PARTS, replace
from tests.support.launching.plan import Action, Plan
from tests.support.processes import PROJECT

POINT, OTHER = "relay.claimed", "relay.marked"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program.orders"
    orders.give(path, parts=[])
    return path


def _plan(file: Path, action: Action = "raise", hit: int = 1, number: int = 1) -> Plan:
    return Plan(POINT, hit, action, str(file.with_suffix(f".{number}")), "database", hang_s=0.2)


def test_point_without_a_plan_does_nothing(file: Path) -> None:
    Hook(file)(POINT)


def test_action_is_done_at_the_ordered_arrival_of_the_ordered_point(file: Path) -> None:
    hook, plan = Hook(file), _plan(file, hit=3)
    orders.give(file, plan)
    for _ in range(5):
        hook(OTHER)
    hook(POINT)
    hook(POINT)
    assert not plan.happened
    with pytest.raises(psycopg.OperationalError, match=POINT):
        hook(POINT)
    assert plan.happened


def test_action_is_done_once_by_any_process(file: Path) -> None:
    first, second, plan = Hook(file), Hook(file), _plan(file)
    orders.give(file, plan)
    with pytest.raises(psycopg.OperationalError):
        first(POINT)
    first(POINT)
    second(POINT)


def test_new_orders_are_read_and_arrivals_counted_again(file: Path) -> None:
    hook = Hook(file)
    orders.give(file, _plan(file, hit=2))
    hook(POINT)
    orders.give(file, _plan(file, hit=2, number=2))
    hook(POINT)
    with pytest.raises(psycopg.OperationalError):
        hook(POINT)


def test_hang_lasts_as_long_as_ordered(file: Path) -> None:
    hook = Hook(file)
    orders.give(file, _plan(file, "hang"))
    began_s = time.monotonic()
    hook(POINT)
    assert time.monotonic() - began_s >= 0.2


def test_parts_stay_when_a_plan_is_given(file: Path) -> None:
    orders.give(file, parts=["troubled"])
    orders.give(file, _plan(file))
    assert orders.parts_of(file) == ["troubled"]


def test_unknown_part_is_refused() -> None:
    with pytest.raises(KeyError):
        replace(["nothing-of-that-name"])


def test_each_part_and_each_control_can_be_replaced() -> None:
    """In a process each, since they change its modules; a renamed constant would end every program of a chaos run."""
    code = "import sys; from tests.support.launching.parts import replace; replace(sys.argv[1:])"
    names = [*PARTS, *CONTROLS]
    running = {name: subprocess.Popen([sys.executable, "-c", code, name], cwd=PROJECT) for name in names}
    assert {name: process.wait(60) for name, process in running.items()} == dict.fromkeys(names, 0)
