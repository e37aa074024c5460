"""Starts units stage by stage, starts again what ends, and stops everything in the reverse order.

A unit that ends is started again after a delay that doubles; the others continue. A unit whose name is in the folder
``held`` is stopped until it is released. When the supervisor itself ends for any reason, the kernel ends
what it has started. (ADR 44 states why no library is used.)
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.servers.records import Records
from deploy.servers.starting import BASE_ENVIRONMENT, prefix
from deploy.servers.units import Stage, Unit

log = logging.getLogger(__name__)

DELAY_LEAST_S = 0.5
DELAY_MOST_S = 30.0
WELL_AFTER_S = 60.0
"""A unit that has run this long has recovered: its next end is its first again."""

READY_WITHIN_S = 90.0
STOP_WITHIN_S = 40.0
"""Longer than a worker's own drain (30 s)."""

TICK_S = 0.1


class NotStarted(Exception):
    """A unit is not ready in time; the message names it and the place of its log."""


@dataclass(slots=True)
class _Run:
    """A unit as it runs, or waits to be started again."""

    unit: Unit
    child: subprocess.Popen[bytes] | None = None
    began_at: float = 0.0
    delay_s: float = DELAY_LEAST_S
    start_at: float = 0.0
    stop_requested: bool = False


class Supervisor:
    """Must be used from the main thread: the kernel watches the thread that starts a child.

    Args:
        folder: the folder of logs, records and the names of held units.
        stages: the stages in the order of their start.
        stop_within_s: how long units may take to end in good order, seconds; then they are killed.
    """

    def __init__(self, folder: Path, stages: Sequence[Stage], *, stop_within_s: float = STOP_WITHIN_S) -> None:
        self._held = folder / "held"
        self._logs = folder / "logs"
        self._stages = stages
        self._stop_within_s = stop_within_s
        self._records = Records(folder)
        self._runs: list[_Run] = []
        self._stopping = False

    def stop(self) -> None:
        """Ask the loop to end."""
        self._stopping = True

    def run(self, then: Callable[[], None]) -> None:
        """Start everything, call ``then``, and watch until ``stop``; everything has ended on return.

        Raises:
            NotStarted: a unit was not ready in time; everything has been stopped again.
        """
        self._held.mkdir(exist_ok=True)
        self._logs.mkdir(exist_ok=True)
        self._logs.chmod(0o700)
        try:
            for stage in self._stages:
                self._start_stage(stage)
            if not self._stopping:
                then()
            while not self._stopping:
                self._run_once()
                time.sleep(TICK_S)  # polling interval of the supervisor
        finally:
            self._stop_all()

    def _start_stage(self, stage: Stage) -> None:
        runs = [_Run(unit) for unit in stage.units]
        self._runs += runs
        deadline = time.monotonic() + READY_WITHIN_S
        waiting = runs
        while waiting and not self._stopping:
            self._run_once()
            waiting = [run for run in waiting if run.child is None or not run.unit.ready()]
            if time.monotonic() > deadline:
                raise NotStarted(f"not ready within {READY_WITHIN_S:.0f} s: {self._places(waiting)}")
            time.sleep(TICK_S)  # polling interval of the supervisor
        if not self._stopping:
            stage.then()

    def _places(self, runs: Sequence[_Run]) -> str:
        return ", ".join(f"{run.unit.name} (see {self._logs / run.unit.name}.log)" for run in runs)

    def _run_once(self) -> None:
        for run in self._runs:
            if (self._held / run.unit.name).exists():
                self._hold(run)
            elif run.child is None:
                self._start_when_due(run)
            elif run.child.poll() is not None:
                self._handle_exit(run, run.child.returncode)

    def _hold(self, run: _Run) -> None:
        run.start_at, run.delay_s = 0.0, DELAY_LEAST_S
        if run.child is None:
            return
        if run.child.poll() is not None:
            run.child = None
            self._write_down()
        elif not run.stop_requested:
            run.stop_requested = True
            run.child.send_signal(run.unit.stop_signal)

    def _start_when_due(self, run: _Run) -> None:
        if time.monotonic() < run.start_at:
            return
        unit = run.unit
        with (self._logs / f"{unit.name}.log").open("ab") as output:
            run.child = subprocess.Popen(
                [*prefix(unit.account, unit.stop_signal), *unit.command],
                env={**BASE_ENVIRONMENT, **unit.environment},
                cwd=unit.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        run.began_at, run.stop_requested = time.monotonic(), False
        self._write_down()

    def _handle_exit(self, run: _Run, code: int) -> None:
        """Start it again later, and the later the more often it has ended."""
        if time.monotonic() - run.began_at > WELL_AFTER_S:
            run.delay_s = DELAY_LEAST_S
        log.warning("%s ended with %s, starts again in %.1f s", run.unit.name, code, run.delay_s)
        run.child, run.start_at = None, time.monotonic() + run.delay_s
        run.delay_s = min(DELAY_MOST_S, run.delay_s * 2)
        self._write_down()

    def _stop_all(self) -> None:
        for stage in reversed(self._stages):
            names = {unit.name for unit in stage.units}
            _stop_together([run for run in reversed(self._runs) if run.unit.name in names], self._stop_within_s)
            self._write_down()

    def _write_down(self) -> None:
        self._records.write({run.unit.name: run.child.pid for run in self._runs if run.child is not None})


def _stop_together(runs: Sequence[_Run], within_s: float) -> None:
    running = [(run, run.child) for run in runs if run.child is not None and run.child.poll() is None]
    for run, child in running:
        child.send_signal(signal.SIGCONT)
        child.send_signal(run.unit.stop_signal)
    deadline = time.monotonic() + within_s
    for run, child in running:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("%s did not end within %.0f s and is killed", run.unit.name, within_s)
            os.killpg(child.pid, run.unit.kill_signal)
            child.wait(within_s)
    for run in runs:
        run.child = None
