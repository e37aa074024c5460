"""The action of a program at a fail point: nothing, unless its plan has one."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from shared.runtime import failpoints
from tests.support.launching.orders import Orders
from tests.support.launching.plan import Error, Plan

ERRORS: dict[Error, Callable[[str], Exception]] = {
    "bug": RuntimeError,
    "line": ConnectionResetError,
    "database": psycopg.OperationalError,
}


class Hook:
    """Counts arrivals at the planned point and does the action. One a process.

    Args:
        file: of the orders.
    """

    def __init__(self, file: Path) -> None:
        self._orders = Orders(file)
        self._guard = threading.Lock()
        self._hits = 0

    def __call__(self, point: str) -> None:
        """A point is reached."""
        plan = self._due(point)
        if plan is not None and plan.take():
            carry_out(plan)

    def _due(self, point: str) -> Plan | None:
        with self._guard:
            if self._orders.are_new():
                self._hits = 0
            plan = self._orders.plan
            if plan is None or plan.point != point:
                return None
            self._hits += 1
            return plan if self._hits == plan.hit else None


def carry_out(plan: Plan) -> None:
    """Be killed, fail or hang."""
    if plan.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.action == "raise":
        raise ERRORS[plan.error](f"fail point {plan.point}")
    time.sleep(plan.hang_s)  # the action itself


def install(file: Path) -> None:
    """Have this process follow the orders in ``file``."""
    failpoints.install(Hook(file))
