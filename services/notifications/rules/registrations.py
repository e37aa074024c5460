"""Use cases of messages about registrations and proposals: upsert the recipient, cause one mail.

In any order of the messages of a subject, and however often each arrives, the same mails and the same recipient result.
A message that causes a mail is never ignored: if the mail is outdated, it is created and cancelled at once. Only
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
from services.notifications.mails.store import add_mail, add_mails, cancel_outdated, renumber_mail
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
from services.notifications.telemetry import mails_total
from services.notifications.webhooks.model import TYPE_OF_KIND
from services.notifications.webhooks.store import WebhookEvent, queue_deliveries
from shared.runtime.clock import Clock
from shared.runtime.errors import Retry
from shared.security.sealing import Vault

UNKNOWN_PROPOSAL = "the registration of the proposal is not known yet"


@dataclass(frozen=True, slots=True)
class NotificationsContext:
    """What the consumers need.

    Attributes:
        clock: the source of the current time.
        private_keys: open the sealed parts of messages, newest first.
        vault: encrypts personal data for the tables.
        mail_domain: end of Message-IDs.
    """

    clock: Clock
    private_keys: tuple[bytes, ...]
    vault: Vault
    mail_domain: str


@dataclass(frozen=True, slots=True)
class MailCause:
    """The content of a message that causes a mail.

    Attributes:
        kind: the kind of the mail.
        number: the mail's revision: the subject's, or a number from the link of a mail that was requested.
        recipient: the state of the subject.
        personal: texts that are stored encrypted, with the recipient.
        token: the token of a managing link, stored encrypted with the mail only; empty for a mail without one.
        detail: the content of the mail beyond its recipient, see :class:`services.notifications.mails.model.NewMail`.
        mailed: whether the mail is wanted; if not, it is created and cancelled at once.
    """

    kind: str
    number: int
    recipient: Recipient
    personal: Mapping[str, str]
    correlation_id: str
    traceparent: str = ""
    token: str = ""
    detail: Mapping[str, Any] | None = None
    mailed: bool = True

    def state_after(self, known: SubjectState | None) -> SubjectState:
        """Return the state after this message. Decisions on a proposal, and the event that it became, remain."""
        own = self.recipient.state
        return own if known is None else replace(own, event=own.event or known.event, decision=known.decision)


def handle_registration(connection: Connection, context: NotificationsContext, cause: MailCause) -> None:
    """Upsert the recipient, create the mail, cancel older mails that are outdated now.

    Args:
        connection: the connection of the message's own transaction.
        cause: the content of the message.
    """
    clock, recipient = context.clock, cause.recipient
    now, subject = clock(), recipient.subject
    known = lock_state(connection, subject)
    if known is not None and known.erased:
        return
    if is_current(known, recipient.revision):
        if known is not None and known.person_ref != recipient.person_ref:
            leave_address(connection, subject)
        upsert_recipient(connection, _encrypted(context, cause), now)
        if known is not None and known.person_ref is not None and known.person_ref != recipient.person_ref:
            follow_address(connection, clock, subject, known.person_ref, recipient.person_ref)
        known = cause.state_after(known)
        readdress(connection, clock, subject, recipient.person_ref, outdated_kinds(known))
        _cancel_outdated(connection, subject, known, now)
    mail = _mail(context, cause, known or recipient.state, now)
    if add_mail(connection, mail) and mail.state == "cancelled":
        mails_total.labels(mail.kind, "cancelled").inc()


def handle_registrations(connection: Connection, context: NotificationsContext, causes: Sequence[MailCause]) -> None:
    """As :func:`handle_registration` for each in order: all new subjects in one batch, the others one by one.

    A new subject has no mail yet, so there is nothing to cancel and nothing to readdress.
    """
    now, times = context.clock(), Counter(cause.recipient.subject for cause in causes)
    known = lock_states(connection, list(times))
    new = {
        cause.recipient.subject: cause
        for cause in causes
        if cause.recipient.subject not in known and times[cause.recipient.subject] == 1 and _is_wanted(cause)
    }
    _add_new(connection, context, list(new.values()), now)
    for cause in causes:
        if cause.recipient.subject not in new:
            handle_registration(connection, context, cause)


def mail_once(connection: Connection, context: NotificationsContext, causes: Sequence[MailCause]) -> None:
    """Create the mail of each confirmation link and former address that has none yet and is not erased.

    The recipient may be deleted with its mail, so the mail shows that the message was handled before.
    """
    now, subjects = context.clock(), {cause.recipient.subject: cause for cause in causes}
    known = lock_states(connection, list(subjects))
    done = mailed_among(connection, list(subjects)) | {subject for subject, state in known.items() if state.erased}
    _add_new(connection, context, [cause for subject, cause in subjects.items() if subject not in done], now)


def _add_new(connection: Connection, context: NotificationsContext, causes: Sequence[MailCause], now: datetime) -> None:
    if causes:
        upsert_recipients(connection, [_encrypted(context, cause) for cause in causes], now)
        add_mails(connection, [_mail(context, cause, cause.recipient.state, now) for cause in causes])


def _is_wanted(cause: MailCause) -> bool:
    """Whether its mail is not cancelled at once."""
    return cause.mailed and not is_outdated(cause.kind, cause.number, cause.recipient.state)


def _encrypted(context: NotificationsContext, cause: MailCause) -> EncryptedRecipient:
    return EncryptedRecipient(cause.recipient, context.vault.close(cause.personal, row=cause.recipient.subject))


def _cancel_outdated(connection: Connection, subject: str, known: SubjectState, now: datetime) -> None:
    kinds = outdated_kinds(known)
    for kind in cancel_outdated(connection, subject, known.revision, kinds, NUMBERED_APART, SUPERSEDED, now):
        mails_total.labels(kind, "cancelled").inc()


def _mail(context: NotificationsContext, cause: MailCause, known: SubjectState, now: datetime) -> NewMail:
    recipient = cause.recipient
    left = bool(cause.token) and recipient.revision < known.revision and recipient.person_ref != known.person_ref
    mail_id = mail_id_of(cause.kind, recipient.subject, cause.number, recipient.person_ref)
    outdated = not cause.mailed or left or is_outdated(cause.kind, cause.number, known)
    return NewMail(
        id=mail_id,
        kind=cause.kind,
        subject=recipient.subject,
        revision=cause.number,
        event=recipient.event or known.event,
        state="cancelled" if outdated else "queued",
        reason=SUPERSEDED if outdated else None,
        message_id=f"<{mail_id}@{context.mail_domain}>",
        cause_at=recipient.occurred_at,
        created_at=now,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
        closed=context.vault.close({"token": cause.token}, row=mail_id) if cause.token and not outdated else None,
        detail=cause.detail,
    )


@dataclass(frozen=True, slots=True)
class DecisionCause:
    """The content of a message about a decision on a proposal.

    Attributes:
        kind: the kind of the mail, one of ``DECISION_KINDS``.
        proposal: id of its registration.
        revision: the revision of the review, from 1.
        event: the side event that the proposal became; None if it became none.
        note: the coordinators' note; may be empty.
        occurred_at: time of the decision, aware.
    """

    kind: str
    proposal: str
    revision: int
    event: str | None
    note: str
    occurred_at: datetime
    correlation_id: str
    traceparent: str = ""


def handle_decision(connection: Connection, context: NotificationsContext, decision: DecisionCause) -> None:
    """Store the decision if it is the newest, create its mail, cancel unsent mails of older decisions.

    Args:
        connection: the connection of the message's own transaction.
        decision: the content of the message.

    Raises:
        Retry: the registration is not known yet.
    """
    now, known = context.clock(), lock_state(connection, decision.proposal)
    if known is None:
        raise Retry(UNKNOWN_PROPOSAL)
    if known.erased or decision.revision <= known.decision:
        return
    store_decision(connection, decision.proposal, decision.revision, decision.event, now)
    reported = _is_reported_by_news(connection, decision)
    for kind in cancel_outdated(connection, decision.proposal, decision.revision, DECISION_KINDS, (), SUPERSEDED, now):
        mails_total.labels(kind, "cancelled").inc()
    if not reported and known.status in KINDS[decision.kind].true_while:
        add_mail(connection, _decision_mail(context, decision, known.person_ref or "", now))


def _is_reported_by_news(connection: Connection, decision: DecisionCause) -> bool:
    """Whether news of the side event report the decision: its place in the timetable was lost or changed.

    An unsent mail about the first place covers all later ones, because it is composed when it is sent.
    """
    if decision.kind == ACCEPTED:
        return decision.event is not None
    return decision.kind == SCHEDULED and renumber_mail(connection, decision.proposal, SCHEDULED, decision.revision)


def _decision_mail(context: NotificationsContext, decision: DecisionCause, person_ref: str, now: datetime) -> NewMail:
    mail_id = mail_id_of(decision.kind, decision.proposal, decision.revision, person_ref)
    return NewMail(
        id=mail_id,
        kind=decision.kind,
        subject=decision.proposal,
        revision=decision.revision,
        event=decision.event if decision.kind == SCHEDULED else None,
        message_id=f"<{mail_id}@{context.mail_domain}>",
        cause_at=decision.occurred_at,
        created_at=now,
        correlation_id=decision.correlation_id,
        traceparent=decision.traceparent,
        closed=context.vault.close({"note": decision.note}, row=mail_id) if decision.note else None,
    )


def queue_webhooks(connection: Connection, clock: Clock, causes: Sequence[MailCause]) -> None:
    """Queue a delivery to each webhook of each partner whose registration was confirmed or cancelled.

    The delivery is queued in the transaction of the message: once, or not at all.

    Args:
        connection: the connection of the messages' own transaction.
        clock: the source of the current time.
        causes: the contents of the messages. Those that concern no partner cost no query.
    """
    events = [event for event in map(_webhook_event, causes) if event is not None]
    if events:
        queue_deliveries(connection, events, clock())


def _webhook_event(cause: MailCause) -> WebhookEvent | None:
    recipient, event_type = cause.recipient, TYPE_OF_KIND.get(cause.kind)
    if event_type is None or recipient.partner is None or recipient.form is None:
        return None
    return WebhookEvent(
        event_type,
        recipient.partner,
        recipient.subject,
        cause.number,
        recipient.form,
        recipient.status,
        recipient.occurred_at,
        cause.traceparent,
    )
