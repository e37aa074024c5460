"""Coordinators' decisions about proposals, and what registration reports: the text, a withdrawal, an erasure.

Coordinators accept, return or decline it and, once it is accepted, change its text. The proposer is notified of
decisions only, by messages in which the note is sealed. Messages may arrive in any order and repeatedly: the result is
the same. Each takes the board's lock first, so that no one decides or publishes at the same time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.events.event.lifecycle import is_over
from services.events.event.store import read_event
from services.events.network.messages import message_of
from services.events.side_events.model import (
    DECIDABLE,
    NEXT,
    PLACEABLE,
    Proposal,
    ProposalStatus,
    ReceivedText,
    ReviewAction,
    adopt,
    become,
    changes_between,
    dismiss,
    fields_of,
    receive,
    suggested_changes,
)
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.store import (
    ReviewStep,
    early_withdrawal,
    insert_proposal,
    is_proposal_erased,
    lock_proposal,
    save_revision,
    store_early_withdrawal,
    store_proposal_tombstone,
    update_proposal,
)
from services.events.venue.store import lock_board, remove_from_board
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock, rfc3339
from shared.runtime.errors import DomainError

CHANGEABLE = frozenset(
    {"title", "summary", "working_group", "organisation", "attendance", "preferred_on", "unavailable_on"}
)


@dataclass(frozen=True, slots=True)
class SeenProposal:
    """Attributes:
    id: UUID text.
    revision: the revision that was read.
    by: who acts on it, for the record.
    """

    id: str
    revision: int
    by: str


@dataclass(frozen=True, slots=True)
class ProposalDecision:
    """Attributes:
    seen: what is decided on, and by whom.
    status: what the proposal is to be.
    note: the note to the group; may be empty.
    """

    seen: SeenProposal
    status: ProposalStatus
    note: str


def decide_proposal(work: UnitOfWork, clock: Clock, keys: ProposalKeys, decision: ProposalDecision) -> Proposal:
    """Change the proposal's status and notify the proposer, with the note.

    What can no longer be placed leaves the draft board; the published timetable stays until the next version.

    Raises:
        DomainError: ``not-found``; ``edit-conflict``, it has another revision by now, so that no text is accepted
            unread; ``proposal-transition``, its status does not lead there (a scheduled one is taken off
            the timetable first).
        RulesBroken: the note is too long.
        Unavailable: the database is down.
    """
    if decision.status not in DECIDABLE:
        raise DomainError("proposal-transition", f"coordinators do not decide that a proposal is {decision.status}")
    with work.transaction() as connection:
        lock_board(connection)
        old = _found(connection, decision.seen)
        new = become(old, decision.status, note=decision.note)
        at = clock()
        reviewed = ReviewStep(ReviewAction(str(new.status)), decision.seen.by, at, changes_between(old, new))
        save_revision(connection, new, reviewed)
        if new.status not in PLACEABLE:
            remove_from_board(connection, new.id)
        outbox.add(connection, [sealed_decision(keys, new, at)])
    return new


def sealed_decision(keys: ProposalKeys, proposal: Proposal, at: datetime) -> Message:
    """The message about a proposal's current status, with its note sealed."""
    return decision_message(proposal, keys.sealed_notes(proposal.note), at)


def change_proposal(work: UnitOfWork, clock: Clock, seen: SeenProposal, changes: Mapping[str, Any]) -> Proposal:
    """Apply ``changes`` by field, of ``CHANGEABLE``. No one is notified, and the status stays.

    Raises:
        DomainError: ``not-found``; ``edit-conflict``; ``proposal-not-accepted``, the text is its registration's.
        RulesBroken: with every rule that a change breaks.
        Unavailable: the database is down.
    """
    wanted = {name: value for name, value in changes.items() if name in CHANGEABLE}

    def changed(old: Proposal) -> Proposal:
        new = replace(old, **wanted)
        return old if new == old else replace(new, revision=old.revision + 1)

    return _edit(work, clock, seen, ReviewAction.CHANGED, changed)


def adopt_suggestion(work: UnitOfWork, clock: Clock, seen: SeenProposal) -> Proposal:
    """Apply the suggestion of the proposal's registration.

    Raises:
        DomainError: as :func:`change_proposal`; ``no-suggestion``.
        Unavailable: the database is down.
    """
    return _edit(work, clock, seen, ReviewAction.ADOPTED, adopt)


def dismiss_suggestion(work: UnitOfWork, clock: Clock, seen: SeenProposal) -> Proposal:
    """Dismiss the suggestion.

    Raises:
        DomainError: as :func:`adopt_suggestion`.
        Unavailable: the database is down.
    """
    return _edit(work, clock, seen, ReviewAction.DISMISSED, dismiss)


def _edit(
    work: UnitOfWork, clock: Clock, seen: SeenProposal, action: ReviewAction, edit: Callable[[Proposal], Proposal]
) -> Proposal:
    with work.transaction() as connection:
        lock_board(connection)
        old = _found(connection, seen)
        if old.status not in PLACEABLE:
            raise DomainError(
                "proposal-not-accepted",
                "what a proposal says is changed in its registration until it is accepted: return it with a note",
            )
        new = edit(old)
        if new != old:
            save_revision(connection, new, ReviewStep(action, seen.by, clock(), changes_between(old, new)))
    return new


