"""Mails as rows: made once, moved to another subject while they wait, listed without anything personal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.mail import NewMail

_NAMES = tuple(field.name for field in fields(NewMail))
_INSERT = """
    INSERT INTO mail (id, kind, subject, revision, recipient, event, lane, state, reason, due_at, message_id,
        cause_at, created_at, correlation_id, detail, expires_at, closed, traceparent)
    SELECT CAST(:id AS uuid), :kind, r.subject, :revision, r.person_ref, :event, :lane, :state, :reason,
        CAST(coalesce(:due_at, :created_at) AS timestamptz), :message_id, CAST(:cause_at AS timestamptz),
        CAST(:created_at AS timestamptz), :correlation_id, CAST(:detail AS jsonb), CAST(:expires_at AS timestamptz),
        :closed, :traceparent
    FROM recipient r WHERE r.subject = CAST(:subject AS uuid) AND r.erased_at IS NULL AND NOT EXISTS (
        SELECT FROM mail o WHERE o.id = CAST(:id AS uuid)
            AND (o.kind, o.subject, o.revision) <> (:kind, CAST(:subject AS uuid), :revision))
    FOR KEY SHARE OF r
    ON CONFLICT (kind, subject, revision) DO {conflict}
"""
"""The row lock serialises this with a concurrent erasure or change of address. A mail with the same id may exist
already, with another subject."""

_ADD = text(_INSERT.format(conflict="NOTHING"))
_ADD_REMINDER = text(
    _INSERT.format(
        conflict="""UPDATE SET state = 'queued', reason = NULL, recipient = excluded.recipient,
            due_at = excluded.due_at, expires_at = excluded.expires_at WHERE mail.state = 'called_off'"""
    )
)
_WAITING = text("""
    SELECT id::text, kind, event, revision FROM mail
    WHERE subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)
        AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
    ORDER BY number FOR UPDATE
""")
_MOVE = text("""
    WITH moved AS (
        UPDATE mail m SET subject = CAST(:subject AS uuid), kind = :kind, phase = NULL, lease_until = NULL,
            state = CASE m.state WHEN 'claimed' THEN 'queued' ELSE m.state END
        WHERE m.id = CAST(:id AS uuid) AND NOT EXISTS (
            SELECT FROM mail o WHERE o.kind = :kind AND o.subject = CAST(:subject AS uuid)
                AND o.revision = m.revision)
        RETURNING m.id, m.fence),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'released' FROM moved
        WHERE a.mail_id = moved.id AND a.number = moved.fence AND a.ended_at IS NULL)
    SELECT count(*) FROM moved
""")
_RENUMBER = text("""
    UPDATE mail SET revision = :revision
    WHERE subject = CAST(:subject AS uuid) AND kind = :kind AND state <> 'called_off'
""")
_GIVE = text("""
    UPDATE mail SET recipient = :after WHERE subject = CAST(:subject AS uuid) AND recipient = :before
        AND state IN ('queued', 'deferred')
""")
_MISS = text("""
    UPDATE mail SET state = 'missed', reason = :reason, ended_at = :now
    WHERE expires_at <= :now AND state IN ('queued', 'deferred') RETURNING kind
""")
_MAILS = """
    SELECT m.id::text, m.kind, m.subject::text, m.revision, m.recipient, m.event, m.lane, m.state, m.attempts,
        m.due_at, m.cause_at, m.created_at, m.sent_at, m.reason
    FROM mail m LEFT JOIN recipient r ON r.subject = m.subject
"""
_CONDITIONS = {
    "kind": "m.kind = :kind",
    "state": "m.state = :state",
    "event": "m.event = :event",
    "forms": "r.form = ANY(:forms)",
    "id": "m.id = CAST(:id AS uuid)",
    "before": "m.number < (SELECT number FROM mail WHERE id = CAST(:before AS uuid))",
}
_ATTEMPTS = text("""
    SELECT number, phase, started_at, ended_at, outcome FROM mail_attempt WHERE mail_id = CAST(:id AS uuid)
    ORDER BY number
