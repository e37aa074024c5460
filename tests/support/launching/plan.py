"""What is to happen at a fail point, once, in whichever process of a program comes there first."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Deed = Literal["kill", "raise", "hang"]
Error = Literal["bug", "line", "database"]

_NOTHING = "{}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Attributes:
    point: name of the fail point.
    hit: which arrival at it, counted in each process since the plan was written; 1 is the next.
    deed: SIGKILL of the process itself, an error, or a stand-still.
    error: which error: one that nobody foresaw, a broken line, or a database that went away.
    hang_s: how long the stand-still is, seconds.
    marker: file that is made when it happens; it happens once only.
    """

    point: str
    hit: int
    deed: Deed
    marker: str
    error: Error = "bug"
    hang_s: float = 30.0

    @property
    def happened(self) -> bool:
        """Whether the deed is done."""
        return Path(self.marker).exists()

    def take(self) -> bool:
        """Claim the deed; False if another process has done it already."""
        try:
            os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def arm(file: Path, plan: Plan | None) -> None:
    """Let the program that was started with ``file`` follow ``plan`` from now on; None disarms it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(plan)) if plan is not None else _NOTHING)
    fresh.replace(file)


class PlanFile:
    """A plan as a running program sees it: looked at each time, read when it was written anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self.plan: Plan | None = None

    def is_new(self) -> bool:
        """Read it if it was written since; returns whether it was."""
        state = os.stat(self._file)
        version = (state.st_ino, state.st_mtime_ns)
        if version == self._seen:
            return False
        self._seen = version
        content = json.loads(self._file.read_text())
        self.plan = Plan(**content) if content else None
        return True
