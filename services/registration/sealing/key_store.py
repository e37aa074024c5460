"""Interface of the store of private form keys: a folder (one host) or a database (several hosts).

Both hold wrapped keys and tombstones, and never a key that can be used without a master key.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.registration.sealing.encryption import public_half
from shared.core.sealing import Unsealable, Vault

FINGERPRINT_BYTES = 16


class KeyGone(Exception):
    """The form has no key that can be used: none was made, it was destroyed, or no master key unwraps it."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the store holds for one form.

    Attributes:
        form: slug.
        keys: number of private keys: two while the key is replaced, none if no master key unwraps them.
        destroyed: when the key was destroyed, by the tombstone; empty if it was not.
    """

    form: str
    keys: int
    destroyed: str


class KeyWrapping:
    """Wraps the private keys of a form by a master key, bound to the form.

    Args:
        master_keys: 32 bytes each, newest first; the first wraps, all of them unwrap. They never encrypt an answer.
    """

    def __init__(self, master_keys: Sequence[bytes]) -> None:
        self._vault = Vault(list(master_keys))

    def wrap(self, form: str, keys: Sequence[bytes]) -> bytes:
        """Return ``keys``, newest first, wrapped."""
        return self._vault.close({"keys": [key.hex() for key in keys]}, row=form)

    def unwrap(self, form: str, wrapped: bytes) -> list[bytes]:
        """Return the private keys, newest first.

        Raises:
            KeyGone: none of the master keys unwraps them, they are those of another form, or they are damaged.
        """
        try:
            content = self._vault.open(wrapped, row=form)
        except (Unsealable, ValueError):  # the value is too short to be a wrapped key
            raise KeyGone(form) from None
        return [bytes.fromhex(key) for key in content["keys"]]


class KeyStore(Protocol):
    """Holds the wrapped private keys of forms: one, or two while it is replaced, newest first; or a tombstone for ever.

    A form whose key was destroyed never gets another one; otherwise loading the forms would undo the destruction
    unnoticed. Each change locks the keys that it changes. Each method may raise ``Unavailable`` while the store is
    away; the change may or may not have been made then.

    Attributes:
        variable: the setting that names the store, for operators.
        wrapping: by the master keys of this process.
    """

    @property
    def variable(self) -> str: ...

    @property
    def wrapping(self) -> KeyWrapping: ...

    def problem(self) -> str:
        """Return why the store cannot be used (schema missing); empty if it can."""
        ...

    def wrapped(self, form: str) -> bytes:
        """Return the wrapped keys of ``form`` as the store holds them now.

        Raises:
            KeyGone: it has none.
        """
        ...

    def is_destroyed(self, form: str) -> bool:
        """Return whether the form's key was destroyed."""
        ...

    def make(self, form: str) -> None:
        """Make a private key for ``form``, durable when this returns; does nothing if it has or had one."""
        ...

    def put(self, form: str, wrapped: bytes) -> bool:
        """Store keys as wrapped by another store, unless the form has or had a key; returns whether they were stored.

        Raises:
            KeyGone: none of the master keys unwraps them.
        """
        ...

    def begin_replacement(self, form: str) -> list[bytes]:
        """Put a new key before the present one, unless an interrupted replacement has done so; returns both.

        Raises:
            KeyGone: it has none.
        """
        ...

    def end_replacement(self, form: str, keys: Sequence[bytes]) -> None:
        """Keep only the newest key: data sealed to the other one is lost.

        Args:
            form: slug.
            keys: what :meth:`begin_replacement` gave; nothing happens if the store holds others now.

        Raises:
            KeyGone: it has none.
        """
        ...

    def wrap_anew(self) -> int:
        """Wrap all keys with the newest master key, so that older ones can be deleted; returns the number of forms.

        Raises:
            KeyGone: none of the master keys unwraps the key of a form, which it names.
        """
        ...

    def destroy(self, form: str, when: str) -> None:
        """Write the tombstone and delete the form's key, if there is one; the form never gets another.

        Args:
            form: slug.
            when: ISO 8601, for the tombstone; one that exists keeps its own.
        """
        ...

    def states(self) -> list[KeyState]:
        """Return the state of every form that has or had a key, by slug."""
        ...


def fingerprint(private_key: bytes) -> str:
    """Return 32 hex digits of the key's public half; registration's database computes the same of the public key."""
    return hashlib.sha256(public_half(private_key)).digest()[:FINGERPRINT_BYTES].hex()
