"""SQL on mails that senders process: claim under a lease, begin under a fence, store the outcome once, clean up.

The fence rises with each claim. A sender stores outcomes under the fence of the claim that it made. So a sender that
comes back after another one has claimed the mail changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.mails.kinds import LANES, REPLACEABLE_NEWS, SEATED, SubjectState
from services.notifications.mails.model import (
    ERASED,
    OUTCOME_STATES,
    WITHOUT_CONTENT,
    ClaimedMail,
    HandoverOutcome,
    sources_of,
)
from services.notifications.recipients.audience import KNOWS_CHANGE
from services.notifications.recipients.model import Recipient
from services.notifications.recipients.store import (
    BEST_FIRST,
    RECIPIENT_COLUMNS,
    RECIPIENT_WIDTH,
    recipient_of,
)
from shared.vocabulary.form_kinds import IN_CALENDARS, quoted

_MAIL_END = 14
_RECIPIENT_END = _MAIL_END + RECIPIENT_WIDTH
_SEATED = f"ORDER BY {BEST_FIRST.format('o')}) FILTER (WHERE o.status = '{SEATED}'))[1]"
_HELD = f"""
    SELECT CAST(sum(o.revision + o.carried) AS integer) AS changes,
        (array_agg(CAST(o.subject AS text) {_SEATED} AS seat,
        (array_agg(o.closed {_SEATED} AS closed,
        (array_agg(o.form {_SEATED} AS form
    FROM recipient o WHERE o.person_ref = c.recipient AND o.event = c.event AND o.about = 'registration'
        AND o.form_kind = ANY(ARRAY{list(IN_CALENDARS)})"""  # noqa: S608 - names of our own columns
"""All registrations of a mail's recipient for its event."""

_RECORDING = """
    SELECT o.content FROM resource_copy o WHERE c.kind = 'recording-available' AND o.content ->> 'event' = c.event
        AND o.content ->> 'kind' = 'recording' AND o.content ->> 'published' = 'true'
    ORDER BY o.id = c.detail ->> 'resource' DESC, o.noted_at DESC, o.id LIMIT 1"""
"""The published recording of a mail's event: the announced one, else the one that was published or changed last."""

_KNOWS_NEWS = KNOWS_CHANGE.format(person="c.recipient", event="c.event", shown="CAST(c.detail ->> 'shown' AS integer)")
_LANES_DUE = text("""
    SELECT l.lane FROM unnest(CAST(:lanes AS text[])) AS l(lane) WHERE EXISTS (
        SELECT FROM mail m WHERE m.lane = l.lane AND m.state IN ('queued', 'deferred') AND m.due_at <= :now
            AND (m.expires_at IS NULL OR m.expires_at > :now))
""")
_CLAIM = text(f"""
    WITH due AS (
        SELECT id FROM mail WHERE lane = :lane AND state IN ('queued', 'deferred') AND due_at <= :now
            AND (expires_at IS NULL OR expires_at > :now)
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE mail m SET state = 'claimed', phase = 'claimed', fence = fence + 1, lease_until = :lease_until,
            reason = NULL, event_revision = (SELECT e.revision FROM event_copy e WHERE e.id = m.event)
        FROM due WHERE m.id = due.id RETURNING m.*),
    opened AS (
        INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at)
        SELECT id, fence, message_id, 'claimed', :now FROM claimed)
    SELECT c.id::text, c.kind, c.subject::text, c.revision, c.event, c.message_id, c.fence, c.attempts, c.unknowns,
        c.lease_until, c.cause_at, coalesce(c.requeued_at, c.created_at), c.correlation_id,
        c.traceparent,
        {RECIPIENT_COLUMNS}, h.changes, h.seat, h.closed, CAST(f.content ->> 'alarm_minutes' AS integer),
        e.content, a.content, g.content -> 'title', c.detail, b.texts, s.person_ref IS NOT NULL,
        c.kind IN ({quoted(REPLACEABLE_NEWS)})
            AND {_KNOWS_NEWS},
        c.requeued_at IS NOT NULL, c.closed, b.stopped_at IS NOT NULL, w.content
    FROM claimed c JOIN recipient r ON r.subject = c.subject LEFT JOIN event_copy e ON e.id = c.event
        LEFT JOIN event_copy a ON a.id = r.attend LEFT JOIN working_group_copy g ON g.id = r.working_group
        LEFT JOIN bulletin b ON c.kind IN ('bulletin', 'bulletin-test') AND b.number = c.revision
        LEFT JOIN suppression s ON c.kind = 'bulletin' AND s.person_ref = c.recipient
        LEFT JOIN LATERAL ({_RECORDING}) w ON true
        LEFT JOIN LATERAL ({_HELD}) h ON h.changes IS NOT NULL LEFT JOIN form_copy f ON f.id = h.form
    ORDER BY c.due_at, c.number
""")  # noqa: S608 - names of our own columns
_BEGIN = text("""
    WITH mine AS (
        SELECT id, fence FROM mail WHERE id = CAST(:id AS uuid) AND state = 'claimed' AND phase = 'claimed'
            AND fence = :fence AND lease_until > :now AND (expires_at IS NULL OR expires_at > :now)
        FOR UPDATE),
    begun AS (UPDATE mail m SET phase = 'data', lease_until = :lease_until FROM mine WHERE m.id = mine.id)
    UPDATE mail_attempt a SET phase = 'data' FROM mine WHERE a.mail_id = mine.id AND a.number = mine.fence
""")
_STORE_OUTCOME = text("""
    WITH mine AS (
        SELECT id, fence, state, recipient IS NULL AS erased FROM mail
        WHERE id = CAST(:id AS uuid) AND fence = :fence AND state = ANY(:sources) FOR UPDATE),
    settled AS (
        UPDATE mail m SET
            state = CASE WHEN NOT mine.erased OR :state NOT IN ('queued', 'deferred') THEN :state
                WHEN mine.state = 'unknown' THEN 'unknown' ELSE 'cancelled' END,
            reason = CASE WHEN mine.erased AND :state <> 'sent' THEN :erased ELSE :reason END,
            sent_at = :sent_at, phase = NULL, lease_until = NULL,
            closed = CASE WHEN NOT (:ends_content OR mine.erased) THEN m.closed END,
            ended_at = CASE WHEN :state = 'failed' THEN CAST(:at AS timestamptz) END,
            due_at = CASE WHEN NOT mine.erased
                THEN coalesce(:due_at, CASE WHEN :state = 'queued' THEN m.due_at END) END,
            attempts = attempts + CASE mine.state WHEN 'claimed' THEN :tried ELSE 0 END,
            unknowns = unknowns + :unknown
        FROM mine WHERE m.id = mine.id),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :at, outcome = :outcome FROM mine
        WHERE a.mail_id = mine.id AND a.number = mine.fence)
    SELECT state FROM mine
""")


@dataclass(frozen=True, slots=True)
class Seat:
    """The (best) registration with a seat of a person; ``closed`` is encrypted and bound to ``subject``."""

    subject: str
    closed: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """All registrations of a person for an event: the sum of their revisions, and the seat, if any.

    ``alarm_minutes`` is from the form of the seat; None without one.
    """

    changes: int
    seat: Seat | None
    alarm_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed mail with everything that it is composed from.

    Attributes:
        personal: personal data of the recipient, encrypted, bound to the recipient's subject.
        held: all registrations by which the person takes part in the event; None if there is none.
        event: stored copy of the mail's event; None until its message arrives.
        attend: the same of the event that the form asks people to attend.
        group: title of the subject's working group, by language.
        detail: further content of the mail.
        texts: the texts of the bulletin, by language.
        suppressed: whether it is a bulletin and the person is suppressed.
        known: whether it is news that the person's own confirmation reports.
        sent_again: whether a person had it sent again after it had ended.
        closed: personal content of this mail only, encrypted; None without any.
        stopped: whether its bulletin was stopped.
        resource: stored copy of the recording that it announces, or that took its place; None if none of its event is
            published, and for other mails.
    """

    mail: ClaimedMail
    recipient: Recipient
    personal: bytes
    held: Held | None
    event: Mapping[str, Any] | None
    attend: Mapping[str, Any] | None = None
    group: Mapping[str, str] | None = None
    detail: Mapping[str, Any] | None = None
    texts: Mapping[str, Mapping[str, str]] | None = None
    suppressed: bool = False
    known: bool = False
    sent_again: bool = False
    closed: bytes | None = None
    stopped: bool = False
    resource: Mapping[str, Any] | None = None


def lanes_due(connection: Connection, lanes: Sequence[str], now: datetime) -> set[str]:
    """Return the lanes with due mails. This query costs far less than a claim that finds nothing."""
    return set(connection.execute(_LANES_DUE, {"lanes": list(lanes), "now": now}).scalars())


def claim_mails(connection: Connection, lane: str, limit: int, now: datetime, lease_until: datetime) -> list[Claim]:
    """Claim up to ``limit`` due mails of a lane, longest due first; skips mails that others claim."""
    rows = connection.execute(_CLAIM, {"lane": lane, "most": limit, "now": now, "lease_until": lease_until})
    return [_claim(tuple(row)) for row in rows]


def _claim(row: tuple[Any, ...]) -> Claim:
    changes, seat, closed, alarm_minutes, *rest = row[_RECIPIENT_END:]
    held = None if changes is None else Held(changes, None if seat is None else Seat(seat, closed), alarm_minutes)
    found = recipient_of(row[_MAIL_END:_RECIPIENT_END])
    return Claim(ClaimedMail(*row[:_MAIL_END]), found.recipient, found.closed, held, *rest)


def mark_handover(connection: Connection, mail: ClaimedMail, now: datetime, lease_until: datetime) -> bool:
    """Mark that the handover of ``mail`` begins, and extend its lease; returns False if it must not begin.

    It must not if the lease has expired, the mail has expired, it was cancelled, or another sender has claimed it. It
    is the first statement of its transaction, so that it waits for others without a lock that they could wait for.
    """
    parameters = {"id": mail.id, "fence": mail.fence, "now": now, "lease_until": lease_until}
    return connection.execute(_BEGIN, parameters).rowcount == 1


def store_outcome(connection: Connection, outcome: HandoverOutcome) -> str | None:
    """Store the outcome of a mail; returns its state before, or None if this claim had ended.

    If the recipient was erased since the claim, ``sent`` is stored. After any other outcome the mail is not sent any
    more.
    """
    state = OUTCOME_STATES[outcome.result]
    sources = [source for source in sources_of(state) if source in ("claimed", "unknown")]
    before: str | None = connection.execute(
        _STORE_OUTCOME,
        {
            "id": outcome.mail.id,
            "fence": outcome.mail.fence,
            "sources": sources,
            "state": state,
            "reason": outcome.reason,
            "sent_at": outcome.at if state == "sent" else None,
            "due_at": outcome.due_at,
            "tried": int(outcome.tried),
            "unknown": int(state == "unknown"),
            "outcome": outcome.result,
            "erased": ERASED,
            "ends_content": state in WITHOUT_CONTENT,
            "at": outcome.at,
        },
    ).scalar()
    return before


_REQUEUE = """
    WITH lost AS (
        SELECT id, fence FROM mail WHERE state = 'claimed' AND phase = 'claimed' AND {which}
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'released' FROM lost
        WHERE a.mail_id = lost.id AND a.number = lost.fence)
    UPDATE mail m SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    FROM lost WHERE m.id = lost.id
"""
_REQUEUE_EXPIRED = text(_REQUEUE.format(which="(lease_until <= :now OR lease_until > :latest)"))
_REQUEUE_CLAIMS = text(_REQUEUE.format(which="lease_until = ANY(CAST(:leases AS timestamptz[]))"))
_MARK_UNKNOWN = text("""
    WITH lost AS (
        SELECT id, fence FROM mail WHERE state = 'claimed' AND phase = 'data'
            AND (lease_until <= :now OR lease_until > :latest)
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'unknown' FROM lost
        WHERE a.mail_id = lost.id AND a.number = lost.fence)
    UPDATE mail m SET state = 'unknown', phase = NULL, lease_until = NULL, reason = :reason,
        due_at = CASE WHEN m.recipient IS NOT NULL THEN CAST(:due_at AS timestamptz) END,
        attempts = attempts + 1, unknowns = unknowns + 1
    FROM lost WHERE m.id = lost.id
    RETURNING m.kind
""")
_UNKNOWN = text("""
    SELECT m.id::text, m.kind, m.subject::text, m.revision, m.unknowns, r.revision, r.status, r.decision
    FROM mail m JOIN recipient r ON r.subject = m.subject
    WHERE m.state = 'unknown' AND m.due_at <= :now
    ORDER BY m.due_at LIMIT :most FOR UPDATE OF m SKIP LOCKED
""")
_REQUEUE_UNKNOWN = text("UPDATE mail SET state = 'queued', due_at = :now, reason = NULL WHERE id = CAST(:id AS uuid)")
_LEAVE_UNKNOWN = text("UPDATE mail SET due_at = NULL, reason = :reason, ended_at = :now WHERE id = CAST(:id AS uuid)")
_COUNT_DUE = text("""
    SELECT count(*), min(due_at) FROM mail
    WHERE lane = :lane AND state IN ('queued', 'deferred', 'claimed') AND due_at <= :now
""")

_MAKE_DUE = text("""
    UPDATE mail SET due_at = :now WHERE id IN (
        SELECT id FROM mail WHERE lane = ANY(:lanes) AND state IN ('queued', 'deferred') AND due_at > :latest
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_MAKE_UNKNOWN_DUE = text("""
    UPDATE mail SET due_at = :now WHERE id IN (
        SELECT id FROM mail WHERE state = 'unknown' AND due_at > :latest LIMIT :most FOR UPDATE SKIP LOCKED)
""")

MAX_LEASE = timedelta(days=1)
"""Maximum of the setting: a lease that ends later was set by a wrong clock."""

MAX_ROWS = 100
"""Rows of one clean-up, so that no transaction is long."""


@dataclass(frozen=True, slots=True)
class UnknownMail:
    """A mail with an unknown outcome, and the newest known state of its subject."""

    id: str
    kind: str
    subject: str
    revision: int
    unknowns: int
    subject_state: SubjectState


def requeue_expired(connection: Connection, now: datetime) -> int:
    """Requeue mails whose lease expired before the handover began; returns their number."""
    return connection.execute(_REQUEUE_EXPIRED, {"now": now, "latest": now + MAX_LEASE, "most": MAX_ROWS}).rowcount


def requeue_claims(connection: Connection, leases: Sequence[datetime], now: datetime) -> int:
    """Requeue mails that were claimed with one of these leases, if no handover has begun; returns their number."""
    return connection.execute(_REQUEUE_CLAIMS, {"leases": list(leases), "now": now, "most": MAX_ROWS}).rowcount


def mark_unknown(connection: Connection, now: datetime, due_at: datetime, reason: str) -> list[str]:
    """Mark mails as unknown whose lease expired during the handover; returns their kinds.

    A mail whose recipient was erased since the claim stays unknown permanently.

    Args:
        now: the time.
        due_at: when the outcome is resolved.
        reason: shown to operators.
    """
    values = {"now": now, "latest": now + MAX_LEASE, "most": MAX_ROWS, "due_at": due_at, "reason": reason}
    return list(connection.execute(_MARK_UNKNOWN, values).scalars())


def make_due(connection: Connection, now: datetime, latest_due: datetime, latest_decided: datetime) -> int:
    """Make mails due now that a wrong clock has delayed beyond any backoff; returns their number.

    Args:
        connection: the connection of the caller's transaction.
        now: a checked time.
        latest_due: no mail waits longer.
        latest_decided: no unknown mail is resolved later.
    """
    values = {"now": now, "lanes": list(LANES), "most": MAX_ROWS}
    waiting = connection.execute(_MAKE_DUE, values | {"latest": latest_due}).rowcount
    return waiting + connection.execute(_MAKE_UNKNOWN_DUE, values | {"latest": latest_decided}).rowcount


def due_unknown(connection: Connection, now: datetime) -> list[UnknownMail]:
    """Lock and return unknown mails that are to be resolved now."""
    rows = connection.execute(_UNKNOWN, {"now": now, "most": MAX_ROWS})
    return [
        UnknownMail(row[0], row[1], row[2], row[3], row[4], SubjectState(row[5], row[6], decision=row[7]))
        for row in rows
    ]


def requeue_unknown(connection: Connection, mail_id: str, now: datetime) -> None:
    """Queue an unknown mail again."""
    connection.execute(_REQUEUE_UNKNOWN, {"id": mail_id, "now": now})


def leave_unknown(connection: Connection, mail_id: str, reason: str, now: datetime) -> None:
    """Leave a mail unknown, unless a person has it sent again."""
    connection.execute(_LEAVE_UNKNOWN, {"id": mail_id, "reason": reason, "now": now})


def count_due(connection: Connection, lane: str, now: datetime) -> tuple[int, datetime | None]:
    """Return the number of due mails of a lane, and since when the oldest is due; None if none is."""
    count, oldest = connection.execute(_COUNT_DUE, {"lane": lane, "now": now}).one()
    return count, oldest
