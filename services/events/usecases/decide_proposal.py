"""Decide on a proposal: accept, return, decline, or note that it was withdrawn."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.proposal import PLACEABLE, Proposal, ProposalStatus, become
from services.events.outgoing_proposals import PROPOSAL_KEYS, proposal_message
from services.events.store import proposals, schedule_board
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Decision:
    """Attributes:
    proposal_id: UUID text.
    seen: the revision that was read.
    status: what the proposal is to be.
    note: to the group; may be empty.
    by: who decides, for the record.
    """

    proposal_id: str
    seen: int
    status: ProposalStatus
    note: str
    by: str


def decide_proposal(work: UnitOfWork, clock: Clock, keys: ProposalKeys, decision: Decision) -> Proposal:
    """The proposal gets another status; whoever proposed it is told, with the note.

    What can no longer be placed leaves the draft board; the published timetable stays until the next version.

    Raises:
        DomainError: ``not-found``; ``changed-meanwhile``, it has another revision by now, so that nobody accepts what
            they have not read; ``proposal-transition``, its status does not lead there (a scheduled one is taken off
            the timetable first).
        RulesBroken: the note is too long.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        schedule_board.lock(connection)
        old = found_for_change(connection, decision.proposal_id)
        if old.revision != decision.seen:
            raise DomainError("changed-meanwhile", "read it again and repeat your decision")
        proposal = become(old, decision.status, note=decision.note)
        at = clock()
        proposals.save(connection, proposal, decision.by, at)
        if proposal.status not in PLACEABLE:
            schedule_board.take_off(connection, proposal.id)
        _tell(connection, keys, proposal, at)
    return proposal


def found_for_change(connection: Connection, proposal_id: str) -> Proposal:
    """The proposal, locked.

    Raises:
        DomainError: ``not-found``.
    """
    proposal = proposals.find_for_change(connection, proposal_id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    return proposal


def _tell(connection: Connection, keys: ProposalKeys, proposal: Proposal, at: datetime) -> None:
    if proposal.status in PROPOSAL_KEYS:
        box = keys.sealed(proposals.contact_of(connection, proposal.id), proposal)
        outbox.add(connection, [proposal_message(proposal, box, at)])
