"""Look at proposals and rooms."""

from services.events.domain.proposal import Proposal
from services.events.domain.room import Room
from services.events.store import proposals, rooms
from services.events.store.proposals import ProposalFilter
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


def list_proposals(work: UnitOfWork, wanted: ProposalFilter) -> list[Proposal]:
    """Proposals in order of arrival.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return proposals.select(connection, wanted)


def show_proposal(work: UnitOfWork, proposal_id: str) -> Proposal:
    """One proposal.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        proposal = proposals.find(connection, proposal_id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    return proposal


def list_rooms(work: UnitOfWork) -> list[Room]:
    """All rooms, with their hours.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return rooms.all_rooms(connection)
