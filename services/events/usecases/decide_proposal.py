"""What coordinators do with a proposal: accept, return or decline it, and, once it is theirs, change what it says.

Whoever proposed it is told of decisions alone, by messages in which the note is sealed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.events.domain.proposal import DECIDABLE, PLACEABLE, Proposal, ProposalStatus, adopt, become, dismiss
from services.events.domain.proposal_history import ReviewAction, changes_between
from services.events.outgoing import decision_message
from services.events.store import proposals, schedule_board
from services.events.store.proposals import Reviewed
from services.events.usecases.proposal_keys import ProposalKeys
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

CHANGEABLE = frozenset(
    {"title", "summary", "working_group", "organisation", "attendance", "preferred_on", "unavailable_on"}
)


@dataclass(frozen=True, slots=True)
class SeenProposal:
    """Attributes:
    id: UUID text.
    revision: that was read.
    by: who acts on it, for the record.
    """

    id: str
    revision: int
    by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Attributes:
    seen: what is decided on, and by whom.
    status: what the proposal is to be.
    note: to the group; may be empty.
    """

    seen: SeenProposal
    status: ProposalStatus
    note: str


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
    if decision.status not in DECIDABLE:
        raise DomainError("proposal-transition", f"coordinators do not decide that a proposal is {decision.status}")
    with work.transaction() as connection:
        schedule_board.lock(connection)
        old = _found(connection, decision.seen)
        new = become(old, decision.status, note=decision.note)
        at = clock()
        reviewed = Reviewed(ReviewAction(str(new.status)), decision.seen.by, at, changes_between(old, new))
        proposals.save(connection, new, reviewed)
        if new.status not in PLACEABLE:
            schedule_board.take_off(connection, new.id)
        outbox.add(connection, [sealed_decision(keys, new, at)])
    return new


def sealed_decision(keys: ProposalKeys, proposal: Proposal, at: datetime) -> Message:
    """The message that a proposal has the status that it has, with its note sealed."""
    return decision_message(proposal, keys.sealed_notes(proposal.note), at)


def change_proposal(work: UnitOfWork, clock: Clock, seen: SeenProposal, changes: Mapping[str, Any]) -> Proposal:
    """The proposal with ``changes`` by field, of ``CHANGEABLE``. Nobody is told, its status stays.

    Raises:
        DomainError: ``not-found``; ``changed-meanwhile``; ``proposal-not-accepted``, the text is its registration's.
        RulesBroken: with every rule that a change breaks.
        Unavailable: the database is away.
    """
    wanted = {name: value for name, value in changes.items() if name in CHANGEABLE}

    def changed(old: Proposal) -> Proposal:
        new = replace(old, **wanted)
        return old if new == old else replace(new, revision=old.revision + 1)

    return _edit(work, clock, seen, ReviewAction.CHANGED, changed)


def adopt_suggestion(work: UnitOfWork, clock: Clock, seen: SeenProposal) -> Proposal:
    """The proposal with what its registration suggests.

    Raises:
        DomainError: as :func:`change_proposal`; ``no-suggestion``.
        Unavailable: the database is away.
    """
    return _edit(work, clock, seen, ReviewAction.ADOPTED, adopt)


def dismiss_suggestion(work: UnitOfWork, clock: Clock, seen: SeenProposal) -> Proposal:
    """The proposal as it is, without the suggestion.

    Raises:
        DomainError: as :func:`adopt_suggestion`.
        Unavailable: the database is away.
    """
    return _edit(work, clock, seen, ReviewAction.DISMISSED, dismiss)


def _edit(
    work: UnitOfWork, clock: Clock, seen: SeenProposal, action: ReviewAction, do: Callable[[Proposal], Proposal]
) -> Proposal:
    with work.transaction() as connection:
        schedule_board.lock(connection)
        old = _found(connection, seen)
        if old.status not in PLACEABLE:
            raise DomainError(
                "proposal-not-accepted",
                "what a proposal says is changed in its registration until it is accepted: return it with a note",
            )
        new = do(old)
        if new != old:
            proposals.save(connection, new, Reviewed(action, seen.by, clock(), changes_between(old, new)))
    return new


def _found(connection: Connection, seen: SeenProposal) -> Proposal:
    """The proposal, locked.

    Raises:
        DomainError: ``not-found``, ``changed-meanwhile``.
    """
    proposal = proposals.find_for_change(connection, seen.id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    if proposal.revision != seen.revision:
        raise DomainError("changed-meanwhile", "read it again and repeat what you did")
    return proposal
