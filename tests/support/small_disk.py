"""A disk that is soon full: memory of a limited size in a separate mount namespace.

A process keeps the namespace and ends with the tests, and the disk with it: nothing has to be unmounted after a crash.
Root may do that; others may where the kernel lets users have namespaces.
"""

import errno
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.children import kill_tree, start_child, tail
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

FILLER = "filler"
CHUNK = b"\0" * 65_536


class SmallDisk:
    """Mounted at ``place`` for programs that are started with ``words`` before their command."""

    def __init__(self, run: RunFolder, place: Path, size_bytes: int) -> None:
        log = run.part("disk") / "output.log"
        script = f"mount -t tmpfs -o size={size_bytes} disk {place} && echo mounted && exec sleep infinity"
        self._holder = start_child(
            run,
            ["unshare", *_own_user(), "--mount", "sh", "-c", script],
            env={},
            folder=Path("/"),
            log=log,
            death_signal=signal.SIGKILL,
        )
        poll_until(lambda: "mounted" in tail(log) or self._holder.poll() is not None, 10.0, what="the small disk")
        if self._holder.poll() is not None:
            raise RuntimeError(f"no disk of a limited size can be made here: {tail(log)}")
        self.folder = Path(f"/proc/{self._holder.pid}/root") / place.relative_to("/")

    @property
    def words(self) -> Sequence[str]:
        """Go before a command that is to see the disk."""
        user = ["--user", "--preserve-credentials"] if _own_user() else []
        return ["nsenter", f"--target={self._holder.pid}", *user, "--mount", "--"]

    def copy_in(self, source: Path) -> None:
        """Put all of the folder ``source`` on the disk, with its owners and rights."""
        subprocess.run(["cp", "-a", f"{source}/.", str(self.folder)], check=True, timeout=60)

    def fill(self) -> int:
        """Take all room that is left; returns how much that was, bytes."""
        taken = 0
        with (self.folder / FILLER).open("wb", buffering=0) as filler:
            try:
                while True:
                    taken += filler.write(CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return taken

    def make_room(self) -> None:
        """Give back what ``fill`` took."""
        (self.folder / FILLER).unlink()

    def remove(self) -> None:
        """End the disk."""
        kill_tree(self._holder)


def _own_user() -> list[str]:
    """What gives a user who is not root the right to mount, in a separate namespace."""
    return [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
