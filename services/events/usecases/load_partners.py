"""Store the partners of a folder; others stay as they are."""

from collections.abc import Sequence

from services.events.domain.partner import Partner
from services.events.store import partners
from shared.store.unit_of_work import UnitOfWork


def load_partners(work: UnitOfWork, loaded: Sequence[Partner]) -> None:
    """Store all of ``loaded``, or nothing.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        for partner in loaded:
            partners.save(connection, partner)
