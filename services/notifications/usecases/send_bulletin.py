"""Sends or schedules what somebody has previewed: if the draft or its people are others by now, they look again.

A scheduled bulletin is counted again when it goes: its people are those of that moment. Whom it goes to is stored in
the transaction that sends it, so that nobody joins or leaves while it is under way.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.notifications.domain.bulletin import FURTHEST, MAX_LATE, SCHEDULED
from services.notifications.store.announcements import NewAnnouncement, add_announcement
from services.notifications.store.audience import freeze_audience
from services.notifications.store.bulletins import (
    Bulletin,
    lock_bulletin,
    lock_due,
    mark_sent,
    read_bulletin,
    schedule,
    sent_before,
    unschedule,
)
from services.notifications.usecases.write_bulletin import audience_of, found, mark_of, warnings_of
from shared.core.clock import Clock, rfc3339
from shared.core.context import correlation_id
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.access_holders import has_lost
from shared.store.checked_clock import CheckedClock
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

NEEDS_CONFIRMING = {
    "everybody": "it goes to everyone who gets bulletins: confirm that",
    "again": "the same text has been sent to the same people: sending it again has to be confirmed",
}


@dataclass(frozen=True, slots=True)
class Sending:
    """Attributes:
    who: sends it.
    bulletin_id: of a draft.
    expected: people that they have seen counted.
    mark: of the preview that they have read.
    confirmed: warnings of that preview that they have confirmed.
    at: when it is to go, aware; None for now.
    zone: IANA zone in which that time was chosen.
    """

    who: str
    bulletin_id: str
    expected: int
    mark: str
    confirmed: Collection[str] = ()
    at: datetime | None = None
    zone: str = "UTC"


def send_bulletin(work: UnitOfWork, clock: Clock, sending: Sending) -> Bulletin:
    """Put a bulletin on its way, once, or schedule that.

    Args:
        work: on the service's database.
        clock: of the project.
        sending: what, when, by whom, and what they have seen of it.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``scheduled``; ``time-not-usable``: not in the future, or too far;
            ``audience-changed``: it is for another number of people by now; ``nobody``: it is for none;
            ``preview-outdated``: its content, or who they are, has changed since; ``not-confirmed``: a warning of the
            preview was not confirmed.
        Unavailable: the database is away; nothing is sent.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), found(lock_bulletin(connection, sending.bulletin_id))
        people = _checked(connection, bulletin, sending)
        if sending.at is None:
            _send(connection, bulletin, people, sending.who, now)
        else:
            _schedule(connection, bulletin, people, sending, now)
        return found(read_bulletin(connection, bulletin.id))


def cancel_sending(work: UnitOfWork, clock: Clock, who: str, bulletin_id: str) -> Bulletin:
    """Make a scheduled bulletin a draft again.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``not-scheduled``.
        Unavailable: the database is away; it is still scheduled.
    """
    with work.transaction() as connection:
        bulletin = found(lock_bulletin(connection, bulletin_id))
        if bulletin.sent_at is not None:
            raise DomainError("already-sent", "it has begun to be sent: stop it instead")
        if bulletin.state != SCHEDULED:
            raise DomainError("not-scheduled", "this bulletin is not scheduled")
        unschedule(connection, bulletin_id)
        note_deed(connection, Deed(who, "bulletin-cancelled", "bulletin", bulletin_id, _number(bulletin)), clock())
        return found(read_bulletin(connection, bulletin_id))


def send_due(work: UnitOfWork, clock: CheckedClock) -> bool:
    """Send a scheduled bulletin whose time has come; returns whether there was one.

    One for nobody by now, or a day late, or of somebody who may no longer send, becomes a draft again. Nothing is sent
    by a clock that differs from the database's.

    Raises:
        Unavailable: the database is away; it is due still.
    """
    with work.transaction() as connection:
        bulletin = lock_due(connection, clock())
        if bulletin is None or bulletin.send_at is None or bulletin.ordered_by is None:
            return False
        now = clock.final_now("bulletins", connection)
        if now is None or now < bulletin.send_at:
            return False
        people = audience_of(connection, bulletin).people
        why = _why_not(connection, bulletin.ordered_by, people, now - bulletin.send_at, now)
        if not why:
            _send(connection, bulletin, people, bulletin.ordered_by, now)
            return True
        unschedule(connection, bulletin.id, why)
        detail = {**_number(bulletin), "reason": why}
        note_deed(connection, Deed(bulletin.ordered_by, "bulletin-not-sent", "bulletin", bulletin.id, detail), now)
    log.warning("a scheduled bulletin was not sent", extra={"bulletin": bulletin.number, "reason": why})
    return True


def _why_not(connection: Connection, who: str, people: int, late: timedelta, now: datetime) -> str:
    """Why a bulletin that is due does not go; empty if it does."""
    if has_lost(connection, who, "coordinator", now):
        return "access-ended"
    if late > MAX_LATE:
        return "late"
    return "" if people else "nobody"


def _checked(connection: Connection, bulletin: Bulletin, sending: Sending) -> int:
    """How many people it is for, if it may go as ``sending`` says."""
    if bulletin.sent_at is not None:
        raise DomainError("already-sent", "this bulletin has been sent")
    if bulletin.state == SCHEDULED:
        raise DomainError("scheduled", "this bulletin is scheduled: cancel that first")
    audience = audience_of(connection, bulletin)
    if audience.people != sending.expected:
        seen = f"it would go to {audience.people} people by now, not to {sending.expected}"
        raise DomainError("audience-changed", seen)
    if audience.people == 0:
        raise DomainError("nobody", "no one matches, so there is no one to send it to")
    if sending.mark != mark_of(bulletin, audience):
        raise DomainError("preview-outdated", "the draft or its people have changed since it was previewed")
    for warning in warnings_of(bulletin, sent_before(connection, bulletin.id)):
        if warning not in sending.confirmed:
            raise DomainError("not-confirmed", NEEDS_CONFIRMING[warning])
    return audience.people


def _send(connection: Connection, bulletin: Bulletin, people: int, who: str, now: datetime) -> None:
    mark_sent(connection, bulletin.id, people, who, now)
    freeze_audience(connection, bulletin.number, bulletin.segment)
    detail = {**_number(bulletin), "people": people}
    note_deed(connection, Deed(who, "bulletin-sent", "bulletin", bulletin.id, detail), now)
    new = NewAnnouncement(new_id(), "bulletin", None, bulletin.number, {}, now, now, correlation_id())
    add_announcement(connection, new)


def _schedule(connection: Connection, bulletin: Bulletin, people: int, sending: Sending, now: datetime) -> None:
    if sending.at is None or not now < sending.at <= now + FURTHEST:
        raise DomainError("time-not-usable", "choose a time in the future, at most a year ahead")
    schedule(connection, bulletin.id, sending.at, sending.zone, sending.who)
    detail = {**_number(bulletin), "people": people, "at": rfc3339(sending.at)}
    note_deed(connection, Deed(sending.who, "bulletin-scheduled", "bulletin", bulletin.id, detail), now)


def _number(bulletin: Bulletin) -> dict[str, int]:
    return {"number": bulletin.number}
