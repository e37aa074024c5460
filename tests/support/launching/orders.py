"""The file by which a test instructs a program that it has launched: parts at its start, a plan at any time."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.support.launching.plan import Plan


def give(file: Path, plan: Plan | None = None, *, parts: Sequence[str] | None = None) -> None:
    """Write the orders of the program that was, or will be, started with ``file``.

    Args:
        file: of the program's orders.
        plan: followed from now on; None is none.
        parts: replaced at its next start; None leaves them as they were.
    """
    kept = list(parts) if parts is not None else parts_of(file)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"parts": kept, "plan": asdict(plan) if plan is not None else None}))
    fresh.replace(file)


def parts_of(file: Path) -> list[str]:
    """Names of the parts that a program is to replace at its start."""
    return list(json.loads(file.read_text())["parts"])


class Orders:
    """The plan as a running program sees it: the file is checked each time, and read when it was rewritten."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self.plan: Plan | None = None

    def are_new(self) -> bool:
        """Read them if they were written since; returns whether they were."""
        state = os.stat(self._file)
        version = (state.st_ino, state.st_mtime_ns)
        if version == self._seen:
            return False
        self._seen = version
        plan = json.loads(self._file.read_text())["plan"]
        self.plan = Plan(**plan) if plan is not None else None
        return True
