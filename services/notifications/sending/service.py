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
    requeue_claims,
    requeue_expired,
    requeue_unknown,
    store_outcome,
)
from services.notifications.telemetry import (
    mail_handover_seconds,
    mail_oldest_pending_age_seconds,
    mail_unknown_resolved_total,
    mails_due,
    mails_total,
)
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import Clock, rfc3339
from shared.runtime.ids import new_id

MIN_SHARE = 1
"""Mails of each later lane in a batch, if any are due, so that no lane starves."""


def claim_plan(limit: int) -> list[tuple[str, int]]:
    """Return lanes in the order to claim from, each with its maximum; a second pass uses what is left.

    Args:
        limit: mails in the batch. If it is too small for all lanes, only urgency counts.
    """
    first, *later = LANES
    second_pass = [(lane, limit) for lane in LANES]
    if limit <= MIN_SHARE * len(later):
        return second_pass
    return [(first, limit - MIN_SHARE * len(later)), *((lane, MIN_SHARE) for lane in later), *second_pass]


StoredOutcome = tuple[HandoverOutcome, str]
"""An outcome that was stored, and the state of its mail before."""


def finish_mails(work: UnitOfWork, outcomes: Sequence[HandoverOutcome]) -> list[HandoverOutcome]:
    """Store ``outcomes``. Doing it again, after a commit without an answer, changes nothing.

    Returns:
        the outcomes that were stored. The others were too late: another sender has claimed the mail.

    Raises:
        Unavailable: the database is down; try again with the same.
    """
    with work.transaction() as connection:
        stored = store_outcomes(connection, outcomes)
    count_outcomes(stored)
    return [outcome for outcome, _before in stored]


def store_outcomes(connection: Connection, outcomes: Sequence[HandoverOutcome]) -> list[StoredOutcome]:
    """Store ``outcomes`` in the caller's transaction. After the commit call :func:`count_outcomes`."""
    found = [(outcome, store_outcome(connection, outcome)) for outcome in outcomes]
    stored = [(outcome, before) for outcome, before in found if before is not None]
    ended = [outcome for outcome, _before in stored if outcome.result in FINAL_OUTCOMES]
    reported = [outcome for outcome in ended if outcome.result in KEY_OF_OUTCOME]
    outbox.add(connection, [outcome_message(outcome) for outcome in reported])
    delete_mailed(
        connection, [outcome.mail.subject for outcome in ended if KINDS[outcome.mail.kind].about in MAILED_ONCE]
    )
    return stored


def count_outcomes(stored: Sequence[StoredOutcome]) -> None:
    """Count committed outcomes in the metrics."""
    for outcome, before in stored:
        if before == "unknown":
            mail_unknown_resolved_total.labels("found").inc()
        if outcome.result != RELEASED:
            mails_total.labels(outcome.mail.kind, outcome.result).inc()
        if outcome.result == "sent":
            age = outcome.at - outcome.mail.cause_at
            mail_handover_seconds.labels(outcome.mail.kind).observe(max(0.0, age.total_seconds()))


LEASE = timedelta(minutes=10)
"""Longer than all timeouts of one handover together: announcing (two minutes) and handing over (three)."""


def claim_due(work: UnitOfWork, clock: Clock, limit: int, lease_until: datetime | None = None) -> list[Claim]:
    """Claim up to ``limit`` due mails, urgent lanes first, with a share for every lane.

    An announcement whose registration has ended in the meantime is readdressed to another one and waits again.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        limit: mails in the batch.
        lease_until: when the claims end, by default ``LEASE`` from now; after that any sender can claim the mails.

    Raises:
        Unavailable: the database is down. It may have committed the claims without an answer: release them
            (:func:`release_claims`), or their mails wait until ``lease_until``.
    """
    claims: list[Claim] = []
    with work.transaction() as connection:
        now = clock()
        empty = set(LANES) - lanes_due(connection, LANES, now)
        for lane, share in claim_plan(limit):
            wanted = min(share, limit - len(claims))
            if lane in empty or wanted == 0:
                continue
            found = claim_mails(connection, lane, wanted, now, lease_until or now + LEASE)
            claims += found
            if len(found) < wanted:
                empty.add(lane)
        moved = _readdress_ended(connection, clock, claims)
    return [claim for claim in claims if claim.mail.id not in moved]


def release_claims(work: UnitOfWork, clock: Clock, leases: Sequence[datetime]) -> list[datetime]:
    """Release mails that were claimed in a commit without an answer, before their handover has begun.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        leases: the ``lease_until`` of those claims. A mail that another sender has claimed has another one.

    Returns:
        the leases that are not over. Try again with these: the server may still commit.

    Raises:
        Unavailable: the database is down; try again with the same.
    """
    with work.transaction() as connection:
        now = clock()
        requeue_claims(connection, leases, now)
    return [lease_until for lease_until in leases if lease_until > now]


