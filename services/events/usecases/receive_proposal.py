"""Take over what registration tells of proposals: what they say, that one was withdrawn, that somebody was erased.

In whatever order the messages come, and however often, the end is the same. Each takes the board's lock first: nobody
decides or publishes meanwhile, and of two messages on different queues one sees what the other has done.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.lifecycle import is_over
from services.events.domain.proposal import NEXT, Proposal, ProposalStatus, ReceivedText, become, fields_of, receive
from services.events.domain.proposal_history import ReviewAction, changes_between, suggested_changes
from services.events.store import events, proposals, schedule_board
from services.events.store.proposals import Reviewed
from shared.store import outbox


@dataclass(frozen=True, slots=True)
class ReceivedProposal:
    """A proposal as its registration describes it.

    Attributes:
        id: UUID text.
        content: what it says.
        person_ref: who proposed it, 64 hex digits.
        partner: slug of the partner through whose page it came.
        at: since when it says that; aware.
    """

    id: str
    content: ReceivedText
    person_ref: str
    partner: str | None
    at: datetime


def receive_proposal(connection: Connection, received: ReceivedProposal) -> None:
    """Take over what a proposal says, unless something as new is known or it was erased. In the caller's transaction.

    Raises:
        RulesBroken: it is no proposal.
    """
    schedule_board.lock(connection)
    if proposals.is_erased(connection, received.id):
        return
    old = proposals.find_for_change(connection, received.id)
    if old is None:
        _add(connection, received)
        return
    submitted_at = min(old.submitted_at, received.at)
    new = receive(old, received.content)
    if new is not old:
        new = replace(new, person_ref=received.person_ref, partner=received.partner)
    new = replace(new, submitted_at=submitted_at)
    if new.revision == old.revision:
        proposals.store(connection, new)
        return
    action = _action(old, new)
    changes = suggested_changes(new) if action is ReviewAction.SUGGESTED else changes_between(old, new)
    proposals.save(connection, new, Reviewed(action, "", received.at, changes))


def withdraw_proposal(connection: Connection, proposal_id: str, at: datetime) -> None:
    """Take a proposal off the board for good; the published timetable stays until its next version.

    One that was declined stays so, and of one that is not known yet it is stored for when it comes.
    """
    schedule_board.lock(connection)
    if proposals.is_erased(connection, proposal_id):
        return
    old = proposals.find_for_change(connection, proposal_id)
    if old is None:
        proposals.store_early_withdrawal(connection, proposal_id, at)
    else:
        _withdraw(connection, old, at)


def erase_proposal(connection: Connection, proposal_id: str, at: datetime) -> None:
    """Make a tombstone of a proposal, known or not, whose registration has nobody on it any more.

    Everything that it said is gone, and its place on the board. What was published under a title stays published until
    the next version of the timetable leaves it out; what took place stays scheduled. Doing it again changes nothing.
    """
    outbox.blank(connection, proposal_id, at)
    schedule_board.lock(connection)
    if proposals.is_erased(connection, proposal_id):
        return
    old = proposals.find_for_change(connection, proposal_id)
    status = ProposalStatus.WITHDRAWN if old is None else _end_of(connection, old, at)
    proposals.store_erased(connection, proposal_id, status, at)
    schedule_board.take_off(connection, proposal_id)


def _add(connection: Connection, received: ReceivedProposal) -> None:
    withdrawn_at = proposals.early_withdrawal(connection, received.id)
    proposal = Proposal(
        id=received.id,
        person_ref=received.person_ref,
        submitted_at=received.at,
        partner=received.partner,
        speaker_names=received.content.speaker_names,
        answers=received.content.text,
        answers_revision=received.content.revision,
        **fields_of(received.content.text),
    )
    proposals.add(connection, proposal)
    if withdrawn_at is not None:
        _withdraw(connection, proposal, withdrawn_at)


def _withdraw(connection: Connection, old: Proposal, at: datetime) -> None:
    if ProposalStatus.WITHDRAWN not in NEXT[old.status]:
        return
    new = become(old, ProposalStatus.WITHDRAWN)
    proposals.save(connection, new, Reviewed(ReviewAction.WITHDRAWN, "", at, changes_between(old, new)))
    schedule_board.take_off(connection, old.id)


def _action(old: Proposal, new: Proposal) -> ReviewAction:
    if new.suggestion is not None:
        return ReviewAction.SUGGESTED
    return ReviewAction.CHANGED if new.status is old.status else ReviewAction.SUBMITTED


def _end_of(connection: Connection, old: Proposal, at: datetime) -> ProposalStatus:
    """Withdrawn where that is still possible and the side event is still to come."""
    took_place = old.event_id is not None and is_over(events.find(connection, old.event_id), at)
    if ProposalStatus.WITHDRAWN not in NEXT[old.status] or (took_place and old.status is ProposalStatus.SCHEDULED):
        return old.status
    return ProposalStatus.WITHDRAWN
