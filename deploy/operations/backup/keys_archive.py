"""Encrypted archives of keys: XSalsa20-Poly1305 by PyNaCl, each kind under a separate key.

There are two kinds, in two places. One archive of both would keep a destroyed key of a form beside the master key that
unwraps it. Neither is stored in the repository of the databases, and that repository's passphrase opens neither.
"""

import io
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from shared.runtime.accounts import write_private
from shared.security.keys import new_key, read_keys


class ArchiveProblem(Exception):
    """The archive cannot be made or opened; the text has the reason."""


@dataclass(frozen=True, slots=True)
class ArchiveKind:
    """A kind of archive.

    Attributes:
        prefix: the prefix of the names of its files.
        magic: first bytes of an archive.
        about: a description in a few words.
        command: the command of ``troika backup`` that makes it.
        variable: setting that names the file with its key.
        key: the default of that file.
        kept: how many archives stay by default.
    """

    prefix: str
    magic: bytes
    about: str
    command: str
    variable: str
    key: str
    kept: int


SECRETS = ArchiveKind(
    prefix="troika-keys",
    magic=b"troika keys 2\n",
    about="an archive of settings and keys",
    command="keys",
    variable="TROIKA_KEYS_ARCHIVE_KEY",
    key="/etc/troika/keys-archive.key",
    kept=30,
)
FORMS = ArchiveKind(
    prefix="troika-form-keys",
    magic=b"troika form keys 1\n",
    about="an archive of the keys of forms",
    command="form-keys",
    variable="TROIKA_FORM_KEYS_ARCHIVE_KEY",
    key="/etc/troika/form-keys-archive.key",
    kept=7,
)
KINDS = (SECRETS, FORMS)


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


def kind_of(content: bytes) -> ArchiveKind:
    """The kind of an archive.

    Raises:
        ArchiveProblem: it is none.
    """
    for kind in KINDS:
        if content.startswith(kind.magic):
            return kind
    raise ArchiveProblem("this is no archive of keys of this version")


def pack_folders(sources: Mapping[str, Path], left_out: Collection[str]) -> bytes:
    """A compressed tar of folders.

    Args:
        sources: folders by their names in the archive.
        left_out: files and folders that do not go into it: names at any depth, or whole names in the archive.
    """

    def chosen(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if {entry.name, *entry.name.split("/")} & set(left_out) else _without_owner(entry)

    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as archive:
        for name, path in sources.items():
            archive.add(path, arcname=name, filter=chosen)
    return plain.getvalue()


def pack_contents(contents: Mapping[str, bytes]) -> bytes:
    """A compressed tar of contents by their names."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return plain.getvalue()


def encrypted(kind: ArchiveKind, plain: bytes, key: bytes) -> bytes:
    """The archive of a tar, under a key of 32 bytes."""
    return kind.magic + SecretBox(key).encrypt(plain)


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


def _opened(content: bytes, key: bytes) -> tarfile.TarFile:
    try:
        plain = SecretBox(key).decrypt(content.removeprefix(kind_of(content).magic))
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
