"""Sends mails again that reached nobody for certain: one, or all of a period and a reason, as somebody decides.

A mail keeps its row and its Message-ID and is written anew from what is known now. A copy that may have arrived is on
record as an attempt with an unknown end. Nothing is sent again that is no longer true, not wanted, or whose person was
erased; doing it twice changes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from services.notifications.domain.resending import PERIOD, Undelivered, expiry_of, may_fit_elsewhere, obstacle
from services.notifications.store.announcements import find_announcement
from services.notifications.store.audience import some_of
from services.notifications.store.recipients import lock_standings
from services.notifications.store.undelivered import (
    ReasonCount,
    Requeued,
    Selection,
    count_reasons,
    find_undelivered,
    requeue,
)
from services.notifications.usecases.addressing import cause_of, fitting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.metrics import mails_sent_again_total, people_not_notified
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

CHUNK = 200
"""Mails of one transaction."""

DEED = "mails-sent-again"


@dataclass(frozen=True, slots=True)
class ResendPreview:
    """What sending a selection again would do now.

    Attributes:
        mails: that would be sent again.
        left: mails that would not, each with the reason.
        mark: another one for any other mails.
    """

    mails: Sequence[Undelivered]
    left: Sequence[tuple[Undelivered, str]]
    mark: str

    @property
    def people(self) -> int:
        """Distinct people whom it reaches."""
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
        """Mails that are left, by reason, most first."""
        return dict(Counter(reason for _mail, reason in self.left).most_common())


@dataclass(frozen=True, slots=True)
class Order:
    """Attributes:
    who: has them sent again: name of a key, or of an operator.
    selection: which mails.
    mark: of the preview that they have seen.
    """

    who: str
    selection: Selection
    mark: str


def preview_sending_again(work: UnitOfWork, clock: Clock, selection: Selection) -> ResendPreview:
    """Show what sending ``selection`` again would do. Changes nothing.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return _preview(connection, selection, clock())


def reasons_not_notified(work: UnitOfWork) -> list[ReasonCount]:
    """Why people were not notified, most people first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return count_reasons(connection)


def measure_not_notified(work: UnitOfWork, clock: Clock) -> int:
    """Set the gauge of people who were not notified in the last days; returns how many it is.

    Raises:
        Unavailable: the database is away; the gauge stays as it was.
    """
    people = preview_sending_again(work, clock, Selection(since=clock() - PERIOD)).people
    people_not_notified.set(people)
    return people


def send_again(work: UnitOfWork, clock: Clock, order: Order) -> int:
    """Queue the mails of a preview again; returns how many. None are left when it is done a second time.

    Raises:
        DomainError: ``preview-outdated``: they are other mails by now.
        Unavailable: the database went away; mails of finished chunks are queued, do it again for the others.
    """
    preview = preview_sending_again(work, clock, order.selection)
    if preview.mails and preview.mark != order.mark:
        raise DomainError("preview-outdated", "these are other mails by now than the preview showed")
    ids = [mail.id for mail in preview.mails]
    chunks = [ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK)]
    return sum(_send_chunk(work, clock, order, chunk) for chunk in chunks)


def _send_chunk(work: UnitOfWork, clock: Clock, order: Order, ids: Sequence[str]) -> int:
    """The locks keep out erasures and newer states of the same subjects until it is committed."""
    with work.transaction() as connection:
        now = clock()
        lock_standings(connection, [mail.subject for mail in find_undelivered(connection, Selection(ids))])
        mails = _preview(connection, Selection(ids), now).mails
        requeued = requeue(connection, [_requeued(mail) for mail in mails], now)
        queued = [mail for mail in mails if mail.id in requeued]
        if queued:
            note_deed(connection, _deed(order, queued), now)
    for mail in queued:
        mails_sent_again_total.labels(mail.kind).inc()
    return len(queued)


def _requeued(mail: Undelivered) -> Requeued:
    return Requeued(mail.id, mail.fence, expiry_of(mail.kind, mail.event_state))


def _deed(order: Order, queued: Sequence[Undelivered]) -> Deed:
    """One mail is named; of more it is said how many they are and of which selection."""
    if len(queued) == 1:
        mail = queued[0]
        return Deed(order.who, DEED, "mail", mail.id, {"mail": mail.kind, "was": mail.state, "reason": mail.reason})
    selection = order.selection
    bounds = {"since": selection.since, "until": selection.until}
    detail = {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}
    chosen = {name: text for name, text in (("reason", selection.reason), ("mail", selection.kind)) if text}
    return Deed(order.who, DEED, detail={"mails": len(queued), **detail, **chosen})


def _preview(connection: Connection, selection: Selection, now: datetime) -> ResendPreview:
    found = [(mail, _obstacle(connection, mail, now)) for mail in find_undelivered(connection, selection)]
    mails = [mail for mail, reason in found if not reason]
    left = [(mail, reason) for mail, reason in found if reason]
    return ResendPreview(mails, left, _mark(mails))


def _obstacle(connection: Connection, mail: Undelivered, now: datetime) -> str:
    elsewhere = may_fit_elsewhere(mail) and _fits_elsewhere(connection, mail)
    return obstacle(mail, now, fits_elsewhere=elsewhere)


def _fits_elsewhere(connection: Connection, mail: Undelivered) -> bool:
    """Whether the sender would find another registration to which the announcement goes."""
    announcement = find_announcement(connection, cause_of(mail.kind), mail.event, mail.revision)
    if announcement is None:
        return False
    return bool(some_of(connection, {**fitting(connection, announcement), "person": mail.recipient}, "", 1))


def _mark(mails: Sequence[Undelivered]) -> str:
    return sha256(" ".join(sorted(f"{mail.id}:{mail.fence}" for mail in mails)).encode()).hexdigest()
