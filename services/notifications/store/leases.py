"""What senders left behind: mails whose lease has run out, handovers that nobody knows the end of, and the backlog."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.notifications.domain.kinds import LANES
from services.notifications.domain.truth import Standing

_GIVE_BACK = text("""
    WITH lost AS (
        SELECT id, fence FROM mail WHERE state = 'claimed' AND phase = 'claimed'
            AND (lease_until <= :now OR lease_until > :latest)
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'released' FROM lost
        WHERE a.mail_id = lost.id AND a.number = lost.fence)
    UPDATE mail m SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    FROM lost WHERE m.id = lost.id
""")
_LOSE = text("""
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
_RESEND = text("UPDATE mail SET state = 'queued', due_at = :now, reason = NULL WHERE id = CAST(:id AS uuid)")
_LEAVE = text("UPDATE mail SET due_at = NULL, reason = :reason, ended_at = :now WHERE id = CAST(:id AS uuid)")
_DUE = text("""
    SELECT count(*), min(due_at) FROM mail
    WHERE lane = :lane AND state IN ('queued', 'deferred', 'claimed') AND due_at <= :now
""")

_RECALL = text("""
    UPDATE mail SET due_at = :now WHERE id IN (
        SELECT id FROM mail WHERE lane = ANY(:lanes) AND state IN ('queued', 'deferred') AND due_at > :latest
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_RECALL_UNKNOWN = text("""
    UPDATE mail SET due_at = :now WHERE id IN (
        SELECT id FROM mail WHERE state = 'unknown' AND due_at > :latest LIMIT :most FOR UPDATE SKIP LOCKED)
""")

LONGEST_LEASE = timedelta(days=1)
"""What a setting may ask for at most: a lease that ends later was given by a clock that was wrong."""

MOST = 100
"""Rows of one sweep, so that no transaction is long."""


@dataclass(frozen=True, slots=True)
class UnknownMail:
    """A mail that was handed over or not, with what is known of its subject by now."""

    id: str
    kind: str
    subject: str
    revision: int
    unknowns: int
    standing: Standing


def give_back(connection: Connection, now: datetime) -> int:
    """Queue again what was claimed and surely not handed over when its lease ran out; returns how many."""
    return connection.execute(_GIVE_BACK, {"now": now, "latest": now + LONGEST_LEASE, "most": MOST}).rowcount


def lose(connection: Connection, now: datetime, due_at: datetime, reason: str) -> list[str]:
    """Make unknown what was being handed over when its lease ran out; returns the kinds.

    Of one whose recipient was erased meanwhile nothing is decided any more: it stays unknown.

    Args:
        now: the time.
        due_at: when to decide what is done about it.
        reason: shown to operators.
    """
    values = {"now": now, "latest": now + LONGEST_LEASE, "most": MOST, "due_at": due_at, "reason": reason}
    return list(connection.execute(_LOSE, values).scalars())


def recall(connection: Connection, now: datetime, latest_due: datetime, latest_decided: datetime) -> int:
    """Make due now what a wrong clock has put off to a day that no delay leads to; returns how many mails.

    Args:
        connection: of the caller's transaction.
        now: compared with the database's.
        latest_due: no mail waits for longer than until then.
        latest_decided: no unknown mail is decided on later.
    """
    values = {"now": now, "lanes": list(LANES), "most": MOST}
    waiting = connection.execute(_RECALL, values | {"latest": latest_due}).rowcount
    return waiting + connection.execute(_RECALL_UNKNOWN, values | {"latest": latest_decided}).rowcount


def due_unknown(connection: Connection, now: datetime) -> list[UnknownMail]:
    """Unknown mails that are to be decided on now, locked."""
    rows = connection.execute(_UNKNOWN, {"now": now, "most": MOST})
    return [
        UnknownMail(row[0], row[1], row[2], row[3], row[4], Standing(row[5], row[6], decision=row[7])) for row in rows
    ]


def resend(connection: Connection, mail_id: str, now: datetime) -> None:
    """Queue an unknown mail again."""
    connection.execute(_RESEND, {"id": mail_id, "now": now})


def leave_unknown(connection: Connection, mail_id: str, reason: str, now: datetime) -> None:
    """An unknown mail stays so, unless somebody has it sent again."""
    connection.execute(_LEAVE, {"id": mail_id, "reason": reason, "now": now})


def due(connection: Connection, lane: str, now: datetime) -> tuple[int, datetime | None]:
    """How many mails of a lane are due, and since when the one that has waited longest; None if none is."""
    count, oldest = connection.execute(_DUE, {"lane": lane, "now": now}).one()
    return count, oldest
