"""Archives of keys as files of one folder: written whole or not at all, and only the newest of them kept.

A file that is there is never written over.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from deploy.operations.backup.keys_archive import ArchiveKind, ArchiveProblem

SUFFIX, UNFINISHED, LOCK = ".box", ".unfinished", ".lock"


def archives(folder: Path, kind: ArchiveKind) -> list[Path]:
    """The archives of a kind in ``folder``, oldest first."""
    return sorted(folder.glob(f"{kind.prefix}-*{SUFFIX}"))


def store_archive(folder: Path, kind: ArchiveKind, content: bytes, now: datetime, kept: int) -> Path:
    """Write an archive into ``folder`` and fsync both; then delete the oldest, so that ``kept`` remain.

    Returns:
        its path.

    Raises:
        ArchiveProblem: another run writes there, or the archive was not stored as it is. No old archive is deleted.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        for interrupted in folder.glob(f"{kind.prefix}-*{UNFINISHED}"):
            interrupted.unlink()
        path = folder / f"{kind.prefix}-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        if path.exists():
            raise ArchiveProblem(f"{path} is there already: nothing is written over")
        _write(path, content)
        for old in archives(folder, kind)[:-kept]:
            old.unlink()
        _sync(folder)
    return path


def apart_fault(folder: Path, repository: Path) -> str:
    """Why archives in ``folder`` are not apart from the repository of the databases; empty if they are."""
    here, there = folder.resolve(), repository.resolve()
    if here == there or there in here.parents or here in there.parents:
        return f"one of {folder} and the repository {repository} contains the other: a thief of one would have both"
    return ""


def mixed_fault(folder: Path, other: ArchiveKind) -> str:
    """Why ``folder`` is no separate place from the archives of another kind; empty if it is."""
    here = folder.resolve()
    pattern = f"{other.prefix}-*{SUFFIX}"
    found = next((file for above in here.parents for file in above.glob(pattern)), None)
    found = found or next(here.rglob(pattern), None)
    return f"{found} is {other.about}: name another place, a thief of one would have both" if found else ""


def _write(path: Path, content: bytes) -> None:
    """Write a file under another name, read it again, and rename it."""
    unfinished = path.with_suffix(UNFINISHED)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC  # O_EXCL follows no link
    try:
        with open(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if unfinished.read_bytes() != content:
            raise ArchiveProblem(f"{unfinished} does not hold what was written: the disk is damaged")
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder against another run; the lock is a file, since NFS locks no folders."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(folder / LOCK, flags, 0o600), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveProblem(f"another run writes into {folder}") from None
        yield
