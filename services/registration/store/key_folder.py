"""The folder of wrapped form keys, and all that is done to its files: made, replaced, wrapped anew, destroyed.

A file ``<form>.key`` holds one key, or two while it is being replaced, newest first. ``<form>.destroyed`` says when a
key was destroyed, and stays: the form never gets another one, else whoever loads forms would undo it unseen.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.core.sealing import Unsealable, Vault, new_key

SUFFIX, DESTROYED, LOCK = ".key", ".destroyed", ".lock"


class KeyGone(Exception):
    """The form has no key that can be used: none was made, it was destroyed, or no master key opens it."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """Attributes:
    form: whose.
    keys: how many its file holds; two while it is being replaced, none if no master key opens the file.
    destroyed: when, as it was written; empty if it was not.
    """

    form: str
    keys: int
    destroyed: str


class KeyFolder:
    """Args:
    folder: of the files; it must be there.
    master_keys: newest first; the first wraps, all of them unwrap.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self._folder = folder
        self._wrapping = Vault(list(master_keys))

    def path(self, form: str) -> Path:
        """The file of ``form``."""
        return self._folder / (form + SUFFIX)

    def read(self, form: str) -> list[bytes]:
        """The keys of ``form``, newest first.

        Raises:
            FileNotFoundError: it has none.
            Unsealable: none of the master keys opens its file.
        """
        content = self._wrapping.open(self.path(form).read_bytes(), row=form)
        return [bytes.fromhex(key) for key in content["keys"]]

    def make(self, form: str) -> None:
        """A key for ``form``, on the disk when this returns; nothing if it has or had one."""
        with self._alone():
            if not self.path(form).exists() and not self._tombstone(form).exists():
                self._write(form, [new_key()])

    def begin_replacement(self, form: str) -> None:
        """A new key before the one there is; nothing if that has been done already.

        Raises:
            KeyGone: it has none.
        """
        with self._alone():
            keys = self._held(form)
            if len(keys) == 1:
                self._write(form, [new_key(), *keys])

    def end_replacement(self, form: str) -> None:
        """The newest key alone: what the other one sealed is gone.

        Raises:
            KeyGone: it has none.
        """
        with self._alone():
            self._write(form, self._held(form)[:1])

    def wrap_anew(self) -> int:
        """Every file by the newest master key; returns how many. Then the older ones may go.

        Raises:
            KeyGone: none of the master keys opens a file, whose form it names; those before it are done.
        """
        with self._alone():
            forms = sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob("*" + SUFFIX))
            for form in forms:
                self._write(form, self._held(form))
        return len(forms)

    def destroy(self, form: str, when: str) -> None:
        """No key of ``form`` any more, and never another.

        Raises:
            KeyGone: it has none.
        """
        with self._alone():
            path = self.path(form)
            if not path.exists():
                raise KeyGone(form)
            self._put(self._tombstone(form), when.encode())
            with path.open("r+b") as file:  # in place: no help where the disk writes elsewhere, and no harm
                file.write(os.urandom(path.stat().st_size))
                os.fsync(file.fileno())
            path.unlink()
            self._sync()

    def states(self) -> list[KeyState]:
        """Of every form that has or had a key, in order."""
        names = {path.stem for path in self._folder.iterdir() if path.suffix in (SUFFIX, DESTROYED)}
        return [self._state(form) for form in sorted(names)]

    def _state(self, form: str) -> KeyState:
        tombstone = self._tombstone(form)
        try:
            keys = len(self.read(form))
        except (FileNotFoundError, Unsealable):
            keys = 0
        return KeyState(form, keys, tombstone.read_text() if tombstone.exists() else "")

    def _held(self, form: str) -> list[bytes]:
        try:
            return self.read(form)
        except (FileNotFoundError, Unsealable):
            raise KeyGone(form) from None

    def _tombstone(self, form: str) -> Path:
        return self._folder / (form + DESTROYED)

    def _write(self, form: str, keys: Sequence[bytes]) -> None:
        self._put(self.path(form), self._wrapping.close({"keys": [key.hex() for key in keys]}, row=form))

    def _put(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and on the disk: a key that is lost takes with it what was sealed meanwhile."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            self._hand_over(file.fileno())
        temporary.replace(path)
        self._sync()

    def _hand_over(self, file: int) -> None:
        """Give what root writes to the folder's owner: the web process, which could not read it otherwise."""
        if os.geteuid() == 0:
            owner = self._folder.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Whoever else changes the folder waits; who dies lets go."""
        with (self._folder / LOCK).open("a") as lock:
            self._hand_over(lock.fileno())
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
