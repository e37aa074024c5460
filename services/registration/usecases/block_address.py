"""Block an address: whoever types it into a form is answered as ever, and nothing is stored and nothing goes out."""

from services.registration.people.references import References
from services.registration.store import blocked
from services.registration.store.blocked import Blocked
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


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
