"""Use cases of senders: claim due mails, begin a handover, store outcomes, clean up expired leases.

The commit before DATA records that a handover begins, because a crash after it leaves an unknown outcome. The recipient
of a confirmation link or a former address is deleted in the transaction that ends its mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.notifications.mails.kinds import ANNOUNCED_KINDS, KINDS, LANES, MAILED_ONCE, is_outdated
from services.notifications.mails.model import FINAL_OUTCOMES, RELEASED, ClaimedMail, HandoverOutcome
from services.notifications.recipients.service import readdress
from services.notifications.recipients.store import delete_mailed
from services.notifications.sending.messages import KEY_OF_OUTCOME, mail_message
from services.notifications.sending.outcomes import MAX_DELAY_S, RESENT, resolve_unknown
from services.notifications.sending.store import (
    Claim,
    UnknownMail,
    claim_mails,
    count_due,
    due_unknown,
    lanes_due,
    leave_unknown,
    make_due,
    mark_handover,
    mark_unknown,
    requeue_expired,
    requeue_unknown,
    store_outcome,
)
from shared.core.clock import Clock
from shared.core.metrics import (
    mail_handover_seconds,
    mail_oldest_pending_age_seconds,
    mail_unknown_resolved_total,
    mails_due,
    mails_total,
)
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

MIN_SHARE = 1
"""Places that a batch keeps for each later lane as long as something is due there, so that a rush starves nobody."""


def claim_plan(most: int) -> list[tuple[str, int]]:
    """Lanes in the order to claim from, each with the most to take; what stays unused passes to the second round.

    Args:
        most: mails in the batch. Too small for all lanes, it goes by urgency alone.
    """
    first, *later = LANES
    second_round = [(lane, most) for lane in LANES]
    if most <= MIN_SHARE * len(later):
        return second_round
    return [(first, most - MIN_SHARE * len(later)), *((lane, MIN_SHARE) for lane in later), *second_round]


StoredOutcome = tuple[HandoverOutcome, str]
"""A outcome that counted, and the state its mail was in before."""


def finish_mails(work: UnitOfWork, outcomes: Sequence[HandoverOutcome]) -> list[HandoverOutcome]:
    """Store ``outcomes``. Doing it again, after a commit that was not answered, changes nothing.

    Returns:
        those that counted; the others came too late: their mail is in somebody else's hands.

    Raises:
        Unavailable: the database is away; try again with the same.
    """
    with work.transaction() as connection:
        stored = store_outcomes(connection, outcomes)
    count_outcomes(stored)
    return [outcome for outcome, _before in stored]


def store_outcomes(connection: Connection, outcomes: Sequence[HandoverOutcome]) -> list[StoredOutcome]:
    """Store ``outcomes`` in the caller's transaction; :func:`count` them after its commit."""
    found = [(outcome, store_outcome(connection, outcome)) for outcome in outcomes]
    stored = [(outcome, before) for outcome, before in found if before is not None]
    ended = [outcome for outcome, _before in stored if outcome.result in FINAL_OUTCOMES]
    told = [outcome for outcome in ended if outcome.result in KEY_OF_OUTCOME]
    outbox.add(connection, [mail_message(KEY_OF_OUTCOME[each.result], each.mail, each.at) for each in told])
    delete_mailed(connection, [each.mail.subject for each in ended if KINDS[each.mail.kind].about in MAILED_ONCE])
    return stored


def count_outcomes(stored: Sequence[StoredOutcome]) -> None:
    """Count what has been committed."""
    for outcome, before in stored:
        if before == "unknown":
            mail_unknown_resolved_total.labels("found").inc()
        if outcome.result != RELEASED:
            mails_total.labels(outcome.mail.kind, outcome.result).inc()
        if outcome.result == "sent":
            age = outcome.at - outcome.mail.cause_at
            mail_handover_seconds.labels(outcome.mail.kind).observe(max(0.0, age.total_seconds()))


LEASE = timedelta(minutes=10)
"""Longer than all time limits of one handover together: announced (two minutes) and handed over (three)."""


