"""Private keys of forms, for the processes that open sealed answers: the coordinators' desk and the key commands.

Each use reads the store, so that a running process on every host drops a destroyed key at once and uses a replaced
one. While the store is away nothing is opened.
"""

from services.registration.sealing.key_store import KeyGone, KeyStore

__all__ = ["FormKeys", "KeyGone"]


class FormKeys:
    """The private keys of all forms; an unwrapped key is kept for as long as its wrapped form is the same.

    Args:
        store: of the wrapped keys.
    """

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self._unwrapped: dict[str, tuple[bytes, list[bytes]]] = {}

    def private_keys(self, form: str) -> list[bytes]:
        """Return the private keys of ``form``, newest first, as the store holds them now.

        Raises:
            KeyGone: it has no key (any more), or none of the master keys unwraps it.
            Unavailable: the store is away.
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
