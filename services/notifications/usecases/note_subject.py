"""Takes in what happened to a registration: the book is brought up to date and one mail is caused.

In any order of a subject's messages, and however often each comes, the same mails and the same entry result. A
message that causes a mail is never ignored: if it comes too late to be true, its mail is made and called off at once.
Only what comes after its subject was erased does nothing at all.

A confirmation link or a former address has one message, one mail, and an entry in the book that goes with the mail.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.book import Entry
from services.notifications.domain.kinds import KINDS, NUMBERED_APART
from services.notifications.domain.mail import NewMail, mail_id_of
from services.notifications.domain.truth import SUPERSEDED, Standing, is_current, is_untrue, untrue_kinds
from services.notifications.store.mails import add_mail, add_mails
from services.notifications.store.recipients import (
    BookEntry,
    keep_entries,
    keep_entry,
    lock_standing,
    lock_standings,
    mailed_among,
)
from services.notifications.store.withdrawing import call_off
from services.notifications.usecases.addressing import readdress
from services.notifications.usecases.follow_address import follow_address, leave_address
from shared.core.clock import Clock
from shared.core.metrics import mails_total
from shared.core.sealing import Vault


@dataclass(frozen=True, slots=True)
class Told:
    """What one message says.

    Attributes:
        kind: of the mail it causes.
        number: the mail's revision: the subject's, or the minute of the request.
        entry: the subject's state.
        personal: texts that stand in the recipient book, closed only.
        token: of a managing link, which only the mail holds, closed; empty where the mail carries none.
        detail: of the mail, see :class:`services.notifications.domain.mail.NewMail`.
        mailed: whether the mail is wanted; without it the mail is made and called off at once.
    """

    kind: str
    number: int
    entry: Entry
    personal: Mapping[str, str]
    correlation_id: str
    traceparent: str = ""
    token: str = ""
    detail: Mapping[str, Any] | None = None
    mailed: bool = True

    def standing_after(self, known: Standing | None) -> Standing:
        """The subject's state once this is taken in: decisions on a proposal, and the event it became, stay."""
        told = self.entry.standing
        return told if known is None else replace(told, event=told.event or known.event, decision=known.decision)


def note_subject(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: Told) -> None:
    """Bring the book up to date, make the mail, call off older mails that are untrue by now.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        vault: closes what is personal.
        mail_domain: what Message-IDs end with.
        told: by the message.
    """
    now, subject = clock(), told.entry.subject
    known = lock_standing(connection, subject)
    if known is not None and known.erased:
        return
    if is_current(known, told.entry.revision):
        if known is not None and known.person_ref != told.entry.person_ref:
            leave_address(connection, subject)
        keep_entry(connection, _closed(vault, told), now)
        if known is not None and known.person_ref is not None and known.person_ref != told.entry.person_ref:
            follow_address(connection, clock, subject, known.person_ref, told.entry.person_ref)
        known = told.standing_after(known)
        readdress(connection, clock, subject, told.entry.person_ref, untrue_kinds(known))
        _call_off_untrue(connection, subject, known, now)
    mail = _mail(told, known or told.entry.standing, vault, mail_domain, now)
    if add_mail(connection, mail) and mail.state == "called_off":
        mails_total.labels(mail.kind, "called_off").inc()


def note_subjects(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: Sequence[Told]) -> None:
    """As ``note_subject`` for each in order: those that nobody has heard of all at once, the others one by one.

    Of a subject that is not in the book there is no mail yet, so there is nothing to call off and nobody to readdress.
    """
    now, times = clock(), Counter(one.entry.subject for one in told)
    known = lock_standings(connection, list(times))
    new = [one for one in told if one.entry.subject not in known and times[one.entry.subject] == 1 and _is_true(one)]
    if new:
        keep_entries(connection, [_closed(vault, one) for one in new], now)
        add_mails(connection, [_mail(one, one.entry.standing, vault, mail_domain, now) for one in new])
    done = {one.entry.subject for one in new}
    for one in told:
        if one.entry.subject not in done:
            note_subject(connection, clock, vault, mail_domain, one)


def mail_once(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: Sequence[Told]) -> None:
    """Make the mail of each confirmation link and former address in ``told`` that has none yet and is not erased.

    Its entry may be gone with the mail, so the mail tells whether a subject was heard of.
    """
    now, subjects = clock(), {one.entry.subject: one for one in told}
    known = lock_standings(connection, list(subjects))
    done = mailed_among(connection, list(subjects)) | {subject for subject, one in known.items() if one.erased}
    new = [one for subject, one in subjects.items() if subject not in done]
    if new:
        keep_entries(connection, [_closed(vault, one) for one in new], now)
        add_mails(connection, [_mail(one, one.entry.standing, vault, mail_domain, now) for one in new])


def _is_true(told: Told) -> bool:
    """Whether the mail that it causes is not called off at once."""
    return told.mailed and not is_untrue(told.kind, told.number, told.entry.standing)


def _closed(vault: Vault, told: Told) -> BookEntry:
    return BookEntry(told.entry, vault.close(told.personal, row=told.entry.subject))


def _call_off_untrue(connection: Connection, subject: str, known: Standing, now: datetime) -> None:
    kinds = untrue_kinds(known)
    for kind in call_off(connection, subject, known.revision, kinds, NUMBERED_APART, SUPERSEDED, now):
        mails_total.labels(kind, "called_off").inc()


def _mail(told: Told, known: Standing, vault: Vault, mail_domain: str, now: datetime) -> NewMail:
    left = bool(told.token) and told.entry.revision < known.revision and told.entry.person_ref != known.person_ref
    mail_id = mail_id_of(told.kind, told.entry.subject, told.number, told.entry.person_ref)
    untrue = not told.mailed or left or is_untrue(told.kind, told.number, known)
    return NewMail(
        id=mail_id,
        kind=told.kind,
        subject=told.entry.subject,
        revision=told.number,
        event=told.entry.event or known.event,
        lane=KINDS[told.kind].lane,
        state="called_off" if untrue else "queued",
        reason=SUPERSEDED if untrue else None,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=told.entry.occurred_at,
        created_at=now,
        correlation_id=told.correlation_id,
        traceparent=told.traceparent,
        closed=vault.close({"token": told.token}, row=mail_id) if told.token and not untrue else None,
        detail=told.detail,
    )
