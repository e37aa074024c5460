"""The wrapped keys of forms as a backup or a drill reads them: from their folder, or from the keys database."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.operations.backup.keys_archive import ArchiveProblem
from services.registration.sealing.key_database import VARIABLE as KEYS_DATABASE
from services.registration.sealing.key_folder import DESTROYED, SUFFIX
from shared.cli.settings import OPERATOR
from shared.runtime.settings import conninfo

IN_ARCHIVE = "form-keys"
"""Name of the folder in an archive."""

DEFAULT_FOLDER = Path("/var/lib/troika/form-keys")

MAX_BYTES = 4096
"""Of a wrapped key (two keys need 300) or a tombstone: a longer value is neither."""

MAX_FORMS = 100_000

_WRAPPED = """
    SELECT form, coalesce(octet_length(wrapped), 0), substring(wrapped FOR %s), destroyed_at
    FROM form_private_key ORDER BY form LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class FormKeyPlace:
    """Where the wrapped keys of forms are.

    Attributes:
        folder: the folder of the files; not used where there is a database.
        url: the address of the keys database; empty for the folder.
    """

    folder: Path
    url: str = ""


def place_of(folder: Path | None, settings: Path) -> FormKeyPlace:
    """The place of an installation: the folder that was named, else the keys database of the settings, else a folder.

    Args:
        folder: the folder that an option or the environment names; None if neither names one.
        settings: folder of the settings of all processes.
    """
    if folder is not None:
        return FormKeyPlace(folder)
    return FormKeyPlace(DEFAULT_FOLDER, keys_database(settings))


def keys_database(settings: Path) -> str:
    """URL of the keys database: in the environment, else as operators' commands have it; empty without one."""
    file = settings / "tools" / OPERATOR / KEYS_DATABASE
    return os.environ.get(KEYS_DATABASE) or (file.read_text().strip() if file.exists() else "")


def read_form_keys(place: FormKeyPlace) -> dict[str, bytes]:
    """Wrapped keys and tombstones, by the names that their files have in an archive.

    Raises:
        ArchiveProblem: the folder is missing, or something is no wrapped key.
        psycopg.Error: the keys database does not answer.
    """
    found = _of_database(place.url) if place.url else _of_folder(place.folder)
    return {f"{IN_ARCHIVE}/{name}": content for name, content in found.items()}


def lost_forms(before: list[str], now: list[str]) -> list[str]:
    """Forms that had a key in an earlier archive, and have neither a key nor a tombstone now."""
    had = {Path(name).stem for name in before if name.endswith(SUFFIX)}
    return sorted(had - {Path(name).stem for name in now})


def _of_folder(folder: Path) -> dict[str, bytes]:
    """Read keys first: a key that is destroyed in the meantime gets its tombstone before it is deleted."""
    if not folder.is_dir():
        raise ArchiveProblem(f"{folder} is missing, and {KEYS_DATABASE} is not set: there are no keys of forms")
    found = {}
    for suffix in (SUFFIX, DESTROYED):
        for path in sorted(folder.glob(f"*{suffix}")):
            if not path.name.startswith(".") and (content := _content(path)) is not None:
                found[path.name] = content
    return found


def _content(path: Path) -> bytes | None:
    """Content of a file; None if it is a link or was deleted in the meantime: another account owns the folder."""
    if path.is_symlink():
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        content = os.read(descriptor, MAX_BYTES + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
    return _checked(path.name, content, len(content))


def _of_database(url: str) -> dict[str, bytes]:
    found = {}
    with psycopg.connect(conninfo(url), connect_timeout=10) as connection:
        rows = connection.execute(_WRAPPED, [MAX_BYTES, MAX_FORMS + 1]).fetchall()
    if len(rows) > MAX_FORMS:
        raise ArchiveProblem(f"the keys database has more than {MAX_FORMS} rows: it is not that of forms")
    for form, size_bytes, wrapped, destroyed_at in rows:
        if wrapped is not None:
            found[f"{form}{SUFFIX}"] = _checked(f"{form}{SUFFIX}", bytes(wrapped), size_bytes)
        if destroyed_at is not None:
            tombstone = destroyed_at.isoformat(timespec="seconds").encode()
            found[f"{form}{DESTROYED}"] = _checked(f"{form}{DESTROYED}", tombstone, len(tombstone))
    return found


def _checked(name: str, content: bytes, size_bytes: int) -> bytes:
    """The content, if it can be a key: a name with a slash would leave the folder into which it is unpacked.

    Raises:
        ArchiveProblem: it cannot.
    """
    if "/" in name or name.startswith("."):
        raise ArchiveProblem(f"{name!r} is no name of a form")
    if not 0 < size_bytes <= MAX_BYTES:
        raise ArchiveProblem(f"{name} is empty or longer than {MAX_BYTES} bytes: it is no wrapped key and no tombstone")
    return content
