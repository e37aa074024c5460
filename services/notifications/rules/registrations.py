"""Use cases of messages about registrations and proposals: upsert the recipient, cause one mail.

In any order of the messages of a subject, and however often each arrives, the same mails and the same recipient result.
A message that causes a mail is never ignored: if the mail is outdated, it is created and called off at once. Only
messages about an erased subject do nothing.

A confirmation link or a former address has one message and one mail. Its recipient is deleted with the mail.

The newest decision on a proposal causes one mail with the note of the coordinators. The recipient stores the side event
that the proposal became, and takes part in it from then on. So a side event that moves makes news, as any other event,
and neither a later place nor its loss makes a mail here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.notifications.mails.kinds import (
    ACCEPTED,
    DECISION_KINDS,
    KINDS,
    NUMBERED_APART,
    SCHEDULED,
    SUPERSEDED,
    SubjectState,
    is_current,
    is_outdated,
    outdated_kinds,
)
from services.notifications.mails.model import NewMail, mail_id_of
from services.notifications.mails.store import add_mail, add_mails, call_off, renumber_mail
from services.notifications.recipients.model import Recipient
from services.notifications.recipients.service import follow_address, leave_address, readdress
from services.notifications.recipients.store import (
    EncryptedRecipient,
    lock_state,
    lock_states,
    mailed_among,
    store_decision,
    upsert_recipient,
    upsert_recipients,
)
from services.notifications.webhooks.model import TYPE_OF_KIND
from services.notifications.webhooks.store import WebhookEvent, queue_deliveries
from shared.core.clock import Clock
from shared.core.errors import Retry
from shared.core.metrics import mails_total
from shared.core.sealing import Vault


@dataclass(frozen=True, slots=True)
class MailCause:
    """What one message says.

    Attributes:
        kind: of the mail it causes.
        number: the mail's revision: the subject's, or the minute of the request.
        entry: the subject's state.
        personal: texts that stand in the recipient book, closed only.
        token: of a managing link, which only the mail holds, closed; empty where the mail carries none.
        detail: of the mail, see :class:`services.notifications.mails.model.NewMail`.
        mailed: whether the mail is wanted; without it the mail is made and called off at once.
    """

    kind: str
    number: int
    entry: Recipient
    personal: Mapping[str, str]
    correlation_id: str
    traceparent: str = ""
    token: str = ""
    detail: Mapping[str, Any] | None = None
    mailed: bool = True

    def standing_after(self, known: SubjectState | None) -> SubjectState:
        """The subject's state once this is taken in: decisions on a proposal, and the event it became, stay."""
        told = self.entry.standing
        return told if known is None else replace(told, event=told.event or known.event, decision=known.decision)


def handle_registration(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: MailCause) -> None:
    """Bring the book up to date, make the mail, call off older mails that are untrue by now.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        vault: closes what is personal.
        mail_domain: what Message-IDs end with.
        told: by the message.
    """
    now, subject = clock(), told.entry.subject
    known = lock_state(connection, subject)
    if known is not None and known.erased:
        return
    if is_current(known, told.entry.revision):
        if known is not None and known.person_ref != told.entry.person_ref:
            leave_address(connection, subject)
        upsert_recipient(connection, _encrypted(vault, told), now)
        if known is not None and known.person_ref is not None and known.person_ref != told.entry.person_ref:
            follow_address(connection, clock, subject, known.person_ref, told.entry.person_ref)
        known = told.standing_after(known)
        readdress(connection, clock, subject, told.entry.person_ref, outdated_kinds(known))
        _call_off_outdated(connection, subject, known, now)
    mail = _mail(told, known or told.entry.standing, vault, mail_domain, now)
    if add_mail(connection, mail) and mail.state == "called_off":
        mails_total.labels(mail.kind, "called_off").inc()


def handle_registrations(
    connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: Sequence[MailCause]
) -> None:
    """As ``note_subject`` for each in order: those that nobody has heard of all at once, the others one by one.

    Of a subject that is not in the book there is no mail yet, so there is nothing to call off and nobody to readdress.
    """
    now, times = clock(), Counter(one.entry.subject for one in told)
    known = lock_states(connection, list(times))
    new = [
        one
        for one in told
        if one.entry.subject not in known and times[one.entry.subject] == 1 and _is_current_mail(one)
    ]
    if new:
        upsert_recipients(connection, [_encrypted(vault, one) for one in new], now)
        add_mails(connection, [_mail(one, one.entry.standing, vault, mail_domain, now) for one in new])
    done = {one.entry.subject for one in new}
    for one in told:
        if one.entry.subject not in done:
            handle_registration(connection, clock, vault, mail_domain, one)


def mail_once(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, told: Sequence[MailCause]) -> None:
    """Make the mail of each confirmation link and former address in ``told`` that has none yet and is not erased.

    Its entry may be gone with the mail, so the mail tells whether a subject was heard of.
    """
    now, subjects = clock(), {one.entry.subject: one for one in told}
    known = lock_states(connection, list(subjects))
    done = mailed_among(connection, list(subjects)) | {subject for subject, one in known.items() if one.erased}
    new = [one for subject, one in subjects.items() if subject not in done]
    if new:
        upsert_recipients(connection, [_encrypted(vault, one) for one in new], now)
        add_mails(connection, [_mail(one, one.entry.standing, vault, mail_domain, now) for one in new])


