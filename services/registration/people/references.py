"""Keyed hashes by which addresses, people and organisations are compared, and blocked addresses.

Only the keyed hash of a blocked address is stored, not the address.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.registration.people.model import AddressRefs
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.addresses import address_key, canonical_mailbox, mail_domain
from shared.public_forms.fields import folded
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import keyed_hash, new_id
from shared.security.audit_log import AuditRecord, add_audit_record


@dataclass(frozen=True, slots=True)
class References:
    """Makes references; ``key`` is 32 bytes and never leaves the service."""

    key: bytes = field(repr=False)

    def address(self, email: str) -> AddressRefs:
        """Return the keyed hashes by which an address is compared."""
        domain = mail_domain(email)
        return AddressRefs(
            ref=keyed_hash(self.key, "person", address_key(email)),
            mailbox=keyed_hash(self.key, "mailbox", canonical_mailbox(email)),
            domain=keyed_hash(self.key, "domain", domain) if domain else b"",
        )

    def person(self, email: str, name: str | None, title: str | None = None) -> bytes:
        """Return the keyed hash of one person at an address; what :func:`folded` ignores makes no difference.

        ``title`` is that of a proposal: it distinguishes several proposals of one person.
        """
        parts = [address_key(email), folded(name or ""), *([] if title is None else [folded(title)])]
        return keyed_hash(self.key, "person at address", "\0".join(parts))

    def organisation(self, name: str | None) -> str | None:
        """Return a stable id (UUID text) for an organisation's name, the same for equal folded names; None for none."""
        if not name:
            return None
        return str(UUID(bytes=keyed_hash(self.key, "organisation", folded(name))[:16], version=5))


_BLOCK = text("""
    INSERT INTO blocked_address (id, person_ref, reason, blocked_at, blocked_by)
    VALUES (CAST(:id AS uuid), :person_ref, :reason, :now, :by) ON CONFLICT (person_ref) DO NOTHING
""")
_UNBLOCK = text("DELETE FROM blocked_address WHERE id = CAST(:id AS uuid)")
_LIST = text("""
    SELECT id::text, reason, blocked_at, blocked_by FROM blocked_address
    WHERE id > CAST(:after AS uuid) ORDER BY id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Blocked:
    """An address of which coordinators want no registration.

    Attributes:
        id: the id by which the address can be unblocked.
        reason: the reason in a coordinator's words.
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


def list_blocked(connection: Connection, after: str, limit: int) -> list[Blocked]:
    """Up to ``limit`` entries in order of their making, after the one with the id ``after`` (a UUID)."""
    return [Blocked(*row) for row in connection.execute(_LIST, {"after": after, "limit": limit})]


def block_address(
    work: UnitOfWork, clock: Clock, references: References, address: str, reason: str, *, by: str
) -> None:
    """Take no registration of ``address`` from now on. Those that it has stay as they are.

    Args:
        address: the address, checked as forms check addresses.
        reason: why; it is shown to coordinators, so no name and no address belongs into it.
        by: the name of the coordinator's key.

    Blocking it again changes nothing, and is answered the same.
    """
    entry = Blocked(new_id(), reason, clock(), by)
    with work.transaction() as connection:
        if block(connection, entry, references.address(address).ref):
            add_audit_record(
                connection, AuditRecord(by, "address-blocked", "blocked-address", entry.id), entry.blocked_at
            )


def unblock_address(work: UnitOfWork, clock: Clock, identity: str, *, by: str) -> None:
    """Take registrations of the address again whose entry has this id (a UUID).

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        if not unblock(connection, identity):
            raise DomainError("not-found")
        add_audit_record(connection, AuditRecord(by, "address-let-in", "blocked-address", identity), clock())


def blocked_addresses(work: UnitOfWork, after: str, limit: int) -> list[Blocked]:
    """Up to ``limit`` entries after the one called ``after``, oldest first."""
    with work.transaction() as connection:
        return list_blocked(connection, after, limit)
