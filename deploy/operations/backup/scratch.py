"""The folder of a drill, with a full copy of the data: it never outlives its drill for longer than until the next one.

A drill locks its folder for as long as it runs, and the kernel ends the lock with the process. A folder without a lock
is left over from a drill that was killed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.operations.backup.postgres import ServerProblem, stop_leftover_server
from shared.runtime.accounts import Account, acting_as, acting_in, give

PREFIX, DATA = "troika-drill-", "data"


@contextmanager
def scratch_folder(above: Path, account: Account | None) -> Iterator[Path]:
    """A new folder in ``above`` that belongs to ``account``, deleted at the end; deletes leftover ones first.

    Raises:
        ServerProblem: a folder could not be deleted.
    """
    with _locked(above):  # two drills that start together
        for old in sorted(above.glob(f"{PREFIX}*")):
            _remove_leftover(old, account)
        with acting_in(above, account):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
            give(folder, account)
        lock = _lock(folder)
    try:
        yield folder
    finally:
        _remove(folder, account)
        os.close(lock)


def _remove_leftover(folder: Path, account: Account | None) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    try:
        lock = _lock(folder, fcntl.LOCK_NB)
    except BlockingIOError:
        return  # its drill runs
    try:
        _remove(folder, account)
    finally:
        os.close(lock)


def _remove(folder: Path, account: Account | None) -> None:
    """Delete a folder with the rights of the account that filled it, and the empty folder as its parent's owner."""
    stop_leftover_server(folder / DATA, account)
    with acting_as(account):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ServerProblem(f"{folder} could not be deleted, and may hold a copy of the data: {error}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _lock(folder, follow=os.O_DIRECTORY)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, how: int = 0, follow: int = os.O_DIRECTORY | os.O_NOFOLLOW) -> int:
    """Lock a folder against other drills; the lock ends when the descriptor is closed.

    Raises:
        BlockingIOError: another process has it, and ``how`` is LOCK_NB.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | follow)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
