"""Random faults while people register, drawn from a seed: one every few seconds.

A fault is drawn by its share: a fail point at some later arrival, SIGKILL of a whole program, a frozen program, the
mail relay, the broker or the database killed and started again. What the supervisor would do is done by the
rig: each program that has ended is restarted.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos.points.table import Cell
from tests.support.launching.plan import Plan
from tests.support.postgres import PostgresServer
from tests.support.processes import Program
from tests.support.rabbitmq import RabbitNode
from tests.support.rig import Rig

SHARES = {"point": 50, "kill": 24, "stand still": 12, "mail relay": 6, "broker": 4, "database": 4}
PAUSE_S = (0.3, 3.0)
STILL_S = (0.5, 12.0)
LATEST_HIT = 40


@dataclass(slots=True)
class Storm:
    """Attributes:
    rig: that is struck.
    postgres: of the rig alone.
    rabbit: of the rig alone; None beside the embedded bus.
    cells: the faults at fail points that may be drawn.
    chance: what is drawn by.
    calm: the pauses between faults are so many times as long.
    happened: faults that did happen, by kind.
    """

    rig: Rig
    postgres: PostgresServer
    rabbit: RabbitNode | None
    cells: Sequence[Cell]
    chance: Random
    calm: float = 1.0
    happened: Counter[str] = field(default_factory=Counter)
    _plans: list[Plan] = field(default_factory=list)
    _still: dict[str, tuple[Program, float]] = field(default_factory=dict)
    _next_s: float = 0.0

    @property
    def shares(self) -> Mapping[str, int]:
        """Of each kind of fault that there is here."""
        return SHARES if self.rabbit is not None else {kind: SHARES[kind] for kind in SHARES if kind != "broker"}

    def run_once(self) -> None:
        """Resume what was frozen long enough, and let the next fault happen if it is time; else return at once."""
        now_s = time.monotonic()
        self._wake(now_s)
        if now_s < self._next_s:
            return
        actions: dict[str, Callable[[], object]] = {
            "point": self._arm,
            "kill": self._kill,
            "stand still": self._freeze_one,
            "mail relay": lambda: self.rig.stack.programs["sink"].kill(),
            "broker": self._strike_broker,
            "database": self._strike_database,
        }
        kind = self.chance.choices(list(self.shares), list(self.shares.values()))[0]
        actions[kind]()
        if kind != "point":
            self.happened[kind] += 1
        self._next_s = time.monotonic() + self.calm * self.chance.uniform(*PAUSE_S)

    def end(self) -> None:
        """Resume every program, with no orders left; count which fail points were reached."""
        self._wake(float("inf"))
        for name in sorted({cell.program for cell in self.cells}):
            self.rig.disarm(name)
        self.happened["point"] = sum(plan.happened for plan in self._plans)

    def _arm(self) -> None:
        cell = self.chance.choice(self.cells)
        cell = Cell(cell.bus, cell.program, cell.point, cell.action, self.chance.randint(1, LATEST_HIT))
        plan = cell.plan(self.rig.marker())
        self._plans.append(plan)
        self.rig.plan(cell.program, plan)

    def _kill(self) -> None:
        self._drawn().kill()

    def _freeze_one(self) -> None:
        program = self._drawn()
        program.suspend()
        self._still[program.name] = (program, time.monotonic() + self.chance.uniform(*STILL_S))

    def _drawn(self) -> Program:
        """A running program; a frozen one is resumed first."""
        running = sorted(name for name, program in self.rig.stack.programs.items() if program.running)
        program = self.rig.stack.programs[self.chance.choice(running)]
        if program.name in self._still:
            self._still.pop(program.name)
            program.resume()
        return program

    def _wake(self, now_s: float) -> None:
        for name, (program, until_s) in list(self._still.items()):
            if now_s >= until_s:
                del self._still[name]
                program.resume()

    def _strike_broker(self) -> None:
        if self.rabbit is not None:
            self.rabbit.kill()
            self.rabbit.start()

    def _strike_database(self) -> None:
        self.postgres.kill()
        self.postgres.start()
