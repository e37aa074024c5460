"""Forget: proposals whose address nobody has confirmed in time are erased, and their contacts in all services."""

from datetime import datetime

from services.events.domain.erasing import NEVER_VERIFIED
from services.events.domain.proposal_retention import UNVERIFIED_FOR
from services.events.store import proposals
from services.events.usecases.erase_proposal import blank_out
from shared.store.unit_of_work import UnitOfWork

MOST_AT_ONCE = 200
NOBODY = ""
"""By whom: it ends by itself."""


def forget_unverified(work: UnitOfWork, now: datetime) -> None:
    """Erase up to ``MOST_AT_ONCE``; coordinators have never seen them.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        for proposal in proposals.lock_never_verified(connection, now - UNVERIFIED_FOR, MOST_AT_ONCE):
            blank_out(connection, proposal, now, NEVER_VERIFIED, NOBODY)
