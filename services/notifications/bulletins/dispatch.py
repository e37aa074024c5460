"""Use cases of sending: send, schedule, cancel, stop, outcome in numbers, and test copies to the author.

If the draft or its audience has changed since the preview, the order is refused. The recipients of a scheduled bulletin
are selected again when it is sent. Its audience is stored in the transaction that sends it, so that it does not change
afterwards.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.notifications.bulletins.drafts import (
    BulletinContext,
    audience_of,
    preview_mark,
    require_bulletin,
    warnings_of,
)
from services.notifications.bulletins.model import MAX_AHEAD, MAX_LATE, SCHEDULED, SENDING, STOPPED
from services.notifications.bulletins.store import (
    Bulletin,
    BulletinMail,
    BulletinTestCopy,
    add_test_copy,
    closed_address,
    count_mails_of,
    count_test,
    count_unsubscribed,
    count_without_mail,
    drop_recipients,
    lock_bulletin,
    lock_due_bulletin,
    mails_of,
    mark_sent,
    mark_stopped,
    read_bulletin,
    schedule,
    sent_before,
    unschedule,
)
from services.notifications.composing.mime import UnusableAddress, mailbox
from services.notifications.mails.model import STOPPED_REASON
from services.notifications.mails.store import cancel_bulletin
from services.notifications.recipients.audience import Announcement, add_announcement, store_audience
from services.notifications.telemetry import mails_total
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock, rfc3339
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.runtime.logs import correlation_id
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Unsealable
from shared.security.sessions import has_lost

log = logging.getLogger(__name__)

NEEDS_CONFIRMING = {
    "everybody": "this bulletin goes to everyone who gets bulletins: please confirm",
    "again": "the same text has been sent to the same people: sending it again has to be confirmed",
}


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Attributes:
    who: name of the sender.
    bulletin_id: the id of a draft.
    expected: number of people in the preview.
    mark: the mark of the preview.
    confirmed: warnings of the preview that were confirmed.
    at: time of sending, aware; None for now.
    zone: IANA zone in which that time was chosen.
    """

    who: str
    bulletin_id: str
    expected: int
    mark: str
    confirmed: Collection[str] = ()
    at: datetime | None = None
    zone: str = "UTC"


