"""Handles what coordinators decided on a proposal: its newest decision causes one mail, in which their note stands.

In any order of decisions and messages about the registration, and however often each comes, the same mails go. The
side event that a proposal became is stored with its recipient, who takes part in it from then on: so a side event that
moves is told as the news of any other event, and neither a later place nor the loss of it makes a mail here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifications.domain.kinds import ACCEPTED, DECISION_KINDS, KINDS, SCHEDULED
from services.notifications.domain.mail import NewMail, mail_id_of
from services.notifications.domain.truth import SUPERSEDED
from services.notifications.store.mails import add_mail, renumber_mail
from services.notifications.store.recipients import lock_standing, store_decision
from services.notifications.store.withdrawing import call_off
from shared.core.clock import Clock
from shared.core.errors import Retry
from shared.core.metrics import mails_total
from shared.core.sealing import Vault

UNKNOWN_PROPOSAL = "the registration of the proposal has not been heard of yet"


@dataclass(frozen=True, slots=True)
class Decision:
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


def handle_decision(connection: Connection, clock: Clock, vault: Vault, mail_domain: str, decision: Decision) -> None:
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
    now, known = clock(), lock_standing(connection, decision.proposal)
    if known is None:
        raise Retry(UNKNOWN_PROPOSAL)
    if known.erased or decision.revision <= known.decision:
        return
    store_decision(connection, decision.proposal, decision.revision, decision.event, now)
    told = _is_told_by_news(connection, decision)
    for kind in call_off(connection, decision.proposal, decision.revision, DECISION_KINDS, (), SUPERSEDED, now):
        mails_total.labels(kind, "called_off").inc()
    if not told and known.status in KINDS[decision.kind].true_while:
        add_mail(connection, _mail(decision, known.person_ref or "", vault, mail_domain, now))


def _is_told_by_news(connection: Connection, decision: Decision) -> bool:
    """Whether the news of the side event tell it: it lost its place in the timetable, or has another one.

    The mail about the first place stands for all later ones if it has not gone yet, since it is written when it goes.
    """
    if decision.kind == ACCEPTED:
        return decision.event is not None
    return decision.kind == SCHEDULED and renumber_mail(connection, decision.proposal, SCHEDULED, decision.revision)


def _mail(decision: Decision, recipient: str, vault: Vault, mail_domain: str, now: datetime) -> NewMail:
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
