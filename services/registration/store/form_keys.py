"""A key for each form, for its sealed answers: wrapped by a master key, in a folder outside the database.

So a dump of the database opens nothing, and a form's sealed answers are gone, from every copy and backup, once its
key file is destroyed: every process looks at the file each time, so a running one forgets the key at once too.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from shared.core.sealing import Unsealable, Vault, new_key

SUFFIX = ".key"

Stamp = tuple[int, int, int]
"""Of a key file: inode, moment of its last change (ns), size. Another file under the same name has another."""


class KeyGone(Exception):
    """The form has no key that can be used: none was made, it was destroyed, or no master key opens it."""


class FormKeys:
    """The vaults of all forms; each is kept for as long as its key file is the same.

    Args:
        folder: of the wrapped keys.
        master_keys: 32 bytes each, newest first; they wrap, and never touch an answer.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self._folder = folder
        self._wrapping = Vault(list(master_keys))
        self._open: dict[str, tuple[Stamp, Vault]] = {}

    def make(self, form: str) -> None:
        """Make the key of ``form`` if it has none; safe to call from several processes at once."""
        path = self._folder / (form + SUFFIX)
        wrapped = self._wrapping.close({"key": new_key().hex()}, row=form)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(wrapped)
        temporary.chmod(0o600)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        finally:
            temporary.unlink()

    def vault(self, form: str) -> Vault:
        """The vault of ``form``, by the key file as it is now.

        Raises:
            KeyGone: it has no key, or no longer, or none of the master keys opens it.
        """
        path = self._folder / (form + SUFFIX)
        try:
            stamp = _stamp(path)
            kept = self._open.get(form)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            vault = Vault([bytes.fromhex(self._wrapping.open(path.read_bytes(), row=form)["key"])])
        except (FileNotFoundError, Unsealable):
            self._open.pop(form, None)
            raise KeyGone(form) from None
        self._open[form] = (stamp, vault)
        return vault


def _stamp(path: Path) -> Stamp:
    """Taken before the file is read: one that is replaced in between is read again the next time."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
