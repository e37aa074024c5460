"""The queue as others than its decider see it: the decider's public key, whether it is full, and how to pause it."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

_KEY = text("SELECT id, public FROM decider_key ORDER BY published_at DESC, id LIMIT 1")
_IS_FULL = text("SELECT intake_is_full(:max_bytes)")
_PAUSE = text("SELECT pg_advisory_xact_lock(:lock)")

DECIDER_LOCK = 7240018
"""Advisory lock of whoever decides, for one transaction."""


@dataclass(frozen=True, slots=True)
class DeciderPublicKey:
    """A key that only the decider can open: id of 8 bytes, X25519 public key of 32."""

    id: bytes
    public: bytes


def newest_decider_key(connection: Connection) -> DeciderPublicKey | None:
    """Return the key to seal to; None before a decider has published one."""
    row = connection.execute(_KEY).fetchone()
    return None if row is None else DeciderPublicKey(bytes(row[0]), bytes(row[1]))


def is_full(connection: Connection, max_bytes: int) -> bool:
    """Return whether the queue takes more than ``max_bytes`` of the disk, so that nothing more is accepted."""
    return bool(connection.execute(_IS_FULL, {"max_bytes": max_bytes}).scalar_one())


def pause_decider(connection: Connection) -> None:
    """Wait until no batch is being decided, and let none begin before this transaction ends.

    Comes before every other lock: a batch locks seats while it has this one.
    """
    connection.execute(_PAUSE, {"lock": DECIDER_LOCK})
