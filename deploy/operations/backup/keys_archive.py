"""One encrypted file with all keys of an installation: XSalsa20-Poly1305 by PyNaCl, under a passphrase key of its own.

It is never stored in the repository of the databases, and that repository's passphrase does not open it: a person
with both a backup and the keys can read sealed answers.
"""

import io
import os
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from shared.core.accounts import write_private
from shared.core.key_files import new_key, read_keys

MAGIC = b"troika keys 1\n"
SUFFIX = ".box"


class ArchiveProblem(Exception):
    """The archive cannot be made or opened; the text has the reason."""


def archive_key(file: Path, *, is_made: bool) -> bytes:
    """The key of the archive, in a file that its owner alone can read.

    Args:
        file: 64 hex digits.
        is_made: make one if there is none.

    Raises:
        ArchiveProblem: there is none, or the file holds something else.
    """
    if is_made and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, new_key().hex() + "\n", None)
    try:
        return read_keys(file)[0]
    except (OSError, ValueError) as error:
        raise ArchiveProblem(f"{file}: {error}") from error


def pack(sources: Mapping[str, Path], further: Mapping[str, bytes], key: bytes) -> bytes:
    """An archive of files and folders, encrypted.

    Args:
        sources: folders and files by their names in the archive.
        further: contents by their names in the archive.
        key: 32 bytes.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as archive:
        for name, path in sources.items():
            archive.add(path, arcname=name, filter=_without_owner)
        for name, content in further.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return MAGIC + SecretBox(key).encrypt(plain.getvalue())


def write_archive(folder: Path, content: bytes, now: datetime, kept: int) -> Path:
    """Write an archive into ``folder`` and fsync it; keep ``kept`` - 1 of the older ones.

    Returns:
        its path.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"troika-keys-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    unfinished = path.with_suffix(".unfinished")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    for old in sorted(folder.glob(f"troika-keys-*{SUFFIX}"))[:-kept]:
        old.unlink()
    return path


def names_in(content: bytes, key: bytes) -> list[str]:
    """Names of the files in an archive.

    Raises:
        ArchiveProblem: another key made it, or it is damaged.
    """
    with _opened(content, key) as archive:
        return [entry.name for entry in archive.getmembers() if entry.isfile()]


def unpack(content: bytes, key: bytes, into: Path) -> list[str]:
    """Write what an archive holds into the new or empty folder ``into``; returns the names of its files.

    Raises:
        ArchiveProblem: another key made it, it is damaged, or the folder is not empty.
    """
    if into.exists() and any(into.iterdir()):
        raise ArchiveProblem(f"{into} is not empty: name a new folder")
    with _opened(content, key) as archive:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        archive.extractall(into, filter="data")
    return names_in(content, key)


def apart_fault(folder: Path, repository: Path) -> str:
    """Why archives in ``folder`` are not apart from the repository of the databases; empty if they are."""
    here, there = folder.resolve(), repository.resolve()
    if here == there or there in here.parents or here in there.parents:
        return f"one of {folder} and the repository {repository} contains the other: a thief of one would have both"
    return ""


def _opened(content: bytes, key: bytes) -> tarfile.TarFile:
    try:
        plain = SecretBox(key).decrypt(content.removeprefix(MAGIC))
    except (CryptoError, ValueError) as error:
        raise ArchiveProblem("the archive does not open: it is damaged, or was made with another key") from error
    return tarfile.open(fileobj=io.BytesIO(plain), mode="r:gz")


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Accounts have other numbers on another machine; links and devices are no keys."""
    if not (entry.isfile() or entry.isdir()):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