def claim_due(work: UnitOfWork, clock: Clock, most: int, lease: timedelta = LEASE) -> list[Claim]:
    """Claim up to ``most`` due mails, urgent lanes first, with a place for every lane that has something due.

    An announcement whose registration has ended, while it was made or handed over, waits again by another one.

    Args:
        work: on the service's database.
        clock: of the project.
        most: mails in the batch.
        lease: how long they are the caller's; after that anybody may have them.

    Raises:
        Unavailable: the database is away. A claim whose commit was not answered ends with its lease.
    """
    claims: list[Claim] = []
    with work.transaction() as connection:
        now = clock()
        empty = set(LANES) - lanes_due(connection, LANES, now)
        for lane, share in claim_plan(most):
            wanted = min(share, most - len(claims))
            if lane in empty or wanted == 0:
                continue
            found = claim_mails(connection, lane, wanted, now, now + lease)
            claims += found
            if len(found) < wanted:
                empty.add(lane)
        moved = _readdress_ended(connection, clock, claims)
    return [claim for claim in claims if claim.mail.id not in moved]


def _readdress_ended(connection: Connection, clock: Clock, claims: list[Claim]) -> set[str]:
    """Ids of the mails that are nobody's any more."""
    moved: set[str] = set()
    for mail, recipient in ((one.mail, one.recipient) for one in claims):
        ended = is_outdated(mail.kind, mail.revision, recipient.state)
        if ended and mail.kind in ANNOUNCED_KINDS and mail.id not in moved:
            moved |= readdress(connection, clock, recipient.subject, recipient.person_ref, [mail.kind])
    return moved


def begin_handover(
    work: UnitOfWork, clock: Clock, mail: ClaimedMail, before: Sequence[HandoverOutcome] = (), lease: timedelta = LEASE
) -> bool:
    """Commit that ``mail`` is being handed over, together with what became of the mails before it.

    Args:
        work: on the service's database.
        clock: of the project.
        mail: claimed by the caller.
        before: outcomes on the mails before, stored in the same commit.
        lease: how long the caller has from now.

    Returns:
        whether it may be handed over; False if its lease ran out, or it was called off meanwhile.

    Raises:
        Unavailable: the database is away; do not send, nothing is known to be stored.
    """
    with work.transaction() as connection:
        now = clock()
        begun = mark_handover(connection, mail, now, now + lease)
        stored = store_outcomes(connection, before)
    count_outcomes(stored)
    return begun


UNKNOWN_AFTER = timedelta(minutes=15)
"""How long an unknown mail waits before it is resent: its own sender may still come back and say."""

LATEST_DUE = timedelta(seconds=MAX_DELAY_S) + timedelta(hours=1)
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
        make_due(connection, now, now + LATEST_DUE, now + unknown_after + LATEST_DUE)
        given_back = requeue_expired(connection, now)
        lost = mark_unknown(connection, now, now + unknown_after, SENDER_GONE)
        resolved = [(mail, _resolution(mail)) for mail in due_unknown(connection, now)]
        for mail, resolution in resolved:
            if resolution == RESENT:
                requeue_unknown(connection, mail.id, now)
            else:
                leave_unknown(connection, mail.id, GIVEN_UP_REASON, now)
        left = [mail for mail, resolution in resolved if resolution != RESENT]
        delete_mailed(connection, [mail.subject for mail in left if KINDS[mail.kind].about in MAILED_ONCE])
    for kind in lost:
        mails_total.labels(kind, "unknown").inc()
    for _mail, resolution in resolved:
        mail_unknown_resolved_total.labels(resolution).inc()
    resent = sum(resolution == RESENT for _mail, resolution in resolved)
    return Reaped(given_back, len(lost), resent, len(resolved) - resent)


def _resolution(mail: UnknownMail) -> str:
    untrue = is_outdated(mail.kind, mail.revision, mail.subject_state)
    return resolve_unknown(mail.kind, mail.unknowns, untrue=untrue)


def measure_lanes(work: UnitOfWork, clock: Clock) -> dict[str, float]:
    """Set the gauges and return the age of the longest due mail by lane, seconds; 0 if none is due.

    Raises:
        Unavailable: the database is away; the gauges stay as they were.
    """
    with work.transaction() as connection:
        now = clock()
        waiting = {lane: count_due(connection, lane, now) for lane in LANES}
    ages_s = {lane: (now - oldest).total_seconds() if oldest else 0.0 for lane, (_, oldest) in waiting.items()}
    for lane, (count, _) in waiting.items():
        mails_due.labels(lane).set(count)
        mail_oldest_pending_age_seconds.labels(lane).set(ages_s[lane])
    return ages_s
