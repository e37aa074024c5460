"""Use cases of tracking: look up mails, count them, and send undelivered mails again.

A mail that is sent again keeps its row and its Message-ID and is composed from the newest state. A copy that may have
arrived stays recorded as an attempt with an unknown outcome. A mail is not sent again if it is outdated, not wanted, or
its person is erased. Doing it twice changes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.model import STATES
from services.notifications.recipients.audience import find_announcement, list_audience
from services.notifications.recipients.service import audience_conditions, cause_of
from services.notifications.recipients.store import count_suppressions, lock_states
from services.notifications.rules.model import (
    NOT_NOTIFIED_PERIOD,
    UndeliveredMail,
    expiry_of,
    may_fit_elsewhere,
    resend_obstacle,
)
from services.notifications.telemetry import mails_sent_again_total, people_not_notified
from services.notifications.tracking.store import (
    AttemptRow,
    MailRow,
    MailSelection,
    ReasonCount,
    RequeuedMail,
    count_mails,
    count_reasons,
    find_undelivered,
    list_attempts,
    list_mails,
    requeue_mails,
)
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.security.audit_log import AuditRecord, add_audit_record


@dataclass(frozen=True, slots=True)
class MailHistory:
    """A mail with its attempts."""

    mail: MailRow
    attempts: list[AttemptRow]


def look_up_mails(work: UnitOfWork, wanted: Mapping[str, Any], limit: int) -> list[MailRow]:
    """Return up to ``limit`` + 1 mails, newest first; the extra one shows that there are more.

    Args:
        work: the unit of work on the service's database.
        wanted: filters, see :func:`services.notifications.tracking.store.list_mails`.
        limit: rows of a page.
    """
    with work.transaction() as connection:
        return list_mails(connection, wanted, limit + 1)


def look_up_mail(work: UnitOfWork, wanted: Mapping[str, Any]) -> MailHistory:
    """Return one mail with its attempts; ``wanted`` contains its ``id`` and may contain ``forms``.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        found = list_mails(connection, wanted, 1)
        if not found:
            raise DomainError("not-found", "there is no such mail")
        return MailHistory(found[0], list_attempts(connection, found[0].id))


@dataclass(frozen=True, slots=True)
class MailOverview:
    """Attributes:
    counts: number of mails by kind and by state.
    states: those in which there is any mail, in their usual order.
    suppressed: people who get no bulletins.
    """

    counts: dict[str, dict[str, int]]
    states: list[str]
    suppressed: int


def mail_overview(work: UnitOfWork) -> MailOverview:
    """Count all mails by kind and state.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        rows, suppressed = count_mails(connection), count_suppressions(connection)
    counts: dict[str, dict[str, int]] = {}
    for kind, state, number in rows:
        counts.setdefault(kind, {})[state] = number
    present = {state for _kind, state, _number in rows}
    return MailOverview(counts, [state for state in STATES if state in present], suppressed)


CHUNK = 200
"""Mails in one transaction."""

ACTION = "mails-sent-again"


@dataclass(frozen=True, slots=True)
class ResendPreview:
    """The effect of sending a selection again now.

    Attributes:
        mails: the mails that would be sent again.
        left: mails that would not, each with the reason.
        mark: different for any other mails.
    """

    mails: Sequence[UndeliveredMail]
    left: Sequence[tuple[UndeliveredMail, str]]
    mark: str

    @property
    def people(self) -> int:
        """Number of distinct people."""
        return len({mail.recipient for mail in self.mails})

    @property
    def kinds(self) -> Mapping[str, int]:
        """Mails by kind, most first."""
        return dict(Counter(mail.kind for mail in self.mails).most_common())

    @property
    def languages(self) -> Mapping[str, int]:
        """People by language, most first."""
        people = {mail.recipient: mail.language for mail in self.mails}
        return dict(Counter(people.values()).most_common())

    @property
    def left_by_reason(self) -> Mapping[str, int]:
        """Mails that would not be sent, by reason, most first."""
        return dict(Counter(reason for _mail, reason in self.left).most_common())


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """Attributes:
    who: name of the key or the operator that orders it.
    selection: the selected mails.
    mark: the mark of the preview that was shown.
    """

    who: str
    selection: MailSelection
    mark: str


def preview_resend(work: UnitOfWork, clock: Clock, selection: MailSelection) -> ResendPreview:
    """Preview sending ``selection`` again. Changes nothing.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return _resend_preview(connection, selection, clock())


