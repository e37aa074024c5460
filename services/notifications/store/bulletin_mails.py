"""A bulletin on its way: people who have no mail of it yet, its mails by state, and what is left when it is stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.store.audience import Addressee

_TAKE = text("""
    WITH taken AS (
        DELETE FROM bulletin_recipient WHERE (bulletin, subject) IN (
            SELECT bulletin, subject FROM bulletin_recipient WHERE bulletin = :number AND subject > CAST(:after AS uuid)
            ORDER BY subject LIMIT :most)
        RETURNING subject)
    SELECT r.subject::text, r.person_ref, r.form_kind, r.event, r.language, r.erased_at IS NULL AND NOT EXISTS (
        SELECT FROM mail m WHERE m.recipient = r.person_ref AND m.kind = 'bulletin' AND m.revision = :number)
    FROM taken JOIN recipient r USING (subject) ORDER BY subject
""")
_FIRST = "00000000-0000-0000-0000-000000000000"
_DROP = text("DELETE FROM bulletin_recipient WHERE bulletin = :number")
_END_ANNOUNCEMENT = text("""
    UPDATE announcement SET ended_at = :now, reached = ''
    WHERE cause = 'bulletin' AND event IS NULL AND number = :number AND ended_at IS NULL
""")
_COUNTS = text("SELECT state, count(*)::int FROM mail WHERE kind = 'bulletin' AND revision = :number GROUP BY state")
_WITHOUT_MAIL = text("SELECT count(*)::int FROM bulletin_recipient WHERE bulletin = :number")
_UNSUBSCRIBED = text("SELECT count(*)::int FROM suppression WHERE bulletin = :number")
_MAILS = """
    SELECT m.id::text, m.subject::text, m.recipient, m.state, m.attempts, m.due_at, m.sent_at, m.reason, r.language,
        EXISTS (SELECT FROM suppression s WHERE s.bulletin = m.revision AND s.person_ref = m.recipient)
    FROM mail m LEFT JOIN recipient r ON r.subject = m.subject
    WHERE m.kind = 'bulletin' AND m.revision = :number
"""
_CONDITIONS = {
    "states": "m.state = ANY(:states)",
    "unsubscribed": """m.recipient IN (SELECT s.person_ref FROM suppression s WHERE s.bulletin = :number
        AND CAST(:unsubscribed AS boolean))""",
    "before": "m.number < (SELECT number FROM mail WHERE id = CAST(:before AS uuid))",
}


@dataclass(frozen=True, slots=True)
class BulletinMail:
    """One person's mail of a bulletin; ``person_ref`` and ``language`` are None once they were erased.

    ``subject`` is their registration, ``unsubscribed`` whether they unsubscribed through this bulletin.
    """

    id: str
    subject: str
    person_ref: str | None
    state: str
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    reason: str | None
    language: str | None
    unsubscribed: bool


@dataclass(frozen=True, slots=True)
class TakenRecipients:
    """People who get a mail now; ``reached`` is the last registration that was taken, ``more`` whether any may follow.

    Whoever was erased, or has a mail of the bulletin by another registration, is not among the people.
    """

    people: list[Addressee]
    reached: str
    more: bool


def take_recipients(connection: Connection, number: int, reached: str, most: int) -> TakenRecipients:
    """Take up to ``most`` people off the list of those who have no mail of a bulletin yet.

    The caller makes their mails in the same transaction, and holds the lock of the bulletin's announcement.

    Args:
        connection: of that transaction.
        number: of the bulletin.
        reached: the last registration that was taken before; empty at first. What was taken is not looked at again.
        most: people.
    """
    rows = connection.execute(_TAKE, {"number": number, "after": reached or _FIRST, "most": most}).fetchall()
    people = [Addressee(*row[:5]) for row in rows if row[5]]
    return TakenRecipients(people, rows[-1][0] if rows else reached, len(rows) == most)


def drop_recipients(connection: Connection, number: int, now: datetime) -> int:
    """Let no more mails of a bulletin be made; returns for how many people that is so."""
    connection.execute(_END_ANNOUNCEMENT, {"number": number, "now": now})
    return connection.execute(_DROP, {"number": number}).rowcount


def count_mails_of(connection: Connection, number: int) -> dict[str, int]:
    """Number of a bulletin's mails by state."""
    return {row[0]: row[1] for row in connection.execute(_COUNTS, {"number": number})}


def count_without_mail(connection: Connection, number: int) -> int:
    """How many people have no mail of a bulletin yet."""
    return int(connection.execute(_WITHOUT_MAIL, {"number": number}).scalar_one())


def count_unsubscribed(connection: Connection, number: int) -> int:
    """How many people have unsubscribed by the link in a bulletin, and not come back."""
    return int(connection.execute(_UNSUBSCRIBED, {"number": number}).scalar_one())


def mails_of(connection: Connection, number: int, wanted: Mapping[str, Any], most: int) -> Sequence[BulletinMail]:
    """Mails of a bulletin, newest first.

    Args:
        connection: to read by.
        number: of the bulletin.
        wanted: ``states`` (a list), ``unsubscribed`` (True), ``before`` (an id); all that are given must fit.
        most: rows.
    """
    conditions = "".join(f" AND {_CONDITIONS[name]}" for name in wanted)
    query = text(f"{_MAILS}{conditions} ORDER BY m.number DESC LIMIT :most")
    return [BulletinMail(*row) for row in connection.execute(query, {**wanted, "number": number, "most": most})]
