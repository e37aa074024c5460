"""Confirm the address of proposals that came without a proof of work: coordinators see them from then on."""

from services.events.domain.proposal import Proposal, ProposalStatus, become
from services.events.domain.proposal_retention import UNVERIFIED_FOR
from services.events.outgoing_proposals import proposal_message
from services.events.store import proposals
from services.events.store.locks import lock_proposer
from services.events.store.proposal_changes import BY_LINK
from services.events.usecases.own_proposal import found_by
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


def find_unverified(work: UnitOfWork, clock: Clock, token: str) -> Proposal | None:
    """The proposal that ``token`` is of, if its address is to be confirmed first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = found_by(connection, clock, token)
    return found if found is not None and found.status is ProposalStatus.UNVERIFIED else None


def confirm_address(work: UnitOfWork, clock: Clock, keys: ProposalKeys, token: str) -> None:
    """Pass on everything that waits for the address to which ``token`` was mailed; doing it again changes nothing.

    Not that one proposal alone: an address is asked once a day, and whoever asks first may be a stranger who writes
    it into the form so that its owner is not asked.

    Raises:
        DomainError: ``not-found`` if the token opens nothing (any more).
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = found_by(connection, clock, token)
        if found is None:
            raise DomainError("not-found", "this link opens nothing")
        lock_proposer(connection, found.person_ref)
        at = clock()
        for waiting in proposals.lock_unverified(connection, found.person_ref, at - UNVERIFIED_FOR):
            confirmed = become(waiting, ProposalStatus.SUBMITTED)
            proposals.save(connection, confirmed, BY_LINK, at)
            box = keys.sealed(proposals.contact_of(connection, waiting.id), confirmed)
            outbox.add(connection, [proposal_message(confirmed, box, at)])
