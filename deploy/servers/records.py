"""Which processes run, by pid and start time, so that a pid that another process has got since is never signalled."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from deploy.servers.starting import is_process, start_ticks

SUPERVISOR = "supervisor"


class Records:
    """The file of processes in an installation's folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes.json"

    def write(self, pids: Mapping[str, int]) -> None:
        """Write down this process as the supervisor, and ``pids`` by name; the file is replaced at once."""
        rows = {name: [pid, start_ticks(pid)] for name, pid in {**pids, SUPERVISOR: os.getpid()}.items()}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(rows, indent=2) + "\n")
        new.replace(self._file)

    def running(self) -> dict[str, int]:
        """Pid by name of those that still run as the same process."""
        if not self._file.exists():
            return {}
        rows: dict[str, tuple[int, int | None]] = json.loads(self._file.read_text())
        return {name: pid for name, (pid, ticks) in rows.items() if is_process(pid, ticks)}
