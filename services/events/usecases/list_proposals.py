"""Look at proposals and rooms."""

from collections.abc import Collection

from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.domain.proposal_changes import Revision
from services.events.domain.room import Room
from services.events.store import proposal_changes, proposals, rooms
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


def show_history(work: UnitOfWork, proposal_id: str) -> list[Revision]:
    """Every revision of a proposal, from the first on.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = proposal_changes.history(connection, proposal_id)
    if not found or found[-1].status is ProposalStatus.UNVERIFIED:
        raise DomainError("not-found", "there is no such proposal")
    return found


def list_sent_again(work: UnitOfWork, proposal_ids: Collection[str]) -> dict[str, Revision]:
    """When each of these was last sent again by its own link, and what that changed.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return proposal_changes.sent_again(connection, proposal_ids)


def list_rooms(work: UnitOfWork) -> list[Room]:
    """All rooms, with their hours.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return rooms.all_rooms(connection)