def _is_current_mail(told: MailCause) -> bool:
    """Whether the mail that it causes is not called off at once."""
    return told.mailed and not is_outdated(told.kind, told.number, told.entry.standing)


def _encrypted(vault: Vault, told: MailCause) -> EncryptedRecipient:
    return EncryptedRecipient(told.entry, vault.close(told.personal, row=told.entry.subject))


def _call_off_outdated(connection: Connection, subject: str, known: SubjectState, now: datetime) -> None:
    kinds = outdated_kinds(known)
    for kind in call_off(connection, subject, known.revision, kinds, NUMBERED_APART, SUPERSEDED, now):
        mails_total.labels(kind, "called_off").inc()


def _mail(told: MailCause, known: SubjectState, vault: Vault, mail_domain: str, now: datetime) -> NewMail:
    left = bool(told.token) and told.entry.revision < known.revision and told.entry.person_ref != known.person_ref
    mail_id = mail_id_of(told.kind, told.entry.subject, told.number, told.entry.person_ref)
    untrue = not told.mailed or left or is_outdated(told.kind, told.number, known)
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


UNKNOWN_PROPOSAL = "the registration of the proposal has not been heard of yet"


@dataclass(frozen=True, slots=True)
class ProposalDecision:
    """What one message says.

    Attributes:
        kind: of the mail it causes, one of ``DECISION_KINDS``.
        proposal: id of its registration.
        revision: of the review, from 1.
        event: the side event that the proposal became, if it did.
        note: of the coordinators; may be empty.
        occurred_at: when it was decided, aware.
    """

    kind: str
    proposal: str
    revision: int
    event: str | None
    note: str
    occurred_at: datetime
    correlation_id: str
    traceparent: str = ""


def handle_decision(
    connection: Connection, clock: Clock, vault: Vault, mail_domain: str, decision: ProposalDecision
) -> None:
    """Store the decision if it is the newest, make its mail, call off those of older ones that have not gone.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        vault: encrypts the note.
        mail_domain: what Message-IDs end with.
        decision: of the message.

    Raises:
        Retry: the registration is not known yet.
    """
    now, known = clock(), lock_state(connection, decision.proposal)
    if known is None:
        raise Retry(UNKNOWN_PROPOSAL)
    if known.erased or decision.revision <= known.decision:
        return
    store_decision(connection, decision.proposal, decision.revision, decision.event, now)
    told = _is_reported_by_news(connection, decision)
    for kind in call_off(connection, decision.proposal, decision.revision, DECISION_KINDS, (), SUPERSEDED, now):
        mails_total.labels(kind, "called_off").inc()
    if not told and known.status in KINDS[decision.kind].true_while:
        add_mail(connection, _decision_mail(decision, known.person_ref or "", vault, mail_domain, now))


def _is_reported_by_news(connection: Connection, decision: ProposalDecision) -> bool:
    """Whether the news of the side event tell it: it lost its place in the timetable, or has another one.

    The mail about the first place stands for all later ones if it has not gone yet, since it is written when it goes.
    """
    if decision.kind == ACCEPTED:
        return decision.event is not None
    return decision.kind == SCHEDULED and renumber_mail(connection, decision.proposal, SCHEDULED, decision.revision)


def _decision_mail(
    decision: ProposalDecision, recipient: str, vault: Vault, mail_domain: str, now: datetime
) -> NewMail:
    mail_id = mail_id_of(decision.kind, decision.proposal, decision.revision, recipient)
    return NewMail(
        id=mail_id,
        kind=decision.kind,
        subject=decision.proposal,
        revision=decision.revision,
        event=decision.event if decision.kind == SCHEDULED else None,
        lane=KINDS[decision.kind].lane,
        state="queued",
        reason=None,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=decision.occurred_at,
        created_at=now,
        correlation_id=decision.correlation_id,
        traceparent=decision.traceparent,
        closed=vault.close({"note": decision.note}, row=mail_id) if decision.note else None,
    )


def queue_webhooks(connection: Connection, clock: Clock, told: Sequence[MailCause]) -> None:
    """Queue a call to each address of each partner whose registration was confirmed or cancelled.

    Args:
        connection: of the messages' own transaction.
        clock: of the project.
        told: by the messages. What came through no partner, or is no affair of partners, asks no database.
    """
    happenings = [happening for happening in map(_webhook_event, told) if happening is not None]
    if happenings:
        queue_deliveries(connection, happenings, clock())


def _webhook_event(told: MailCause) -> WebhookEvent | None:
    entry, kind = told.entry, TYPE_OF_KIND.get(told.kind)
    if kind is None or entry.partner is None or entry.form is None:
        return None
    about = (entry.partner, entry.subject, told.number, entry.form, entry.status, entry.occurred_at)
    return WebhookEvent(kind, *about, told.traceparent)