def send_bulletin(work: UnitOfWork, clock: Clock, sending: SendOrder) -> Bulletin:
    """Send a bulletin, once, or schedule it.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        sending: the order.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``scheduled``; ``time-not-usable``: not in the future, or too far
            ahead; ``audience-changed``: the number of people has changed; ``no-recipients``: the audience is empty;
            ``preview-outdated``: the content or the people have changed; ``not-confirmed``: a warning is unconfirmed.
        Unavailable: the database is down; nothing is sent.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), require_bulletin(lock_bulletin(connection, sending.bulletin_id))
        people = _checked(connection, bulletin, sending)
        if sending.at is None:
            _send(connection, bulletin, people, sending.who, now)
        else:
            _schedule(connection, bulletin, people, sending, now)
        return require_bulletin(read_bulletin(connection, bulletin.id))


def cancel_sending(work: UnitOfWork, clock: Clock, who: str, bulletin_id: str) -> Bulletin:
    """Make a scheduled bulletin a draft again.

    Raises:
        DomainError: ``not-found``; ``already-sent``; ``not-scheduled``.
        Unavailable: the database is down; it is still scheduled.
    """
    with work.transaction() as connection:
        bulletin = require_bulletin(lock_bulletin(connection, bulletin_id))
        if bulletin.sent_at is not None:
            raise DomainError("already-sent", "sending has begun: stop it instead")
        if bulletin.state != SCHEDULED:
            raise DomainError("not-scheduled", "this bulletin is not scheduled")
        unschedule(connection, bulletin_id)
        add_audit_record(
            connection, AuditRecord(who, "bulletin-cancelled", "bulletin", bulletin_id, _number(bulletin)), clock()
        )
        return require_bulletin(read_bulletin(connection, bulletin_id))


def send_due(work: UnitOfWork, clock: CheckedClock) -> bool:
    """Send a scheduled bulletin whose time has come; returns whether there was one.

    A bulletin without an audience, a day late, or of a person who may no longer send becomes a draft again. Nothing is
    sent while the clock differs from that of the database, and one that is a day late waits while the time has jumped.

    Raises:
        Unavailable: the database is down; it is still due.
    """
    with work.transaction() as connection:
        bulletin = lock_due_bulletin(connection, clock())
        if bulletin is None or bulletin.send_at is None or bulletin.ordered_by is None:
            return False
        now = clock.compared_now("bulletins", connection)
        if now is None or now < bulletin.send_at:
            return False
        late = now - bulletin.send_at
        if late > MAX_LATE and clock.final_now("late-bulletins", connection) is None:
            return False
        people = audience_of(connection, bulletin).people
        why = _obstacle(connection, bulletin.ordered_by, people, late, now)
        if not why:
            _send(connection, bulletin, people, bulletin.ordered_by, now)
            return True
        unschedule(connection, bulletin.id, why)
        detail = {**_number(bulletin), "reason": why}
        add_audit_record(
            connection, AuditRecord(bulletin.ordered_by, "bulletin-not-sent", "bulletin", bulletin.id, detail), now
        )
    log.warning("a scheduled bulletin was not sent", extra={"bulletin": bulletin.number, "reason": why})
    return True


def _obstacle(connection: Connection, who: str, people: int, late: timedelta, now: datetime) -> str:
    """Return the reason why a due bulletin is not sent; empty if it is."""
    if has_lost(connection, who, "coordinator", now):
        return "access-ended"
    if late > MAX_LATE:
        return "late"
    return "" if people else "no-recipients"


def _checked(connection: Connection, bulletin: Bulletin, sending: SendOrder) -> int:
    """Return the number of people, if the order ``sending`` is allowed."""
    if bulletin.sent_at is not None:
        raise DomainError("already-sent", "this bulletin has been sent")
    if bulletin.state == SCHEDULED:
        raise DomainError("scheduled", "this bulletin is scheduled: cancel that first")
    audience = audience_of(connection, bulletin)
    if audience.people != sending.expected:
        seen = f"it would now go to {audience.people} people, not {sending.expected}"
        raise DomainError("audience-changed", seen)
    if audience.people == 0:
        raise DomainError("no-recipients", "no one matches, so it cannot be sent")
    if sending.mark != preview_mark(bulletin, audience):
        raise DomainError("preview-outdated", "the draft or its recipients have changed since you previewed it")
    for warning in warnings_of(bulletin, sent_before(connection, bulletin.id)):
        if warning not in sending.confirmed:
            raise DomainError("not-confirmed", NEEDS_CONFIRMING[warning])
    return audience.people


def _send(connection: Connection, bulletin: Bulletin, people: int, who: str, now: datetime) -> None:
    mark_sent(connection, bulletin.id, people, who, now)
    store_audience(connection, bulletin.number, bulletin.segment)
    detail = {**_number(bulletin), "people": people}
    add_audit_record(connection, AuditRecord(who, "bulletin-sent", "bulletin", bulletin.id, detail), now)
    new = Announcement(new_id(), "bulletin", None, bulletin.number, {}, now, now, correlation_id())
    add_announcement(connection, new)


def _schedule(connection: Connection, bulletin: Bulletin, people: int, sending: SendOrder, now: datetime) -> None:
    if sending.at is None or not now < sending.at <= now + MAX_AHEAD:
        raise DomainError("time-not-usable", "choose a time in the future, at most a year ahead")
    schedule(connection, bulletin.id, sending.at, sending.zone, sending.who)
    detail = {**_number(bulletin), "people": people, "at": rfc3339(sending.at)}
    add_audit_record(connection, AuditRecord(sending.who, "bulletin-scheduled", "bulletin", bulletin.id, detail), now)


def _number(bulletin: Bulletin) -> dict[str, int]:
    return {"number": bulletin.number}


CANCEL_CHUNK = 1000
"""Mails cancelled in one transaction."""

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "waiting": ("queued", "claimed"),
    "sent": ("sent",),
    "deferred": ("deferred",),
    "failed": ("failed",),
    "unknown": ("unknown",),
    "suppressed": ("suppressed",),
    "cancelled": ("cancelled",),
    "bounced": ("bounced",),
}
"""States of a bulletin's mails by outcome; each person of the audience has one outcome."""

UNSUBSCRIBED = "unsubscribed"
"""An additional outcome: people who got the bulletin and unsubscribed by its link."""


@dataclass(frozen=True, slots=True)
class BulletinOutcome:
    """Number of people of a bulletin by outcome, and how many unsubscribed through it.

    ``gone`` are people without a stored mail: erased before their mail was created, or their mail is older than a year.
    """

    counts: Mapping[str, int]
    unsubscribed: int
    gone: int


