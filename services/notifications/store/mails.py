"""Mails as rows: made once, called off while they may be, listed without anything personal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.mail import NewMail

_ADD = text("""
    INSERT INTO mail (id, kind, subject, revision, recipient, event, lane, state, reason, due_at, message_id,
        cause_at, created_at, correlation_id)
    VALUES (CAST(:id AS uuid), :kind, CAST(:subject AS uuid), :revision, :recipient, :event, :lane, :state, :reason,
        :created_at, :message_id, :cause_at, :created_at, :correlation_id)
    ON CONFLICT (kind, subject, revision, recipient) DO NOTHING
""")
_CALL_OFF = text("""
    WITH off AS (
        UPDATE mail SET state = 'called_off', reason = :reason, phase = NULL, lease_until = NULL
        WHERE subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)
            AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
            AND (revision < :revision OR kind = ANY(:numbered_apart))
        RETURNING id, fence, kind),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'called_off' FROM off
        WHERE a.mail_id = off.id AND a.number = off.fence AND a.ended_at IS NULL)
    SELECT kind FROM off
""")
_MAILS = """
    SELECT m.id::text, m.kind, m.subject::text, m.revision, m.recipient, m.event, m.lane, m.state, m.attempts,
        m.due_at, m.cause_at, m.created_at, m.sent_at, m.reason
    FROM mail m JOIN recipient r ON r.registration_id = m.subject
"""
_CONDITIONS = {
    "kind": "m.kind = :kind",
    "state": "m.state = :state",
    "event": "m.event = :event",
    "forms": "r.form = ANY(:forms)",
    "id": "m.id = CAST(:id AS uuid)",
    "before": "m.id < CAST(:before AS uuid)",
}
_ATTEMPTS = text("""
    SELECT number, phase, started_at, ended_at, outcome FROM mail_attempt WHERE mail_id = CAST(:id AS uuid)
    ORDER BY number
""")


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail as coordinators and operators see it: whom it concerns only by reference."""

    id: str
    kind: str
    registration_id: str
    revision: int
    person_ref: str
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
class AttemptRow:
    """One time that a sender had a mail in hand; ``outcome`` is None while it has."""

    number: int
    phase: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


def add_mail(connection: Connection, mail: NewMail) -> bool:
    """Make the row of a mail; returns False if it is there already, by whatever message."""
    return connection.execute(_ADD, asdict(mail)).rowcount == 1


def call_off(
    connection: Connection,
    subject: str,
    revision: int,
    kinds: Sequence[str],
    numbered_apart: Sequence[str],
    reason: str,
    now: datetime,
) -> list[str]:
    """Call off what has not gone yet and would say something untrue; returns the kinds of the mails called off.

    A mail in a sender's hands is called off too, as long as the sender has not committed to hand it over.

    Args:
        subject: registration id.
        revision: mails about earlier ones are old.
        kinds: that are untrue when old.
        numbered_apart: kinds whose number is not the registration's revision: untrue whatever it is.
        reason: shown to coordinators.
        now: the time.
    """
    rows = connection.execute(
        _CALL_OFF,
        {
            "subject": subject,
            "revision": revision,
            "kinds": list(kinds),
            "numbered_apart": list(numbered_apart),
            "reason": reason,
            "now": now,
        },
    )
    return list(rows.scalars())


def list_mails(connection: Connection, wanted: Mapping[str, Any], most: int) -> list[MailRow]:
    """Mails, newest first.

    Args:
        connection: to read by.
        wanted: ``kind``, ``state``, ``event``, ``forms`` (a list), ``id``, ``before`` (an id; only older ones); all
            that are given must fit.
        most: rows.
    """
    conditions = " AND ".join(_CONDITIONS[name] for name in wanted) or "true"
    query = text(f"{_MAILS} WHERE {conditions} ORDER BY m.id DESC LIMIT :most")
    return [MailRow(*row) for row in connection.execute(query, {**wanted, "most": most})]


def list_attempts(connection: Connection, mail_id: str) -> list[AttemptRow]:
    """The attempts at one mail, first to last."""
    return [AttemptRow(*row) for row in connection.execute(_ATTEMPTS, {"id": mail_id})]
