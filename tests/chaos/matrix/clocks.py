"""Clocks that are wrong, jump or run backwards: of single processes, and of the whole host with its databases."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.shape import WORKERS
from tests.chaos.matrix.proxied_stack import ProxiedStack
from tests.support.clock import ALONE, OFFSET_FILE
from tests.support.stack import Stack

AHEAD_S, BEHIND_S = 400 * 86_400.0, -400 * 86_400.0
FAULTS: dict[str, tuple[float, ...]] = {
    "ahead": (AHEAD_S,),
    "behind": (BEHIND_S,),
    "a little": (5.0,),
    "leaps": (0.0, AHEAD_S, 3_600.0, AHEAD_S),
    "backwards": (0.0, -60.0, -3_600.0, BEHIND_S),
}
"""By how much the clock is off, one after the other, seconds."""

LASTS_S = 7.0
"""Longer than the time between two runs of the cleanup, with any findings."""

WHOLE_HOST, EIGHT_DAYS_S = "the whole host", 8 * 86_400.0
"""Longer than a candidate, a confirmation link, a receipt and a published message are kept."""

PROCESSES = [f"{service}-{role}" for service, role in WORKERS]


@dataclass(frozen=True, slots=True)
class ClockCell:
    """A process whose clock goes wrong in one way."""

    process: str
    fault: str


def all_clock_cells() -> Iterator[ClockCell]:
    """Every cell, so that no process is hit twice in a row."""
    for fault in FAULTS:
        for process in PROCESSES:
            yield ClockCell(process, fault)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The offsets of all processes, each in a file that its process reads at every reading of the clock."""

    folder: Path

    def file(self, process: str) -> Path:
        """Of a process; it is right unless it is set."""
        file = self.folder / f"{process}.clock"
        if not file.exists():
            self.set(process, 0.0)
        return file

    def set(self, process: str, offset_s: float) -> None:
        """Set a clock; the process never meets a file that is half written."""
        new = self.folder / f".{process}.clock"
        new.write_text(str(offset_s))
        new.replace(self.folder / f"{process}.clock")

    def jump(self, act: Callable[[], object]) -> None:
        """Set all clocks eight days ahead for ``LASTS_S``, call ``act`` at the end of this time, and set them right."""
        try:
            for process in PROCESSES:
                self.set(process, EIGHT_DAYS_S)
            time.sleep(LASTS_S)  # the fault lasts so long
            act()
        finally:
            for process in PROCESSES:
                self.set(process, 0.0)

    def play(self, cell: ClockCell, act: Callable[[], object]) -> None:
        """Make a clock wrong for ``LASTS_S``, call ``act`` during this time, and correct the clock."""
        offsets = FAULTS[cell.fault]
        try:
            for place, offset_s in enumerate(offsets):
                self.set(cell.process, offset_s)
                if place == len(offsets) // 2:
                    act()
                time.sleep(LASTS_S / len(offsets))  # the fault lasts so long
        finally:
            self.set(cell.process, 0.0)


@dataclass
class ClockedStack(ProxiedStack):
    """A stack without proxies, each of whose workers has its own clock.

    Attributes:
        clocks: of the workers; the web processes' are right.
        follow: ``ALONE`` if the database's clock is right, ``JUMPS`` if it is the worker's.
    """

    clocks: Clocks = field(default_factory=lambda: Clocks(Path()))
    follow: str = ALONE

    def start(self, *, capacity: int | None = None, workers: int = 1) -> None:
        """Start every process, each with a clock that is right."""
        self.command = _command
        Stack.start(self, capacity=capacity, workers=workers)
        assert self.web is not None
        self.urls = {"registration": self.web.url}

    def environment(self, service: str, process: str) -> dict[str, str]:
        own = Stack.environment(self, service, process)
        return {**own, OFFSET_FILE: str(self.clocks.file(f"{service}-{process}")), self.follow: "1"}


def _command(service: str, role: str) -> str:
    """Workers read a clock that a test can move."""
    return f"services.{service} web" if role == "web" else f"tests.support.shifted_clock {service} {role}"
