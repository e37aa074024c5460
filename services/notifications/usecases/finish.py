"""Settles mails: stores what became of them, with the message that says so where one is due.

Where a mail about a confirmation link or a former address has ended, its recipient is deleted in the same transaction.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.notifications.domain.kinds import KINDS, MAILED_ONCE
from services.notifications.domain.mail import FINAL, RELEASED, Verdict
from services.notifications.outgoing import KEY_OF_OUTCOME, mail_message
from services.notifications.store.handovers import settle
from services.notifications.store.recipients import forget_mailed
from shared.core.metrics import mail_handover_seconds, mail_unknown_resolved_total, mails_total
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

Settled = tuple[Verdict, str]
"""A verdict that counted, and the state its mail was in before."""


def finish(work: UnitOfWork, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Store ``verdicts``. Doing it again, after a commit that was not answered, changes nothing.

    Returns:
        those that counted; the others came too late: their mail is in somebody else's hands.

    Raises:
        Unavailable: the database is away; try again with the same.
    """
    with work.transaction() as connection:
        settled = settle_all(connection, verdicts)
    count(settled)
    return [verdict for verdict, _before in settled]


def settle_all(connection: Connection, verdicts: Sequence[Verdict]) -> list[Settled]:
    """Store ``verdicts`` in the caller's transaction; :func:`count` them after its commit."""
    found = [(verdict, settle(connection, verdict)) for verdict in verdicts]
    settled = [(verdict, before) for verdict, before in found if before is not None]
    ended = [verdict for verdict, _before in settled if verdict.outcome in FINAL]
    told = [verdict for verdict in ended if verdict.outcome in KEY_OF_OUTCOME]
    outbox.add(connection, [mail_message(KEY_OF_OUTCOME[each.outcome], each.mail, each.at) for each in told])
    forget_mailed(connection, [each.mail.subject for each in ended if KINDS[each.mail.kind].about in MAILED_ONCE])
    return settled


def count(settled: Sequence[Settled]) -> None:
    """Count what has been committed."""
    for verdict, before in settled:
        if before == "unknown":
            mail_unknown_resolved_total.labels("found").inc()
        if verdict.outcome != RELEASED:
            mails_total.labels(verdict.mail.kind, verdict.outcome).inc()
        if verdict.outcome == "sent":
            age = verdict.at - verdict.mail.cause_at
            mail_handover_seconds.labels(verdict.mail.kind).observe(max(0.0, age.total_seconds()))
