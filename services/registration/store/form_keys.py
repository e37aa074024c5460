"""A key for each form, for its sealed answers: wrapped by a master key, in a folder outside the database.

So a dump of the database opens nothing, and a form's sealed answers are gone, from every copy and backup, once its
key file is destroyed: every process looks at the file each time, so a running one forgets the key at once too. What
administrators do with the files is in ``key_folder.py``.
"""

from collections.abc import Sequence
from pathlib import Path

from services.registration.store.key_folder import KeyFolder, KeyGone
from shared.core.sealing import Unsealable, Vault

__all__ = ["FormKeys", "KeyGone"]

Stamp = tuple[int, int, int]
"""Of a key file: inode, moment of its last change (ns), size. Another file under the same name has another."""


class FormKeys:
    """The vaults of all forms; each is kept for as long as its key file is the same.

    Args:
        folder: of the wrapped keys.
        master_keys: 32 bytes each, newest first; they wrap, and never touch an answer.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self.folder = KeyFolder(folder, master_keys)
        self._open: dict[str, tuple[Stamp, Vault]] = {}

    def make(self, form: str) -> None:
        """Make the key of ``form``, unless it has one or had one that was destroyed; any number of processes may."""
        self.folder.make(form)

    def vault(self, form: str) -> Vault:
        """The vault of ``form``, by the key file as it is now.

        Raises:
            KeyGone: it has no key, or no longer, or none of the master keys opens it.
        """
        try:
            stamp = _stamp(self.folder.path(form))
            kept = self._open.get(form)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            vault = Vault(self.folder.read(form))
        except (FileNotFoundError, Unsealable):
            self._open.pop(form, None)
            raise KeyGone(form) from None
        self._open[form] = (stamp, vault)
        return vault


def _stamp(path: Path) -> Stamp:
    """Taken before the file is read: one that is replaced in between is read again the next time."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
