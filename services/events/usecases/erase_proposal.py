"""Erase: whoever proposed a side event is forgotten, with everything that they wrote.

A place on the board is given up. What was published under a title stays published until the next version of the
timetable leaves it out, as when a proposal is withdrawn: it is the programme's by then. What took place stays counted
as scheduled, and no later version takes it back.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.erasing import BY_LINK as ERASED_BY_LINK
from services.events.domain.erasing import KEPT_LONG_ENOUGH, REASONS
from services.events.domain.lifecycle import is_over
from services.events.domain.proposal import NEXT, Proposal, ProposalStatus, become, next_revision
from services.events.domain.proposal_retention import kept_until
from services.events.outgoing_proposals import erased_message
from services.events.store import events, proposals, schedule_board
from services.events.store.proposal_changes import BY_LINK, blank_changes, note_change
from services.events.store.proposal_retention import last_day_of
from services.events.usecases.own_proposal import opened_by
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


def erase_own_proposal(work: UnitOfWork, clock: Clock, token: str) -> None:
    """Erase the proposal that ``token`` opens; the link opens nothing any more.

    Raises:
        DomainError: ``not-found`` if the token opens nothing (any more).
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        _erase(connection, clock, opened_by(connection, clock, token).id, ERASED_BY_LINK, BY_LINK)


def erase_proposal(work: UnitOfWork, clock: Clock, proposal_id: str, reason: str, by: str) -> None:
    """Erase a proposal for whoever made it; doing it again changes nothing.

    Args:
        work: on the service's database.
        clock: of the project.
        proposal_id: UUID text.
        reason: one of ``REASONS``.
        by: name of the coordinator's key.

    Raises:
        DomainError: ``not-found``: there is none, and no tombstone.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if proposals.erased_at(connection, proposal_id) is None:
            _erase(connection, clock, proposal_id, REASONS[reason], by)
            deed = Deed(by, "person-erased", "proposal", proposal_id, {"reason": reason})
            note_deed(connection, deed, clock())


def erase_kept(work: UnitOfWork, now: datetime, proposal_id: str) -> bool:
    """Erase a proposal whose time is over at ``now``.

    Returns:
        whether it was: somebody else may have been faster, or have changed the proposal since it was found.

    Raises:
        Unavailable: the database is away.
    """
    try:
        with work.transaction() as connection:
            old = _locked(connection, proposal_id, now)
            ends_at = kept_until(old.status, last_day_of(connection, proposal_id))
            if ends_at is None or ends_at >= now:
                raise DomainError("changed-meanwhile", "its time is not over any more")
            blank_out(connection, old, now, KEPT_LONG_ENOUGH, "")
            schedule_board.take_off(connection, proposal_id)
    except DomainError as error:
        if error.code not in ("not-found", "changed-meanwhile"):
            raise
        return False
    return True


def _erase(connection: Connection, clock: Clock, proposal_id: str, reason: str, by: str) -> None:
    old = _locked(connection, proposal_id, clock())
    blank_out(connection, old, clock(), reason, by)
    schedule_board.take_off(connection, proposal_id)


def _locked(connection: Connection, proposal_id: str, now: datetime) -> Proposal:
    """The messages first: a relay that has them in hand may take its time, and the board should not wait for it."""
    outbox.blank(connection, proposal_id, now)
    schedule_board.lock(connection)
    old = proposals.find_for_change(connection, proposal_id)
    if old is None:
        raise DomainError("not-found", "there is no such proposal")
    return old


def blank_out(connection: Connection, old: Proposal, at: datetime, reason: str, by: str) -> None:
    """Make a tombstone of ``old``, which is locked, and tell everybody.

    Args:
        connection: of the transaction.
        old: as it is.
        at: aware.
        reason: in the words of the history.
        by: a coordinator, ``by link``, or nobody.
    """
    new = _ended(old, took_place=old.event_id is not None and is_over(events.find(connection, old.event_id), at))
    proposals.store_erased(connection, new, at)
    blank_changes(connection, old.id)
    note_change(connection, replace(new, note=reason), by, at)
    outbox.blank(connection, old.id, at)
    outbox.add(connection, [erased_message(new, at)])


def _ended(old: Proposal, *, took_place: bool) -> Proposal:
    """One revision on, without a note: withdrawn where that is still possible and its side event is still to come."""
    if ProposalStatus.WITHDRAWN in NEXT[old.status] and not (took_place and old.status is ProposalStatus.SCHEDULED):
        return become(old, ProposalStatus.WITHDRAWN, note="")
    return next_revision(old, note="")
