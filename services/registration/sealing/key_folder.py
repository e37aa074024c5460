"""The folder of private form keys, wrapped by a master key, outside the database: made, replaced, wrapped, destroyed.

A file ``<form>.key`` holds one private key, or two while it is being replaced, newest first. ``<form>.destroyed`` is a
tombstone with the time at which the key was destroyed. It stays: the form never gets another key, since loading the
forms would otherwise silently undo the destruction.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.registration.sealing.key_store import KeyGone, KeyState, KeyWrapping
from shared.security.sealing import new_key

SUFFIX, DESTROYED, LOCK = ".key", ".destroyed", ".lock"
VARIABLE = "TROIKA_FORM_KEYS"


class KeyFolder:
    """The store of an installation whose desk runs on one host; each change locks the folder against all others.

    Args:
        folder: the folder of the files; it must exist.
        master_keys: the master keys, newest first; the first wraps, all of them unwrap.
    """

    def __init__(self, folder: Path, master_keys: Sequence[bytes]) -> None:
        self._folder = folder
        self.wrapping = KeyWrapping(master_keys)
        self.variable = VARIABLE

    def path(self, form: str) -> Path:
        """Return the path of the form's file."""
        return self._folder / (form + SUFFIX)

    def problem(self) -> str:
        """Return why the store cannot be used; empty, since the settings have checked that the folder exists."""
        return ""

    def wrapped(self, form: str) -> bytes:
        """Return the content of the form's file.

        Raises:
            KeyGone: it has none.
        """
        try:
            return self.path(form).read_bytes()
        except FileNotFoundError:
            raise KeyGone(form) from None

    def is_destroyed(self, form: str) -> bool:
        """Return whether the form's key was destroyed."""
        return self._tombstone(form).exists()

    def make(self, form: str) -> None:
        """Make a private key for ``form``, on the disk when this returns; nothing if it has or had one."""
        with self._locked():
            if self._is_new(form):
                self._write(form, [new_key()])

    def put(self, form: str, wrapped: bytes) -> bool:
        """Store keys as wrapped by another store, unless the form has or had a key; returns whether they were stored.

        Raises:
            KeyGone: none of the master keys unwraps them.
        """
        self.wrapping.unwrap(form, wrapped)
        with self._locked():
            if is_new := self._is_new(form):
                self._put(self.path(form), wrapped)
        return is_new

    def begin_replacement(self, form: str) -> list[bytes]:
        """Put a new key before the present one, unless an interrupted replacement has done so; returns both.

        Raises:
            KeyGone: it has none.
        """
        with self._locked():
            keys = self._keys(form)
            if len(keys) == 1:
                keys = [new_key(), *keys]
                self._write(form, keys)
            return keys

    def end_replacement(self, form: str, keys: Sequence[bytes]) -> None:
        """Keep only the newest key: data sealed to the other one is lost.

        Args:
            form: the slug of the form.
            keys: what :meth:`begin_replacement` gave; nothing happens if the file holds others now.

        Raises:
            KeyGone: it has none.
        """
        with self._locked():
            if self._keys(form) == list(keys):
                self._write(form, keys[:1])

    def rewrap(self) -> int:
        """Wrap every file with the newest master key, so that the older ones can be removed; returns how many files.

        Raises:
            KeyGone: none of the master keys unwraps a file, whose form it names; those before it are done.
        """
        with self._locked():
            forms = sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob("*" + SUFFIX))
            for form in forms:
                self._write(form, self._keys(form))
        return len(forms)

    def destroy(self, form: str, when: str) -> None:
        """Write the tombstone and delete the form's key, if there is one; the form never gets another.

        Args:
            form: the slug of the form.
            when: the time for the tombstone, as text; a tombstone that exists keeps its own.
        """
        with self._locked():
            path = self.path(form)
            if not self.is_destroyed(form):
                self._put(self._tombstone(form), when.encode())
            if path.exists():
                with path.open("r+b") as file:  # overwritten too; useless if the disk writes elsewhere
                    file.write(os.urandom(path.stat().st_size))
                    os.fsync(file.fileno())
                path.unlink()
                self._sync()

    def states(self) -> list[KeyState]:
        """Return the state of every form that has or had a key, by slug."""
        names = {path.stem for path in self._folder.iterdir() if path.suffix in (SUFFIX, DESTROYED)}
        return [self._state(form) for form in sorted(names)]

    def _state(self, form: str) -> KeyState:
        try:
            keys = len(self._keys(form))
        except KeyGone:
            keys = 0
        return KeyState(form, keys, self._tombstone(form).read_text() if self.is_destroyed(form) else "")

    def _keys(self, form: str) -> list[bytes]:
        return self.wrapping.unwrap(form, self.wrapped(form))

    def _is_new(self, form: str) -> bool:
        return not self.path(form).exists() and not self.is_destroyed(form)

    def _tombstone(self, form: str) -> Path:
        return self._folder / (form + DESTROYED)

    def _write(self, form: str, keys: Sequence[bytes]) -> None:
        self._put(self.path(form), self.wrapping.wrap(form, keys))

    def _put(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all, and to the disk: losing a key loses everything sealed to it."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            self._give_to_owner(file.fileno())
        temporary.replace(path)
        self._sync()

    def _give_to_owner(self, file: int) -> None:
        """Give a file that root writes to the owner of the folder: the process that reads it runs as that user."""
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
    def _locked(self) -> Iterator[None]:
        """Lock the folder against changes by other processes; the lock ends with the process."""
        with (self._folder / LOCK).open("a") as lock:
            self._give_to_owner(lock.fileno())
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