def outcome_of(work: UnitOfWork, bulletin: Bulletin) -> BulletinOutcome:
    """Count the outcomes of a bulletin.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        states = count_mails_of(connection, bulletin.number)
        without = count_without_mail(connection, bulletin.number)
        unsubscribed = count_unsubscribed(connection, bulletin.number)
    counts = {name: sum(states.get(state, 0) for state in of) for name, of in OUTCOMES.items()}
    counts["waiting"] += without
    counts["cancelled"] += bulletin.not_made
    return BulletinOutcome(counts, unsubscribed, max(0, (bulletin.audience or 0) - sum(counts.values())))


def list_outcome(
    work: UnitOfWork, bulletin_id: str, outcome: str, before: str, limit: int
) -> tuple[Bulletin, Sequence[BulletinMail]]:
    """Return a bulletin and up to ``limit`` + 1 of its mails, newest first.

    Args:
        work: the unit of work on the service's database.
        bulletin_id: the id of the bulletin.
        outcome: a key of ``OUTCOMES``, ``UNSUBSCRIBED``, or empty for all mails.
        before: only mails older than the one with this id; empty for the newest.
        limit: mails.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    wanted: dict[str, Any] = {"before": before} if before else {}
    if outcome == UNSUBSCRIBED:
        wanted["unsubscribed"] = True
    elif outcome:
        wanted["states"] = list(OUTCOMES[outcome])
    with work.transaction() as connection:
        bulletin = require_bulletin(read_bulletin(connection, bulletin_id))
        return bulletin, mails_of(connection, bulletin.number, wanted, limit + 1)


def stop_bulletin(work: UnitOfWork, clock: Clock, who: str, bulletin_id: str) -> Bulletin:
    """Cancel the unsent mails of a bulletin. A mail whose handover has begun is still sent.

    After the commit of the first transaction no mail is created or sent. If the process ends after it, senders cancel
    the rest.

    Raises:
        DomainError: ``not-found``; ``not-sending``: it was not sent, or it is sent completely.
        Unavailable: the database went away; stop it again.
    """
    with work.transaction() as connection:
        now, bulletin = clock(), require_bulletin(lock_bulletin(connection, bulletin_id))
        if bulletin.state not in (SENDING, STOPPED):
            raise DomainError("not-sending", "this bulletin is not being sent")
        if bulletin.state == SENDING:
            not_made = drop_recipients(connection, bulletin.number, now)
            mark_stopped(connection, bulletin_id, not_made, now)
            detail = {"number": bulletin.number}
            add_audit_record(connection, AuditRecord(who, "bulletin-stopped", "bulletin", bulletin_id, detail), now)
    while _cancel_chunk(work, clock, bulletin.number) == CANCEL_CHUNK:
        pass
    with work.transaction() as connection:
        return require_bulletin(read_bulletin(connection, bulletin_id))


def _cancel_chunk(work: UnitOfWork, clock: Clock, number: int) -> int:
    with work.transaction() as connection:
        cancelled = cancel_bulletin(connection, number, CANCEL_CHUNK, STOPPED_REASON, clock())
    mails_total.labels("bulletin", "cancelled").inc(cancelled)
    return cancelled


MAX_TESTS = 5
"""Test copies of one coordinator in an hour, each in up to six languages."""


def send_test(context: BulletinContext, who: str, bulletin_id: str, address: str) -> int:
    """Queue test copies of a bulletin, one for each of its languages; returns their number.

    The address is stored encrypted, to offer it to ``who`` again; that of the copies is deleted with them.

    Raises:
        DomainError: ``not-found``; ``bulletin-invalid``: not an address; ``too-many-tests``.
        Unavailable: the database is down; nothing is queued.
    """
    try:
        usable = mailbox(address.strip())
    except UnusableAddress:
        raise DomainError("bulletin-invalid", "mail cannot be sent to this address") from None
    with context.work.transaction() as connection:
        now, bulletin = context.clock(), require_bulletin(read_bulletin(connection, bulletin_id))
        closed = context.vault.close({"address": usable}, row=who)
        if count_test(connection, who, closed, now) > MAX_TESTS:
            raise DomainError("too-many-tests", f"at most {MAX_TESTS} tests can be sent in an hour")
        for language in bulletin.texts:
            _queue_copy(connection, context, bulletin, language, usable, now)
        detail = {"number": bulletin.number, "languages": len(bulletin.texts)}
        add_audit_record(connection, AuditRecord(who, "bulletin-tested", "bulletin", bulletin_id, detail), now)
    return len(bulletin.texts)


def remembered_address(context: BulletinContext, who: str) -> str:
    """Return the last address of test copies of ``who``; empty if there is none, or its key no longer exists.

    Raises:
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        closed = closed_address(connection, who)
    try:
        return "" if closed is None else str(context.vault.open(closed, row=who)["address"])
    except Unsealable:
        return ""


def _queue_copy(
    connection: Connection, context: BulletinContext, bulletin: Bulletin, language: str, address: str, now: datetime
) -> None:
    subject, mail_id = new_id(), new_id()
    copy = BulletinTestCopy(
        id=mail_id,
        subject=subject,
        number=bulletin.number,
        language=language,
        closed=context.vault.close({"address": address}, row=subject),
        message_id=f"<{mail_id}@{context.mail_domain}>",
        correlation_id=correlation_id(),
    )
    add_test_copy(connection, copy, now)
