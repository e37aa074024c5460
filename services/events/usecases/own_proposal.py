"""What whoever proposed a side event may do by their link: look at it, and withdraw it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from services.events.domain.proposal import Proposal, ProposalStatus, become
from services.events.domain.proposal_retention import kept_until
from services.events.domain.schedule_diff import Entry
from services.events.store import proposals, schedule_board, schedule_versions
from services.events.store.proposal_changes import BY_LINK
from services.events.store.proposal_retention import last_day_of
from services.events.usecases.decide_proposal import found_for_change
from services.events.usecases.proposal_answers import answers_of
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.links import PROPOSAL, sent_hash
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class OwnProposal:
    """A proposal, and its place in the timetable in force while it is scheduled."""

    proposal: Proposal
    entry: Entry | None


def show_own_proposal(work: UnitOfWork, clock: Clock, token: str) -> OwnProposal:
    """The proposal that ``token`` opens.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        proposal = opened_by(connection, clock, token)
        scheduled = proposal.status is ProposalStatus.SCHEDULED
        version = schedule_versions.newest(connection) if scheduled else None
    entries = version.entries if version else ()
    return OwnProposal(proposal, next((entry for entry in entries if entry.proposal_id == proposal.id), None))


def withdraw_own_proposal(work: UnitOfWork, clock: Clock, token: str) -> None:
    """Withdraw the proposal that ``token`` opens; doing it again changes nothing.

    It leaves the draft board; the published timetable stays until the next version. What the coordinators said is kept.

    Raises:
        DomainError: ``not-found`` if the token opens nothing; ``proposal-transition``, it was declined.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = opened_by(connection, clock, token)
        schedule_board.lock(connection)
        old = found_for_change(connection, found.id)
        if old.status is ProposalStatus.WITHDRAWN:
            return
        proposals.save(connection, become(old, ProposalStatus.WITHDRAWN), BY_LINK, clock())
        schedule_board.take_off(connection, old.id)


def own_answers(work: UnitOfWork, clock: Clock, keys: ProposalKeys, token: str) -> tuple[Proposal, dict[str, Any]]:
    """The proposal that ``token`` opens, and the answers that it was made from.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        proposal = opened_by(connection, clock, token)
        contact = keys.opened(proposals.contact_of(connection, proposal.id), proposal.id)
    return proposal, answers_of(proposal, contact)


def opened_by(connection: Connection, clock: Clock, token: str) -> Proposal:
    """The proposal that ``token`` opens now.

    Raises:
        DomainError: ``not-found`` if it opens nothing, or nothing any more, or only after the address is confirmed.
    """
    proposal = found_by(connection, clock, token)
    if proposal is None or proposal.status is ProposalStatus.UNVERIFIED:
        raise DomainError("not-found", "this link opens nothing")
    return proposal


def found_by(connection: Connection, clock: Clock, token: str) -> Proposal | None:
    """The proposal that ``token`` is of, also before its address is confirmed; None if its time is over."""
    token_hash = sent_hash(token, PROPOSAL)
    proposal = proposals.find_by_token(connection, token_hash) if token_hash else None
    return None if proposal is None or _has_ended(connection, clock, proposal) else proposal


def _has_ended(connection: Connection, clock: Clock, proposal: Proposal) -> bool:
    ends_at = kept_until(proposal.status, last_day_of(connection, proposal.id))
    return ends_at is not None and ends_at <= clock()
