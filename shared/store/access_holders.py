"""Who may work with the system: registration's own table, and the copy of it that each other service keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from shared.store.cleanup import HOURLY_S, Rule
from shared.store.deeds import AUDIT_LOG_KEPT

ACCESS_RULE = Rule(
    "access_holder",
    "t.revoked AND t.changed_at < :before",
    AUDIT_LOG_KEPT,
    "a revoked access opens nothing; the audit log of that time still says what its holder was allowed",
    every_s=HOURLY_S,
)

_BY_KEY = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE key_hashes @> ARRAY[CAST(:key_hash AS text)] AND NOT revoked
""")
_BY_ID = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_LOST = text("""
    SELECT bool_and(revoked OR coalesce(until <= :now, false) OR forms IS NOT NULL OR NOT roles @> ARRAY[:role])
    FROM access_holder WHERE name = :name
""")
_UPSERT = text("""
    INSERT INTO access_holder (id, name, roles, forms, partner, until, key_hashes, revoked, revision, changed_at)
    VALUES (CAST(:holder_id AS uuid), :name, :roles, :forms, :partner, :until, :key_hashes, :revoked, :revision,
        :occurred_at)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles, forms = excluded.forms,
        partner = excluded.partner, until = excluded.until, key_hashes = excluded.key_hashes,
        revoked = excluded.revoked, revision = excluded.revision, changed_at = excluded.changed_at
    WHERE access_holder.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Attributes:
    id: of the holder, a UUID.
    forms: that it is limited to; None: all.
    partner: whose numbers it shows, for the role ``partner``.
    until: from then on it opens nothing; None: no end.
    key_hashes: SHA-256 of each key, hexadecimal.
    revision: from 1.
    """

    id: str
    name: str
    roles: list[str]
    forms: list[str] | None
    partner: str | None
    until: datetime | None
    key_hashes: list[str]
    revision: int


def find_by_key(connection: Connection, key_hash: str) -> AccessRow | None:
    """Whose access the key with this hash is, unless it was revoked."""
    row = connection.execute(_BY_KEY, {"key_hash": key_hash}).one_or_none()
    return None if row is None else AccessRow(*row)


def find_by_id(connection: Connection, holder_id: str) -> AccessRow | None:
    """The access with this id (a UUID), unless it was revoked."""
    row = connection.execute(_BY_ID, {"id": holder_id}).one_or_none()
    return None if row is None else AccessRow(*row)


def has_lost(connection: Connection, name: str, role: str, now: datetime) -> bool:
    """Whether the access called ``name`` was ended or changed, so that it has no ``role`` on all forms any more.

    Of an entry of the access file nothing is known here: False.
    """
    return bool(connection.execute(_LOST, {"name": name, "role": role, "now": now}).scalar())


def upsert_access(connection: Connection, data: Mapping[str, Any]) -> None:
    """Store what a message says of an access, unless the same or a newer revision is known."""
    connection.execute(_UPSERT, dict(data))