def _readdress_ended(connection: Connection, clock: Clock, claims: list[Claim]) -> set[str]:
    """Readdress announcements of ended registrations; returns the ids of mails that are no longer claimed."""
    moved: set[str] = set()
    for mail, recipient in ((claim.mail, claim.recipient) for claim in claims):
        ended = is_outdated(mail.kind, mail.revision, recipient.state)
        if ended and mail.kind in ANNOUNCED_KINDS and mail.id not in moved:
            moved |= readdress(connection, clock, recipient.subject, recipient.person_ref, [mail.kind])
    return moved


def begin_handover(
    work: UnitOfWork, clock: Clock, mail: ClaimedMail, before: Sequence[HandoverOutcome] = (), lease: timedelta = LEASE
) -> bool:
    """Commit that the handover of ``mail`` begins, together with the outcomes of the mails before it.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        mail: the mail that the caller has claimed.
        before: outcomes of the mails before, stored in the same commit.
        lease: the time for which the claim lasts from now on.

    Returns:
        whether it may be handed over; False if its lease expired, or it was cancelled.

    Raises:
        Unavailable: the database is down; do not send, because nothing may be stored.
    """
    with work.transaction() as connection:
        now = clock()
        begun = mark_handover(connection, mail, now, now + lease)
        stored = store_outcomes(connection, before)
    count_outcomes(stored)
    return begun


UNKNOWN_AFTER = timedelta(minutes=15)
"""How long an unknown mail waits before it is resent: its sender may still report the outcome."""

LATEST_DUE = timedelta(seconds=MAX_DELAY_S) + timedelta(hours=1)
"""No mail waits longer: the longest delay, and the difference between two clocks."""

SENDER_GONE = "the sender ended during the handover"
GIVEN_UP_REASON = "handed over or not: unknown, and not sent again"


@dataclass(frozen=True, slots=True)
class Reaped:
    """Number of mails that were requeued, became unknown, were resent, and stay unknown (left or given up)."""

    given_back: int
    lost: int
    resent: int
    given_up: int


def reap_leases(work: UnitOfWork, now: datetime, unknown_after: timedelta = UNKNOWN_AFTER) -> Reaped:
    """Clean up after senders that ended, and resolve unknown outcomes. Any number of processes can run it.

    Args:
        work: the unit of work on the service's database.
        now: a checked time: a wrong clock would end the claims of other senders.
        unknown_after: how long a mail stays unknown before it is resolved.

    Raises:
        Unavailable: the database is down.
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
    outdated = is_outdated(mail.kind, mail.revision, mail.subject_state)
    return resolve_unknown(mail.kind, mail.unknowns, outdated=outdated)


def measure_lanes(work: UnitOfWork, clock: Clock) -> dict[str, float]:
    """Set the gauges; returns the age of the mail due longest by lane, in seconds, 0 if none is due.

    Raises:
        Unavailable: the database is down; the gauges do not change.
    """
    with work.transaction() as connection:
        now = clock()
        waiting = {lane: count_due(connection, lane, now) for lane in LANES}
    ages_s = {lane: (now - oldest).total_seconds() if oldest else 0.0 for lane, (_, oldest) in waiting.items()}
    for lane, (count, _) in waiting.items():
        mails_due.labels(lane).set(count)
        mail_oldest_pending_age_seconds.labels(lane).set(ages_s[lane])
    return ages_s


SENT = "mail.sent.v1"
BOUNCED = "mail.bounced.v1"
SUPPRESSED = "mail.suppressed.v1"

KEY_OF_OUTCOME = {"sent": SENT, "failed": BOUNCED, "suppressed": SUPPRESSED}
"""Routing key by what became of a mail; nothing is published about other outcomes."""


def outcome_message(outcome: HandoverOutcome) -> Message:
    """Return the message about what became of a mail; ``outcome`` is one of ``KEY_OF_OUTCOME``."""
    mail, key = outcome.mail, KEY_OF_OUTCOME[outcome.result]
    data = {
        "mail_id": mail.id,
        "revision": mail.revision,
        "kind": mail.kind,
        "about": KINDS[mail.kind].about,
        "subject": mail.subject,
        "event": mail.event,
        "caused_at": rfc3339(mail.cause_at),
        "occurred_at": rfc3339(outcome.at),
    }
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("notifications"),
        subject=mail.id,
        time=outcome.at,
        data=data | {"refused": outcome.refused} if key == BOUNCED else data,
        correlation_id=mail.correlation_id,
        traceparent=mail.traceparent,
    )
