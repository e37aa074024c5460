"""Table of passkeys, and of challenges that were used."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

MAX_PASSKEYS = 10

_ADD = text("""
    INSERT INTO passkey (credential_id, holder_id, name, public_key, sign_count, created_at)
    VALUES (:credential_id, CAST(:holder_id AS uuid), :name, :public_key, :sign_count, :now)
    ON CONFLICT DO NOTHING
""")
_FIND = text("""
    SELECT credential_id, holder_id::text, public_key, sign_count FROM passkey
    WHERE credential_id = :credential_id FOR UPDATE
""")
_USED = text("UPDATE passkey SET sign_count = :count, last_used_at = :now WHERE credential_id = :credential_id")
_LIST = text("""
    SELECT encode(credential_id, 'hex'), name, created_at, last_used_at FROM passkey
    WHERE holder_id = CAST(:holder_id AS uuid) ORDER BY created_at, credential_id
""")
_REMOVE = text("""
    DELETE FROM passkey WHERE holder_id = CAST(:holder_id AS uuid)
        AND (CAST(:credential_id AS bytea) IS NULL OR credential_id = :credential_id)
""")
_USE_CHALLENGE = text("""
    INSERT INTO used_passkey_challenge (challenge, used_at) VALUES (:challenge, :now) ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that a browser has just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """A stored passkey, with the id of its holder (a UUID)."""

    credential_id: bytes
    holder_id: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class ListedPasskey:
    """A passkey as its owner sees it; ``id`` is its credential id, hexadecimal."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def add_passkey(connection: Connection, holder_id: str, name: str, passkey: NewPasskey, now: datetime) -> bool:
    """Store a passkey; False if it is somebody's already."""
    values = {"holder_id": holder_id, "name": name, "now": now}
    values |= {"credential_id": passkey.credential_id, "public_key": passkey.public_key}
    return connection.execute(_ADD, {**values, "sign_count": passkey.sign_count}).rowcount == 1


def lock_passkey(connection: Connection, credential_id: bytes) -> KnownPasskey | None:
    """The stored passkey; its row stays locked, so that of two uses at once each sees the other's count."""
    row = connection.execute(_FIND, {"credential_id": credential_id}).one_or_none()
    return None if row is None else KnownPasskey(*row)


def note_use(connection: Connection, credential_id: bytes, sign_count: int, now: datetime) -> None:
    """Store the passkey's new count, and when it was used."""
    connection.execute(_USED, {"credential_id": credential_id, "count": sign_count, "now": now})


def list_passkeys(connection: Connection, holder_id: str) -> list[ListedPasskey]:
    """The passkeys of a holder, oldest first."""
    return [ListedPasskey(*row) for row in connection.execute(_LIST, {"holder_id": holder_id})]


def remove_passkeys(connection: Connection, holder_id: str, credential_id: bytes | None = None) -> int:
    """Delete one passkey of a holder, or all; returns how many there were."""
    return connection.execute(_REMOVE, {"holder_id": holder_id, "credential_id": credential_id}).rowcount


def use_challenge(connection: Connection, challenge: bytes, now: datetime) -> bool:
    """Use a challenge up; False if it was used before."""
    return connection.execute(_USE_CHALLENGE, {"challenge": challenge, "now": now}).rowcount == 1