def reasons_not_notified(work: UnitOfWork) -> list[ReasonCount]:
    """Return why people were not notified, most people first.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_reasons(connection)


def measure_not_notified(work: UnitOfWork, clock: Clock) -> int:
    """Set the gauge of people who were not notified in the last days; returns their number.

    Raises:
        Unavailable: the database is down; the gauge stays as it was.
    """
    people = preview_resend(work, clock, MailSelection(since=clock() - NOT_NOTIFIED_PERIOD)).people
    people_not_notified.set(people)
    return people


def send_again(work: UnitOfWork, clock: Clock, order: ResendOrder) -> int:
    """Requeue the mails of a preview; returns their number. Doing it again requeues none.

    Raises:
        DomainError: ``preview-outdated``: the mails have changed since the preview.
        Unavailable: the database went away; finished chunks are queued, do it again for the others.
    """
    preview = preview_resend(work, clock, order.selection)
    if preview.mails and preview.mark != order.mark:
        raise DomainError("preview-outdated", "the mails have changed since the preview")
    ids = [mail.id for mail in preview.mails]
    chunks = [ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK)]
    return sum(_send_chunk(work, clock, order, chunk) for chunk in chunks)


def _send_chunk(work: UnitOfWork, clock: Clock, order: ResendOrder, ids: Sequence[str]) -> int:
    """Requeue one chunk. Locks keep out erasures and newer states of the subjects until the commit."""
    with work.transaction() as connection:
        now = clock()
        lock_states(connection, [mail.subject for mail in find_undelivered(connection, MailSelection(ids))])
        mails = _resend_preview(connection, MailSelection(ids), now).mails
        requeued = requeue_mails(connection, [_requeued(mail) for mail in mails], now)
        queued = [mail for mail in mails if mail.id in requeued]
        if queued:
            add_audit_record(connection, _record(order, queued), now)
    for mail in queued:
        mails_sent_again_total.labels(mail.kind).inc()
    return len(queued)


def _requeued(mail: UndeliveredMail) -> RequeuedMail:
    return RequeuedMail(mail.id, mail.fence, expiry_of(mail.kind, mail.event_state))


def _record(order: ResendOrder, queued: Sequence[UndeliveredMail]) -> AuditRecord:
    """The audit entry names a single mail, and of more the number and the selection."""
    if len(queued) == 1:
        mail = queued[0]
        return AuditRecord(
            order.who, ACTION, "mail", mail.id, {"mail": mail.kind, "was": mail.state, "reason": mail.reason}
        )
    selection = order.selection
    bounds = {"since": selection.since, "until": selection.until}
    detail = {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}
    chosen = {name: text for name, text in (("reason", selection.reason), ("mail", selection.kind)) if text}
    return AuditRecord(order.who, ACTION, detail={"mails": len(queued), **detail, **chosen})


def _resend_preview(connection: Connection, selection: MailSelection, now: datetime) -> ResendPreview:
    found = [(mail, _obstacle(connection, mail, now)) for mail in find_undelivered(connection, selection)]
    mails = [mail for mail, reason in found if not reason]
    left = [(mail, reason) for mail, reason in found if reason]
    return ResendPreview(mails, left, _mark(mails))


def _obstacle(connection: Connection, mail: UndeliveredMail, now: datetime) -> str:
    elsewhere = may_fit_elsewhere(mail) and _fits_elsewhere(connection, mail)
    return resend_obstacle(mail, now, fits_elsewhere=elsewhere)


def _fits_elsewhere(connection: Connection, mail: UndeliveredMail) -> bool:
    """Whether another registration fits the announcement, so that the sender would readdress it."""
    announcement = find_announcement(connection, cause_of(mail.kind), mail.event, mail.revision)
    if announcement is None:
        return False
    return bool(
        list_audience(connection, {**audience_conditions(connection, announcement), "person": mail.recipient}, "", 1)
    )


def _mark(mails: Sequence[UndeliveredMail]) -> str:
    return sha256(" ".join(sorted(f"{mail.id}:{mail.fence}" for mail in mails)).encode()).hexdigest()
