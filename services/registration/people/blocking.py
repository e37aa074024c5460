"""Addresses of which coordinators want no registration, by keyed hash: the address itself stands nowhere."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.people import blocking as blocked
from services.registration.people.references import References
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

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


def block_address(
    work: UnitOfWork, clock: Clock, references: References, address: str, reason: str, *, by: str
) -> None:
    """Take no registration of ``address`` from now on. Those that it has stay as they are.

    Args:
        address: checked, as the forms check theirs.
        reason: why; it is shown to coordinators, so no name and no address belongs into it.
        by: name of the coordinator's key.

    Blocking it again changes nothing, and is answered the same.
    """
    entry = Blocked(new_id(), reason, clock(), by)
    with work.transaction() as connection:
        if blocked.block(connection, entry, references.address(address).ref):
            note_deed(connection, Deed(by, "address-blocked", "blocked-address", entry.id), entry.blocked_at)


def unblock_address(work: UnitOfWork, clock: Clock, identity: str, *, by: str) -> None:
    """Take registrations of the address again whose entry has this id (a UUID).

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        if not blocked.unblock(connection, identity):
            raise DomainError("not-found")
        note_deed(connection, Deed(by, "address-let-in", "blocked-address", identity), clock())


def blocked_addresses(work: UnitOfWork, after: str, most: int) -> list[Blocked]:
    """Up to ``most`` entries after the one called ``after``, oldest first."""
    with work.transaction() as connection:
        return blocked.list_blocked(connection, after, most)
