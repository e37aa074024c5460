"""Runs cells: arms them, creates work until each fault has happened, waits for rest, and requires the proof."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.points.table import APART, Cell
from tests.chaos.points.work import QUIET, Work
from tests.support.launching.plan import Plan
from tests.support.proof import Proof
from tests.support.rig import Rig

HAPPENS_WITHIN_S = 40.0
"""Beside the frozen programs: one fault may hold back the work that leads to the next."""
POLL_EVERY_S = 0.05
CHECK_EVERY_S = 2.0
"""How long the first work may take to bring every program to its point, before there is more; then longer each time."""
REST_WITHIN_S = 60.0

PEOPLE_AT_FIRST, PEOPLE_AGAIN = 24, 8


@dataclass(slots=True)
class Tally:
    """What was done so far, for the summary."""

    cells: list[Cell] = field(default_factory=list)
    waves_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Driver:
    """Attributes:
    rig: the system.
    proof: checks it.
    work: for its processes.
    people: how many register in each wave.
    tally: of what was done.
    """

    rig: Rig
    proof: Proof
    work: Work
    people: int = PEOPLE_AT_FIRST
    tally: Tally = field(default_factory=Tally)

    def try_wave(self, cells: Sequence[Cell]) -> None:
        """Let every fault of ``cells`` happen, and check that nothing is lost and nothing doubled.

        Raises:
            AssertionError: a point was not reached, the system does not come to rest, or a check finds something.
        """
        began_s, names = time.monotonic(), ", ".join(map(str, cells))
        plans = {cell.program: cell.plan(self.rig.marker()) for cell in cells}
        for program, plan in plans.items():
            self.rig.plan(program, plan)
        self._until_all_happened(cells, list(plans.values()), names)
        max_hang_s = max(cell.hang_s for cell in cells)
        try:
            self.proof.wait_for_all(self.rig.people.receipts, REST_WITHIN_S + max_hang_s, self.rig.keep_up)
        except AssertionError as error:
            raise AssertionError(f"{names}: {error}") from error
        assert (names, self.proof.findings(self.rig.people.receipts)) == (names, {})
        assert (names, self.rig.people.lost) == (names, [])
        self.tally.cells += cells
        self.tally.waves_s.append(time.monotonic() - began_s)

    def be_quiet(self) -> None:
        """Move the event to where no one is reminded of it."""
        self.work.move_event(QUIET)
        self.proof.wait_for_all(self.rig.people.receipts, REST_WITHIN_S, self.rig.keep_up)

    def _until_all_happened(self, cells: Sequence[Cell], plans: Sequence[Plan], names: str) -> None:
        until_s = time.monotonic() + HAPPENS_WITHIN_S + sum(cell.hang_s for cell in cells if cell.action == "hang")
        number = 0
        while time.monotonic() < until_s:
            self._give_work(cells, number)
            if self._all_happened(plans, min(until_s, time.monotonic() + CHECK_EVERY_S + number)):
                return
            number += 1
        reached = [cell for cell, plan in zip(cells, plans, strict=True) if plan.happened]
        raise AssertionError(f"not reached of {names}: all but {[str(cell) for cell in reached]}")

    def _all_happened(self, plans: Sequence[Plan], until_s: float) -> bool:
        """Whether all of ``plans`` are carried out before the monotonic ``until_s``."""
        while not all(plan.happened for plan in plans):
            if time.monotonic() >= until_s:
                return False
            self.rig.keep_up()
            time.sleep(POLL_EVERY_S)  # between two polls, with the deadline above
        return True

    def _give_work(self, cells: Sequence[Cell], number: int) -> None:
        points = {cell.point for cell in cells}
        if {"settle.park", "settle.parked"} & points and number == 0:
            self.work.break_messages(max(cell.hit for cell in cells))
        if any(cell.point.startswith("schedule.") for cell in cells):
            self.work.move_event()
        if any(cell.point.startswith("solve.") for cell in cells):
            self.work.ask_for_timetable()
        if all(cell.program in APART for cell in cells):
            self.rig.arrive(1 if number == 0 else 0)
        else:
            self.rig.arrive(self.people if number == 0 else PEOPLE_AGAIN)