""")


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail as coordinators and operators see it: whom it concerns only by reference, and no longer once erased."""

    id: str
    kind: str
    subject: str
    revision: int
    person_ref: str | None
    event: str | None
    lane: str
    state: str
    attempts: int
    due_at: datetime | None
    cause_at: datetime
    created_at: datetime
    sent_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that has not gone and may still be changed; ``number`` is the one among its kind."""

    id: str
    kind: str
    event: str | None
    number: int


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One time that a sender had a mail in hand; ``outcome`` is None while it has."""

    number: int
    phase: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


def add_mail(connection: Connection, mail: NewMail) -> bool:
    """Make the row of a mail; returns False if it is there already, by whatever message, or nobody is."""
    return connection.execute(_ADD, _values(mail)).rowcount == 1


def add_mails(connection: Connection, mails: Sequence[NewMail]) -> None:
    """Make the rows of several mails; one that is there already stays as it is."""
    connection.execute(_ADD, [_values(mail) for mail in mails])


def add_reminder(connection: Connection, mail: NewMail) -> bool:
    """Make the row of a reminder, or queue it again if it was called off; returns False if there is nothing to do."""
    return connection.execute(_ADD_REMINDER, _values(mail)).rowcount == 1


def waiting_mails(connection: Connection, subject: str, kinds: Sequence[str]) -> list[WaitingMail]:
    """A subject's mails of these kinds that no sender has committed to hand over, locked; oldest first."""
    rows = connection.execute(_WAITING, {"subject": subject, "kinds": list(kinds)})
    return [WaitingMail(*row) for row in rows]


def move_mail(connection: Connection, mail_id: str, kind: str, subject: str, now: datetime) -> bool:
    """Let a mail that waits, and is locked, go by another subject of its recipient, as a mail of ``kind``.

    Returns False, with nothing changed, if that subject has such a mail already, in whatever state.
    """
    row = {"id": mail_id, "kind": kind, "subject": subject, "now": now}
    return bool(connection.execute(_MOVE, row).scalar_one())


def renumber_mail(connection: Connection, subject: str, kind: str, revision: int) -> bool:
    """Give a subject's mail of a kind a later revision; returns False if there is none, or it was called off.

    For a kind of which each subject has one mail, which is written from the newest state when it goes.
    """
    return connection.execute(_RENUMBER, {"subject": subject, "kind": kind, "revision": revision}).rowcount > 0


def give_mails(connection: Connection, subject: str, before: str, after: str) -> None:
    """Note that a subject's mails that wait for a sender are for another person's reference."""
    connection.execute(_GIVE, {"subject": subject, "before": before, "after": after})


def miss_expired(connection: Connection, now: datetime, reason: str) -> list[str]:
    """Give up what has not gone in time; returns the kinds of those mails. A sender's own it keeps until it is back."""
    return list(connection.execute(_MISS, {"now": now, "reason": reason}).scalars())


def list_mails(connection: Connection, wanted: Mapping[str, Any], most: int) -> list[MailRow]:
    """Mails, newest first.

    Args:
        connection: to read by.
        wanted: ``kind``, ``state``, ``event``, ``forms`` (a list), ``id``, ``before`` (an id; only older ones); all
            that are given must fit.
        most: rows.
    """
    conditions = " AND ".join(_CONDITIONS[name] for name in wanted) or "true"
    query = text(f"{_MAILS} WHERE {conditions} ORDER BY m.number DESC LIMIT :most")
    return [MailRow(*row) for row in connection.execute(query, {**wanted, "most": most})]


def list_attempts(connection: Connection, mail_id: str) -> list[AttemptRow]:
    """The attempts at one mail, first to last."""
    return [AttemptRow(*row) for row in connection.execute(_ATTEMPTS, {"id": mail_id})]


def _values(mail: NewMail) -> dict[str, Any]:
    detail = None if mail.detail is None else json.dumps(mail.detail, ensure_ascii=False)
    return {name: getattr(mail, name) for name in _NAMES} | {"detail": detail}
