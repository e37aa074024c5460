"""Addresses of which coordinators want no registration, by keyed hash: the address itself stands nowhere."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_BLOCK = text("""
    INSERT INTO blocked_address (id, person_ref, reason, blocked_at, blocked_by)
    VALUES (CAST(:id AS uuid), :person_ref, :reason, :now, :by) ON CONFLICT (person_ref) DO NOTHING
""")
_UNBLOCK = text("DELETE FROM blocked_address WHERE id = CAST(:id AS uuid)")
_LIST = text("""
    SELECT id::text, reason, blocked_at, blocked_by FROM blocked_address
    WHERE id > CAST(:after AS uuid) ORDER BY id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Blocked:
    """Attributes:
    id: by which it can be let in again.
    reason: why, in a coordinator's words.
    """

    id: str
    reason: str
    blocked_at: datetime
    blocked_by: str


def block(connection: Connection, entry: Blocked, person_ref: bytes) -> bool:
    """Store ``entry``; False if the address is blocked already, which is left as it is."""
    values = {"id": entry.id, "reason": entry.reason, "now": entry.blocked_at, "by": entry.blocked_by}
    return connection.execute(_BLOCK, {**values, "person_ref": person_ref}).rowcount == 1


def unblock(connection: Connection, identity: str) -> bool:
    """Delete the entry with this id (a UUID); False if there is none."""
    return connection.execute(_UNBLOCK, {"id": identity}).rowcount == 1


def list_blocked(connection: Connection, after: str, most: int) -> list[Blocked]:
    """Up to ``most`` entries in order of their making, after the one with the id ``after`` (a UUID)."""
    return [Blocked(*row) for row in connection.execute(_LIST, {"after": after, "most": most})]
