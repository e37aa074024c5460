"""One folder per test run, so that what a crashed run leaves behind can be found and ended.

A run's folder is named after the process that owns it and after that process' start: at no time is the owner unknown.
Every child has the folder in its environment and is recorded with its start time; ``sweep`` ends only processes that
show by one of the two that they belong to the folder.
"""

import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import psutil

from deploy.servers.starting import start_ticks
from shared.runtime.accounts import Account
from tests.support.shared_memory import remove_segment
from tests.support.waiting import poll_until

MEMORY, PLENTY_BYTES = Path("/dev/shm"), 10 * 2**30
RUN_VARIABLE = "TROIKA_TEST_RUN"
"""Environment variable of every child: the folder of the run that it belongs to."""


def runs_folder(base: Path | None = None) -> Path:
    """Where all runs of this user in this PID namespace keep their folders.

    Args:
        base: below which folder; by default that of `TMPDIR`.

    Raises:
        PermissionError: someone else owns it.
    """
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    folder = (base or Path(tempfile.gettempdir())) / f"troika-tests-{os.geteuid()}-{namespace}"
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user: remove it or set TMPDIR")
    return folder


def quick_base() -> Path | None:
    """Memory, where there is plenty and no other place is set; None for the usual place.

    Tests make thousands of databases of three hundred files each. A disk keeps writing what no one reads again, and
    ext4 without a journal checks every file deleted in the last minutes before it makes a new one (measured:
    160 ms in place of 16 for a database).
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return None
    facts = os.statvfs(MEMORY)
    room = min(facts.f_bavail * facts.f_frsize, psutil.virtual_memory().available)
    return None if facts.f_flag & os.ST_NOEXEC or room < PLENTY_BYTES else MEMORY


class RunFolder:
    """The folder of one run. ``create`` makes it, ``remove`` ends its processes and deletes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path | None = None) -> "RunFolder":
        """A new folder owned by this process, under ``parent`` (by default ``runs_folder()``)."""
        own = os.getpid()
        path = (parent or runs_folder()) / f"run-{own}-{start_ticks(own)}-{secrets.token_hex(4)}"
        path.mkdir(mode=0o711)
        return cls(path)

    def part(self, name: str, account: Account | None = None) -> Path:
        """A new folder in it for one server, private to ``account`` (None: the running user)."""
        folder = self.path / f"{name}-{secrets.token_hex(3)}"
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        return folder

    def record(self, pid: int) -> None:
        """Write child ``pid`` down, so that a later ``sweep`` can end it."""
        with (self.path / "children").open("a") as children:
            children.write(f"{pid} {start_ticks(pid)}\n")

    def owner_is_running(self) -> bool:
        """Whether the process that made this folder still runs."""
        _, pid, ticks, _ = self.path.name.split("-")
        return start_ticks(int(pid)) == int(ticks)

    def processes(self) -> list[psutil.Process]:
        """Every running process of this run: marked by its environment, or written down and at work in the folder."""
        recorded = self._recorded()
        return [
            process
            for process in psutil.process_iter()
            if process.pid != os.getpid() and (self._marked(process) or self._at_work(process, recorded))
        ]

    def remove(self) -> list[int]:
        """End every process of this run, delete the folder, and return the ids of what had to be ended."""
        ended = [process.pid for process in self.processes()]
        poll_until(self._end_all, 10.0, what=f"end of the processes of {self.path}")
        for pid_file in self.path.glob("*/data/postmaster.pid"):
            remove_segment(pid_file)
        shutil.rmtree(self.path, onerror=_unless_gone)
        return ended

    def _end_all(self) -> bool:
        left = self.processes()
        for process in left:
            _signal(process, signal.SIGKILL)
        return not left

    def _recorded(self) -> set[tuple[int, int]]:
        try:
            lines = (self.path / "children").read_text().splitlines()
        except FileNotFoundError:  # none was written down, or another run has just removed the folder
            lines = []
        return {(int(pid), int(ticks)) for pid, ticks in map(str.split, lines) if ticks != "None"}

    def _marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(RUN_VARIABLE) == str(self.path)
        except (psutil.Error, OSError):
            return False

    def _at_work(self, process: psutil.Process, recorded: set[tuple[int, int]]) -> bool:
        """PostgreSQL overwrites its environment: known by its start time and its command line or working folder."""
        if (process.pid, start_ticks(process.pid)) not in recorded:
            return False
        try:
            places = [*process.cmdline(), process.cwd()]
        except (psutil.Error, OSError):
            return False
        return any(str(self.path) in place for place in places)


def sweep(parent: Path | None = None) -> list[Path]:
    """Remove the folders, and end the processes, of runs whose owner is gone.

    Args:
        parent: where runs keep their folders; by default ``runs_folder()``.

    Returns:
        the folders that were removed.
    """
    leftovers = [RunFolder(path) for path in sorted((parent or runs_folder()).glob("run-*-*-*"))]
    dead = [run for run in leftovers if not run.owner_is_running()]
    for run in dead:
        run.remove()
    return [run.path for run in dead]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _unless_gone(_function: Any, _path: str, failure: Any) -> None:
    """Two runs may sweep the same dead one at once: what the other has deleted already is no fault."""
    if not isinstance(failure[1], FileNotFoundError):
        raise failure[1]
