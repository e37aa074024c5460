"""The private keys of forms: the interface of their store, reading them, and copying one store into another.

A store is a folder (one host) or a database (several hosts). Both hold wrapped keys and tombstones, and never a key
that can be used without a master key.

The coordinators' desk and the key commands open sealed answers with these keys. Each use reads the store, so that a
running process on every host drops a destroyed key at once and uses a replaced one. While the store is down nothing is
opened.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.registration.sealing.encryption import public_half
from shared.runtime.errors import SettingsError
from shared.security.sealing import Unsealable, Vault

FINGERPRINT_BYTES = 16


class KeyGone(Exception):
    """The form has no key that can be used: none was made, it was destroyed, or no master key unwraps it."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the store holds for one form.

    Attributes:
        form: the slug of the form.
        keys: the number of private keys: two while the key is replaced, none if no master key unwraps them.
        destroyed: the time at which the key was destroyed, by the tombstone; empty if it was not.
    """

    form: str
    keys: int
    destroyed: str


class KeyWrapping:
    """Wraps the private keys of a form by a master key, bound to the form.

    Args:
        master_keys: the master keys, 32 bytes each, newest first; the first wraps, all of them unwrap. They never
            encrypt an answer.
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
    """Holds the wrapped private keys of forms.

    One, or two while it is replaced, newest first; or a permanent tombstone.

    A form whose key was destroyed never gets another one; otherwise loading the forms would undo the destruction
    unnoticed. Each change locks the keys that it changes. Each method may raise ``Unavailable`` while the store is
    away; the change may or may not have been made then.

    Attributes:
        variable: the setting that names the store, for operators.
        wrapping: the wrapping by the master keys of this process.
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
            form: the slug of the form.
            keys: what :meth:`begin_replacement` gave; nothing happens if the store holds others now.

        Raises:
            KeyGone: it has none.
        """
        ...

    def rewrap(self) -> int:
        """Wrap all keys with the newest master key, so that older ones can be deleted; returns the number of forms.

        Raises:
            KeyGone: none of the master keys unwraps the key of a form, which it names.
        """
        ...

    def destroy(self, form: str, when: str) -> None:
        """Write the tombstone and delete the form's key, if there is one; the form never gets another.

        Args:
            form: the slug of the form.
            when: the time for the tombstone, ISO 8601; a tombstone that exists keeps its own.
        """
        ...

    def states(self) -> list[KeyState]:
        """Return the state of every form that has or had a key, by slug."""
        ...


def fingerprint(private_key: bytes) -> str:
    """Return 32 hex digits of the key's public half; registration's database computes the same of the public key."""
    return hashlib.sha256(public_half(private_key)).digest()[:FINGERPRINT_BYTES].hex()


class FormKeys:
    """The private keys of all forms; an unwrapped key is kept for as long as its wrapped form is the same.

    Args:
        store: the store of the wrapped keys.
    """

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self._unwrapped: dict[str, tuple[bytes, list[bytes]]] = {}

    def private_keys(self, form: str) -> list[bytes]:
        """Return the private keys of ``form``, newest first, as the store holds them now.

        Raises:
            KeyGone: it has no key (any longer), or none of the master keys unwraps it.
            Unavailable: the store is down.
        """
        try:
            wrapped = self.store.wrapped(form)
            kept = self._unwrapped.get(form)
            if kept is not None and kept[0] == wrapped:
                return kept[1]
            keys = self.store.wrapping.unwrap(form, wrapped)
        except KeyGone:
            self._unwrapped.pop(form, None)
            raise
        self._unwrapped[form] = (wrapped, keys)
        return keys

    def has(self, form: str) -> bool:
        """Return whether the store holds a key of the form, even if no master key of this process unwraps it."""
        try:
            self.store.wrapped(form)
        except KeyGone:
            return False
        return True


@dataclass(slots=True)
class Copied:
    """How many keys and tombstones were copied, and how many the target had already."""

    keys: int = 0
    tombstones: int = 0
    same: int = 0


def copy_keys(source: KeyStore, target: KeyStore) -> Copied:
    """Copy every key and every tombstone of ``source``, as wrapped; ``source`` is not changed.

    Raises:
        SettingsError: a form has another key in ``target``, or was destroyed in only one of the two, or no master key
            unwraps its key; it lists all of them, and nothing was copied.
    """
    there = {state.form: state for state in target.states()}
    states = source.states()
    if faults := [fault for state in states if (fault := _difference(source, target, state, there.get(state.form)))]:
        raise SettingsError(faults)
    done = Copied()
    for state in states:
        if state.form in there:
            done.same += 1
        elif state.destroyed:
            target.destroy(state.form, state.destroyed)
            done.tombstones += 1
        elif target.put(state.form, source.wrapped(state.form)):
            done.keys += 1
        else:
            raise SettingsError(
                [f"form key {state.form}: another process has made or destroyed it: run the command again"]
            )
    return done


def _difference(source: KeyStore, target: KeyStore, state: KeyState, other: KeyState | None) -> str:
    """Why the key of a form cannot be copied; empty if it can, or if the target has it already."""
    form = state.form
    if not state.destroyed and not state.keys:
        return f"form key {form}: no master key unwraps it"
    if other is None:
        return ""
    if bool(state.destroyed) != bool(other.destroyed):
        where = source.variable if state.destroyed else target.variable
        return f"form key {form}: it was destroyed in {where} alone: run keys destroy with the other one"
    if state.destroyed:
        return ""
    try:
        is_same = FormKeys(source).private_keys(form) == FormKeys(target).private_keys(form)
    except KeyGone:
        return f"form key {form}: no master key unwraps the one in {target.variable}"
    return "" if is_same else f"form key {form}: {target.variable} holds another key than {source.variable}"
