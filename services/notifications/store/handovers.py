"""Mails in a sender's hands: claimed under a lease, handed over under a fence, settled once.

The fence rises with each claim. Whoever settles names the fence of their own claim, so a sender that comes back after
somebody else has claimed its mail changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.mail import OUTCOME_STATES, ClaimedMail, Verdict
from services.notifications.domain.states import sources_of
from services.notifications.store.recipients import BookEntry

_CLAIM = text("""
    WITH due AS (
        SELECT id FROM mail WHERE lane = :lane AND state IN ('queued', 'deferred') AND due_at <= :now
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE mail m SET state = 'claimed', phase = 'claimed', fence = fence + 1, lease_until = :lease_until,
            reason = NULL
        FROM due WHERE m.id = due.id RETURNING m.*),
    opened AS (
        INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at)
        SELECT id, fence, message_id, 'claimed', :now FROM claimed)
    SELECT c.id::text, c.kind, c.subject::text, c.revision, c.event, c.message_id, c.fence, c.attempts, c.unknowns,
        c.lease_until, c.cause_at, c.created_at, c.correlation_id,
        r.registration_id::text, r.person_ref, r.form, r.event, r.language, r.status, r.revision, r.position,
        r.closed, e.content
    FROM claimed c JOIN recipient r ON r.registration_id = c.subject LEFT JOIN event_copy e ON e.id = c.event
    ORDER BY c.due_at, c.id
""")
_BEGIN = text("""
    WITH mine AS (
        SELECT id, fence FROM mail WHERE id = CAST(:id AS uuid) AND state = 'claimed' AND phase = 'claimed'
            AND fence = :fence AND lease_until > :now
        FOR UPDATE),
    begun AS (UPDATE mail m SET phase = 'data', lease_until = :lease_until FROM mine WHERE m.id = mine.id)
    UPDATE mail_attempt a SET phase = 'data' FROM mine WHERE a.mail_id = mine.id AND a.number = mine.fence
""")
_SETTLE = text("""
    WITH mine AS (
        SELECT id, fence, state FROM mail
        WHERE id = CAST(:id AS uuid) AND fence = :fence AND state = ANY(:sources) FOR UPDATE),
    settled AS (
        UPDATE mail m SET state = :state, reason = :reason, sent_at = :sent_at, phase = NULL, lease_until = NULL,
            due_at = coalesce(:due_at, CASE WHEN :state = 'queued' THEN m.due_at END),
            attempts = attempts + CASE mine.state WHEN 'claimed' THEN :tried ELSE 0 END,
            unknowns = unknowns + :unknown
        FROM mine WHERE m.id = mine.id),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :at, outcome = :outcome FROM mine
        WHERE a.mail_id = mine.id AND a.number = mine.fence)
    SELECT state FROM mine
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed mail with what it is written from. ``event`` is None as long as its message is not here."""

    mail: ClaimedMail
    recipient: BookEntry
    event: Mapping[str, Any] | None


def claim(connection: Connection, lane: str, most: int, now: datetime, lease_until: datetime) -> list[Claim]:
    """Take up to ``most`` due mails of a lane, longest due first, skipping those in other hands."""
    rows = connection.execute(_CLAIM, {"lane": lane, "most": most, "now": now, "lease_until": lease_until})
    return [Claim(ClaimedMail(*row[:13]), BookEntry(*row[13:22]), row[22]) for row in rows]


def begin(connection: Connection, mail: ClaimedMail, now: datetime, lease_until: datetime) -> bool:
    """Note that ``mail`` is being handed over, and lengthen its lease; False if it must not be.

    It must not if its lease ran out, it was called off or somebody else has it. Comes first in its transaction, so that
    it waits for others without holding anything they might wait for.
    """
    parameters = {"id": mail.id, "fence": mail.fence, "now": now, "lease_until": lease_until}
    return connection.execute(_BEGIN, parameters).rowcount == 1


def settle(connection: Connection, verdict: Verdict) -> str | None:
    """Store what became of a mail; returns the state it was in, or None if it was not this claim's any more."""
    state = OUTCOME_STATES[verdict.outcome]
    sources = [source for source in sources_of(state) if source in ("claimed", "unknown")]
    before: str | None = connection.execute(
        _SETTLE,
        {
            "id": verdict.mail.id,
            "fence": verdict.mail.fence,
            "sources": sources,
            "state": state,
            "reason": verdict.reason,
            "sent_at": verdict.at if state == "sent" else None,
            "due_at": verdict.due_at,
            "tried": int(verdict.tried),
            "unknown": int(state == "unknown"),
            "outcome": verdict.outcome,
            "at": verdict.at,
        },
    ).scalar()
    return before
