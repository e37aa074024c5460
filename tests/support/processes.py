"""Our own programs as real processes: started, watched, killed and ended by process id."""

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.children import freeze, kill_tree, start_child, tail
from tests.support.forking import ForkedChild, ForkServer
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

PROJECT = Path(__file__).resolve().parents[2]


FORKED = ("services.", "tests.support.launching", "tests.support.shifted_clock", "deploy.local.sink")
"""Programs that a fork server may start."""


class Program:
    """One running ``python -m …``. Made by ``ProcessGroup.start``."""

    fork_server: ForkServer | None = None
    """Starts our programs faster; None where their memory or their start is measured."""

    def __init__(self, run: RunFolder, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log_file = log
        self._run = run
        self._arguments = list(arguments)
        self._env = dict(env)
        self._child = self._start()

    @property
    def pid(self) -> int:
        """Process id of the program as it runs now."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    def logs(self) -> list[dict[str, Any]]:
        """Every JSON line that it has written so far, over all its starts; other lines are left out."""
        found = []
        for line in self.log_text().splitlines():
            if line.startswith("{") and line.endswith("}"):
                found.append(json.loads(line))
        return found

    def log_text(self) -> str:
        """Everything that it has written to standard output and standard error."""
        return self.log_file.read_text(errors="replace")

    def wait(self, within_s: float = 20.0) -> int:
        """Wait for its end and return its exit code (minus the signal's number when a signal ended it).

        Raises:
            AssertionError: it still runs after ``within_s``.
        """
        try:
            return self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {within_s} s:\n{tail(self.log_file)}") from None

    def terminate(self, within_s: float = 20.0) -> int:
        """Ask it to end (SIGTERM) and return its exit code; ``AssertionError`` when it does not."""
        self._child.terminate()
        return self.wait(within_s)

    def kill(self) -> None:
        """``kill -9`` of it and of all that it has started."""
        kill_tree(self._child)

    def suspend(self) -> None:
        """Freeze it (SIGSTOP); returns when it is stopped."""
        freeze(self._child)

    def resume(self) -> None:
        """Let it continue after ``suspend``."""
        self._child.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        """Start it again with the same arguments; it must have ended."""
        if self.running:
            raise RuntimeError(f"{self.name} still runs")
        self._child = self._start()

    def wait_ready(self, url: str, within_s: float = 20.0) -> None:
        """Wait until ``url`` (``/readyz``, ``/metrics``) answers 200.

        Raises:
            AssertionError: it ended, or does not answer in time; with the end of its log.
        """
        poll_until(lambda: self._answers(url), within_s, what=f"{self.name} answers at {url}")

    def _answers(self, url: str) -> bool:
        if not self.running:
            raise AssertionError(f"{self.name} ended with {self._child.returncode}:\n{tail(self.log_file)}")
        return answers(url)

    def _start(self) -> "subprocess.Popen[bytes] | ForkedChild":
        if self.fork_server is not None and self._arguments[0].startswith(FORKED):
            return self.fork_server.start(self._arguments, self._env, self.log_file)
        command = [sys.executable, "-m", *self._arguments]
        return start_child(self._run, command, env=self._env, folder=PROJECT, log=self.log_file)


class ProcessGroup:
    """The programs of one test. ``end`` ends all that are left, in the reverse order of their start."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.folder = run.part("processes")
        self.programs: list[Program] = []

    def start(
        self,
        name: str,
        arguments: Sequence[str] | str,
        *,
        env: Mapping[str, str] | None = None,
        ready_url: str | None = None,
        within_s: float = 20.0,
    ) -> Program:
        """Start ``python -m <arguments>`` in the project's folder.

        Args:
            name: names its log file; unique in the group.
            arguments: module and its arguments, as a list or as one line (``services.registration relay``).
            env: its whole environment, but for path, language and time zone.
            ready_url: waited for until it answers 200; None does not wait.
            within_s: how long to wait for it, seconds.

        Raises:
            AssertionError: it is not ready in time; with the end of its log.
        """
        words = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
        environment = {"HOME": str(self.folder), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        log = self.folder / f"{name}.log"
        if log.exists():
            raise ValueError(f"a program named {name} was started before")
        program = Program(self._run, name, words, environment, log)
        self.programs.append(program)
        if ready_url is not None:
            program.wait_ready(ready_url, within_s)
        return program

    def log_text(self) -> str:
        """What all programs have written, to be searched for what must not be there."""
        return "".join(program.log_text() for program in self.programs)

    def end(self, within_s: float = 5.0) -> None:
        """SIGTERM to all that still run, SIGKILL to what is left after ``within_s`` seconds."""
        running = [program for program in reversed(self.programs) if program.running]
        for program in running:
            os.kill(program.pid, signal.SIGCONT)
            os.kill(program.pid, signal.SIGTERM)
        for program in running:
            try:
                program.wait(within_s)
            except AssertionError:
                program.kill()


def answers(url: str) -> bool:
    """Whether ``url`` answers 200 at once."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
