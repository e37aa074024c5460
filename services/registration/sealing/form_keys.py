"""Private keys of forms, for the processes that open sealed answers: the coordinators' desk and the key commands.

Each use looks at the key file, so that a running process forgets a destroyed key at once and takes up a replaced one.
"""

from collections.abc import Sequence
from pathlib import Path

from services.registration.sealing.key_folder import KeyFolder, KeyGone
from shared.core.sealing import Unsealable

__all__ = ["FormKeys", "KeyGone"]

Stamp = tuple[int, int, int]
"""Of a key file: inode, time of its last change (ns), size. Another file under the same name has another stamp."""


class FormKeys:
    """The private keys of all forms; an unwrapped key is kept for as long as its file is the same.

    Args:
        folder: of the wrapped keys.
        master_keys: 32 bytes each, newest first; they wrap form keys and never touch an answer.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self.folder = KeyFolder(folder, master_keys)
        self._unwrapped: dict[str, tuple[Stamp, list[bytes]]] = {}

    def private_keys(self, form: str) -> list[bytes]:
        """Return the private keys of ``form``, newest first, by the key file as it is now.

        Raises:
            KeyGone: it has no key, or no longer, or none of the master keys unwraps it.
        """
        try:
            stamp = _stamp(self.folder.path(form))
            kept = self._unwrapped.get(form)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            keys = self.folder.read(form)
        except (FileNotFoundError, Unsealable):
            self._unwrapped.pop(form, None)
            raise KeyGone(form) from None
        self._unwrapped[form] = (stamp, keys)
        return keys


def _stamp(path: Path) -> Stamp:
    """Taken before the file is read: one that is replaced in between is read again the next time."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
