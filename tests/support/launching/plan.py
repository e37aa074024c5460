"""What happens at a fail point, once, in whichever process of a program reaches it first."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Action = Literal["kill", "raise", "hang"]
Error = Literal["bug", "line", "database"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Attributes:
    point: name of the fail point.
    hit: which arrival at it, counted in each process since the plan was written; 1 is the next.
    action: SIGKILL of the process itself, an error, or a stand-still.
    error: which error: one that no one foresaw, a broken line, or a database that went away.
    hang_s: how long the stand-still is, seconds.
    marker: file that is made when it happens; it happens once only.
    """

    point: str
    hit: int
    action: Action
    marker: str
    error: Error = "bug"
    hang_s: float = 30.0

    @property
    def happened(self) -> bool:
        """Whether the action is done."""
        return Path(self.marker).exists()

    def take(self) -> bool:
        """Claim the action; False if another process has done it already."""
        try:
            os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True
