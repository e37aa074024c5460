"""A key for each form, for its sealed answers: wrapped by a master key, in a folder outside the database.

So a dump of the database opens nothing, and a form's sealed answers are gone, from every copy and backup, once its
key file is destroyed.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from shared.core.sealing import Vault, new_key

SUFFIX = ".key"


class FormKeys:
    """The vaults of all forms; each is opened once and kept.

    Args:
        folder: of the wrapped keys.
        master_keys: 32 bytes each, newest first; they wrap, and never touch an answer.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self._folder = folder
        self._wrapping = Vault(list(master_keys))
        self._open: dict[str, Vault] = {}

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
        """The vault of ``form``.

        Raises:
            FileNotFoundError: it has no key, or no longer.
            Unsealable: none of the master keys opens it.
        """
        if form not in self._open:
            wrapped = (self._folder / (form + SUFFIX)).read_bytes()
            key = bytes.fromhex(self._wrapping.open(wrapped, row=form)["key"])
            self._open[form] = Vault([key])
        return self._open[form]
