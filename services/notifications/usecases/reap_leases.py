"""Clears up after senders that did not come back, and decides on handovers that nobody knows the end of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifications.domain.kinds import KINDS, MAILED_ONCE
from services.notifications.domain.retrying import LONGEST_DELAY_S, RESENT, resolve_unknown
from services.notifications.domain.truth import is_untrue
from services.notifications.store.leases import UnknownMail, due_unknown, give_back, leave_unknown, lose, recall, resend
from services.notifications.store.recipients import forget_mailed
from shared.core.metrics import mail_unknown_resolved_total, mails_total
from shared.store.unit_of_work import UnitOfWork

UNKNOWN_AFTER = timedelta(minutes=15)
"""How long an unknown mail waits before it is resent: its own sender may still come back and say."""

LATEST_DUE = timedelta(seconds=LONGEST_DELAY_S) + timedelta(hours=1)
"""No mail waits for longer: the longest delay, and what two clocks may differ by."""

SENDER_GONE = "the sender ended during the handover"
GIVEN_UP_REASON = "handed over or not: unknown, and not sent again"


@dataclass(frozen=True, slots=True)
class Reaped:
    """How many mails were queued again, became unknown, were resent, stay unknown for good (left or given up)."""

    given_back: int
    lost: int
    resent: int
    given_up: int


def reap_leases(work: UnitOfWork, now: datetime, unknown_after: timedelta = UNKNOWN_AFTER) -> Reaped:
    """Look once; any number of processes may.

    Args:
        work: on the service's database.
        now: compared with the database's time: a wrong clock would take mails out of other senders' hands.
        unknown_after: how long a mail stays unknown before it is decided on.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        recall(connection, now, now + LATEST_DUE, now + unknown_after + LATEST_DUE)
        given_back = give_back(connection, now)
        lost = lose(connection, now, now + unknown_after, SENDER_GONE)
        resolved = [(mail, _resolution(mail)) for mail in due_unknown(connection, now)]
        for mail, resolution in resolved:
            if resolution == RESENT:
                resend(connection, mail.id, now)
            else:
                leave_unknown(connection, mail.id, GIVEN_UP_REASON, now)
        left = [mail for mail, resolution in resolved if resolution != RESENT]
        forget_mailed(connection, [mail.subject for mail in left if KINDS[mail.kind].about in MAILED_ONCE])
    for kind in lost:
        mails_total.labels(kind, "unknown").inc()
    for _mail, resolution in resolved:
        mail_unknown_resolved_total.labels(resolution).inc()
    resent = sum(resolution == RESENT for _mail, resolution in resolved)
    return Reaped(given_back, len(lost), resent, len(resolved) - resent)


def _resolution(mail: UnknownMail) -> str:
    untrue = is_untrue(mail.kind, mail.revision, mail.standing)
    return resolve_unknown(mail.kind, mail.unknowns, untrue=untrue)