def _found(connection: Connection, seen: SeenProposal) -> Proposal:
    """The proposal, locked.

    Raises:
        DomainError: ``not-found``, ``edit-conflict``.
    """
    proposal = lock_proposal(connection, seen.id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    if proposal.revision != seen.revision:
        raise DomainError("edit-conflict", "read it again and repeat your action")
    return proposal


@dataclass(frozen=True, slots=True)
class ReceivedProposal:
    """A proposal as its registration describes it.

    Attributes:
        id: UUID text.
        content: its text.
        person_ref: who proposed it, 64 hex digits.
        partner: slug of the partner through whose page it came.
        at: time of the text; aware.
    """

    id: str
    content: ReceivedText
    person_ref: str
    partner: str | None
    at: datetime


def receive_proposal(connection: Connection, received: ReceivedProposal) -> None:
    """Store a proposal's text unless an equal or newer one is known or it was erased. In the caller's transaction.

    Raises:
        RulesBroken: it is no proposal.
    """
    lock_board(connection)
    if is_proposal_erased(connection, received.id):
        return
    old = lock_proposal(connection, received.id)
    if old is None:
        _add(connection, received)
        return
    submitted_at = min(old.submitted_at, received.at)
    new = receive(old, received.content)
    if new is not old:
        new = replace(new, person_ref=received.person_ref, partner=received.partner)
    new = replace(new, submitted_at=submitted_at)
    if new.revision == old.revision:
        update_proposal(connection, new)
        return
    action = _action(old, new)
    changes = suggested_changes(new) if action is ReviewAction.SUGGESTED else changes_between(old, new)
    save_revision(connection, new, ReviewStep(action, "", received.at, changes))


def withdraw_proposal(connection: Connection, proposal_id: str, at: datetime) -> None:
    """Take a proposal off the board for good; the published timetable stays until its next version.

    A declined proposal stays declined. If the proposal is not known yet, the withdrawal is stored and applied later.
    """
    lock_board(connection)
    if is_proposal_erased(connection, proposal_id):
        return
    old = lock_proposal(connection, proposal_id)
    if old is None:
        store_early_withdrawal(connection, proposal_id, at)
    else:
        _withdraw(connection, old, at)


def erase_proposal(connection: Connection, proposal_id: str, at: datetime) -> None:
    """Make a tombstone of a proposal, known or not, whose registration was erased.

    Its text is gone, and its place on the board. What was published under a title stays published until
    the next version of the timetable leaves it out; what took place stays scheduled. Doing it again changes nothing.
    """
    outbox.blank(connection, proposal_id, at)
    lock_board(connection)
    if is_proposal_erased(connection, proposal_id):
        return
    old = lock_proposal(connection, proposal_id)
    status = ProposalStatus.WITHDRAWN if old is None else _end_of(connection, old, at)
    store_proposal_tombstone(connection, proposal_id, status, at)
    remove_from_board(connection, proposal_id)


def _add(connection: Connection, received: ReceivedProposal) -> None:
    withdrawn_at = early_withdrawal(connection, received.id)
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
    insert_proposal(connection, proposal)
    if withdrawn_at is not None:
        _withdraw(connection, proposal, withdrawn_at)


def _withdraw(connection: Connection, old: Proposal, at: datetime) -> None:
    if ProposalStatus.WITHDRAWN not in NEXT[old.status]:
        return
    new = become(old, ProposalStatus.WITHDRAWN)
    save_revision(connection, new, ReviewStep(ReviewAction.WITHDRAWN, "", at, changes_between(old, new)))
    remove_from_board(connection, old.id)


def _action(old: Proposal, new: Proposal) -> ReviewAction:
    if new.suggestion is not None:
        return ReviewAction.SUGGESTED
    return ReviewAction.CHANGED if new.status is old.status else ReviewAction.SUBMITTED


def _end_of(connection: Connection, old: Proposal, at: datetime) -> ProposalStatus:
    """The status of the tombstone: withdrawn, if the status allows it and the side event has not taken place."""
    took_place = old.event_id is not None and is_over(read_event(connection, old.event_id), at)
    if ProposalStatus.WITHDRAWN not in NEXT[old.status] or (took_place and old.status is ProposalStatus.SCHEDULED):
        return old.status
    return ProposalStatus.WITHDRAWN


DECISION_KEYS = {
    "accepted": "proposal.accepted.v1",
    "returned": "proposal.returned.v1",
    "declined": "proposal.declined.v1",
    "scheduled": "proposal.scheduled.v1",
}
"""The message type by the status that a proposal now has."""


def decision_message(proposal: Proposal, notes: Mapping[str, str], at: datetime) -> Message:
    """That ``proposal`` has the status it has, since ``at`` (aware).

    Args:
        proposal: accepted, returned, declined or scheduled.
        notes: its note in sealed boxes, ``note`` for registration and ``sealed`` for notifications.
        at: aware.
    """
    data = {
        "proposal_id": proposal.id,
        "revision": proposal.revision,
        "answers_revision": proposal.answers_revision,
        "status": str(proposal.status),
        "event": proposal.event_id,
        "occurred_at": rfc3339(at),
        **notes,
    }
    return message_of(DECISION_KEYS[proposal.status], proposal.id, at, data)
