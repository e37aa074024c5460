"""SQL on mail rows: create, move, cancel, release.

Calling off and releasing take two statements. The first waits for a sender that is claiming the mail and then sees the
claim, but not the attempt that was inserted with it: that row is newer than the statement. The second ends the
attempt.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from services.notifications.mails.kinds import KINDS, MANAGING_KINDS
from services.notifications.mails.model import NewMail
from shared.security.sealing import EncryptedRows

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
            due_at = excluded.due_at, expires_at = excluded.expires_at WHERE mail.state = 'cancelled'"""
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
    WHERE subject = CAST(:subject AS uuid) AND kind = :kind AND state <> 'cancelled'
""")
_CHANGE_PERSON = text("""
    UPDATE mail SET recipient = :after WHERE subject = CAST(:subject AS uuid) AND recipient = :before
        AND state IN ('queued', 'deferred')
""")
_MISS = text("""
    UPDATE mail SET state = 'missed', reason = :reason, ended_at = :now
    WHERE expires_at <= :now AND state IN ('queued', 'deferred') RETURNING kind
""")


_MAKE_HELD_DUE = text("""
    UPDATE mail SET due_at = :now WHERE id IN (
        SELECT id FROM mail WHERE event = :event AND state = 'deferred' AND reason = :reason AND due_at > :now
        FOR UPDATE SKIP LOCKED)
""")


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """An unsent mail that can still be changed; ``number`` is its revision."""

    id: str
    kind: str
    event: str | None
    number: int


def add_mail(connection: Connection, mail: NewMail) -> bool:
    """Insert a mail; returns False if it exists already, or its recipient does not."""
    return connection.execute(_ADD, _values(mail)).rowcount == 1


def add_mails(connection: Connection, mails: Sequence[NewMail]) -> None:
    """Insert several mails; existing ones do not change."""
    connection.execute(_ADD, [_values(mail) for mail in mails])


def add_reminder(connection: Connection, mail: NewMail) -> bool:
    """Insert a reminder, or requeue it if it was cancelled; returns False if there is nothing to do."""
    return connection.execute(_ADD_REMINDER, _values(mail)).rowcount == 1


def waiting_mails(connection: Connection, subject: str, kinds: Sequence[str]) -> list[WaitingMail]:
    """Lock and return a subject's mails of these kinds whose handover has not begun, oldest first."""
    rows = connection.execute(_WAITING, {"subject": subject, "kinds": list(kinds)})
    return [WaitingMail(*row) for row in rows]


def move_mail(connection: Connection, mail_id: str, kind: str, subject: str, now: datetime) -> bool:
    """Move a locked, unsent mail to another subject of its recipient, as a mail of ``kind``.

    Returns False, without a change, if that subject has such a mail already, in any state.
    """
    row = {"id": mail_id, "kind": kind, "subject": subject, "now": now}
    return bool(connection.execute(_MOVE, row).scalar_one())


def renumber_mail(connection: Connection, subject: str, kind: str, revision: int) -> bool:
    """Give a subject's mail of a kind a later revision; returns False if there is none, or it was cancelled.

    For a kind of which each subject has one mail, which is composed from the newest state when it is sent.
    """
    return connection.execute(_RENUMBER, {"subject": subject, "kind": kind, "revision": revision}).rowcount > 0


def change_person(connection: Connection, subject: str, before: str, after: str) -> None:
    """Change the person of a subject's mails that wait for a sender."""
    connection.execute(_CHANGE_PERSON, {"subject": subject, "before": before, "after": after})


def make_held_due(connection: Connection, event: str, reason: str, now: datetime) -> None:
    """Make the mails about an event due that are deferred for this reason, because it no longer applies."""
    connection.execute(_MAKE_HELD_DUE, {"event": event, "reason": reason, "now": now})


def miss_expired(connection: Connection, now: datetime, reason: str) -> list[str]:
    """Mark expired mails as missed; returns their kinds. A claimed mail stays with its sender until it is released."""
    return list(connection.execute(_MISS, {"now": now, "reason": reason}).scalars())


def _values(mail: NewMail) -> dict[str, Any]:
    detail = None if mail.detail is None else json.dumps(mail.detail, ensure_ascii=False)
    return {name: getattr(mail, name) for name in _NAMES} | {"detail": detail, "lane": KINDS[mail.kind].lane}


_CANCEL = """
    UPDATE mail SET state = 'cancelled', reason = :reason, phase = NULL, lease_until = NULL, closed = NULL
    WHERE {condition} AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
    RETURNING id, fence, kind
"""
_CANCEL_OLD = text(
    _CANCEL.format(
        condition="""subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)
            AND (revision < :revision OR kind = ANY(:numbered_apart))"""
    )
)
_CANCEL_NEWS = text(_CANCEL.format(condition="event = :event AND kind = ANY(:kinds) AND revision < :revision"))
_CANCEL_REMINDERS = text(_CANCEL.format(condition="event = :event AND kind = ANY(:kinds) AND revision <> :kept"))
_CANCEL_ALL = text(_CANCEL.format(condition="subject = CAST(:subject AS uuid)"))
_CANCEL_LINKED = text(_CANCEL.format(condition="subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)"))
_CANCEL_BULLETIN = text(
    _CANCEL.format(
        condition="""id IN (
            SELECT id FROM mail WHERE kind = 'bulletin' AND revision = :number
                AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
            ORDER BY id LIMIT :most)"""
    )
)
_RELEASE_BULLETINS = text("""
    UPDATE mail SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    WHERE recipient = :recipient AND kind = 'bulletin'
        AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
    RETURNING id, fence, kind
""")
_RELEASE_MAILS = text("""
    UPDATE mail SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    WHERE subject = CAST(:subject AS uuid) AND state = 'claimed' AND phase = 'claimed'
    RETURNING id, fence, kind
""")
_CANCEL_DUPLICATES = text(
    _CANCEL.format(
        condition="""subject = CAST(:subject AS uuid) AND kind = ANY(:kinds) AND EXISTS (
            SELECT FROM mail o WHERE o.recipient = :recipient AND o.kind = mail.kind AND o.revision = mail.revision
                AND o.event IS NOT DISTINCT FROM mail.event AND o.subject <> mail.subject
                AND o.state <> 'cancelled')"""
    )
)
_END_ATTEMPTS = text("""
    UPDATE mail_attempt a SET ended_at = :now, outcome = :outcome
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS integer[])) AS off (id, fence)
    WHERE a.mail_id = off.id AND a.number = off.fence AND a.ended_at IS NULL
""")


def cancel_outdated(
    connection: Connection,
    subject: str,
    revision: int,
    kinds: Sequence[str],
    numbered_apart: Sequence[str],
    reason: str,
    now: datetime,
) -> list[str]:
    """Cancel unsent mails that are outdated; returns their kinds.

    A claimed mail is cancelled too, unless its handover has begun.

    Args:
        connection: the connection of the caller's transaction.
        subject: id of the registration.
        revision: mails about earlier ones are old.
        kinds: the kinds that are outdated once they are old.
        numbered_apart: kinds whose number is not the subject's revision: outdated with any number.
        reason: shown to coordinators.
        now: the time.
    """
    row = {"subject": subject, "revision": revision, "kinds": list(kinds), "numbered_apart": list(numbered_apart)}
    return _cancel(connection, _CANCEL_OLD, row, reason, now)


def cancel_news(
    connection: Connection, event: str, revision: int, kinds: Sequence[str], reason: str, now: datetime
) -> list[str]:
    """Cancel unsent news of earlier revisions of an event; returns their kinds."""
    row = {"event": event, "revision": revision, "kinds": list(kinds)}
    return _cancel(connection, _CANCEL_NEWS, row, reason, now)


def cancel_reminders(
    connection: Connection, event: str, kinds: Sequence[str], kept: int, reason: str, now: datetime
) -> list[str]:
    """Cancel unsent mails of these kinds about an event, except those with the number ``kept``; returns their kinds."""
    return _cancel(connection, _CANCEL_REMINDERS, {"event": event, "kinds": list(kinds), "kept": kept}, reason, now)


def cancel_bulletin(connection: Connection, number: int, limit: int, reason: str, now: datetime) -> int:
    """Cancel up to ``limit`` unsent mails of a bulletin; returns their number."""
    return len(_cancel(connection, _CANCEL_BULLETIN, {"number": number, "most": limit}, reason, now))


def cancel_all(connection: Connection, subject: str, reason: str, now: datetime) -> list[str]:
    """Cancel all mails of a subject whose handover has not begun; returns their kinds."""
    return _cancel(connection, _CANCEL_ALL, {"subject": subject}, reason, now)


def cancel_linked(connection: Connection, subject: str, reason: str, now: datetime) -> list[str]:
    """Cancel a subject's mails with a managing link, because all its links have ended; returns their kinds."""
    return _cancel(connection, _CANCEL_LINKED, {"subject": subject, "kinds": list(MANAGING_KINDS)}, reason, now)


def release_bulletins(connection: Connection, person_ref: str, now: datetime) -> None:
    """Release a person's unsent bulletins and make them due now, so that the next sender checks them again."""
    taken = connection.execute(_RELEASE_BULLETINS, {"recipient": person_ref, "now": now}).all()
    _end_attempts(connection, taken, "released", now)


def release_mails(connection: Connection, subject: str, now: datetime) -> None:
    """Release claimed mails of a subject, except those whose handover has begun."""
    _end_attempts(
        connection, connection.execute(_RELEASE_MAILS, {"subject": subject, "now": now}).all(), "released", now
    )


def cancel_duplicates(
    connection: Connection, subject: str, recipient: str, kinds: Sequence[str], reason: str, now: datetime
) -> list[str]:
    """Cancel a subject's mails of these kinds that ``recipient`` gets by another subject; returns their kinds."""
    row = {"subject": subject, "recipient": recipient, "kinds": list(kinds)}
    return _cancel(connection, _CANCEL_DUPLICATES, row, reason, now)


def _cancel(connection: Connection, query: TextClause, row: Mapping[str, Any], reason: str, now: datetime) -> list[str]:
    taken = connection.execute(query, {**row, "reason": reason}).all()
    _end_attempts(connection, taken, "cancelled", now)
    return [kind for _mail_id, _fence, kind in taken]


def _end_attempts(connection: Connection, taken: Sequence[Any], outcome: str, now: datetime) -> None:
    """End the attempts of mails, (id, fence, kind) each, that were claimed."""
    claimed = [(mail_id, fence) for mail_id, fence, _kind in taken if fence]
    if claimed:
        ids, fences = [list(column) for column in zip(*claimed, strict=True)]
        connection.execute(_END_ATTEMPTS, {"ids": ids, "fences": fences, "outcome": outcome, "now": now})


ENCRYPTED_MAILS = EncryptedRows(
    read=text("""
        SELECT id::text, closed FROM mail
        WHERE closed IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid)) ORDER BY id LIMIT :most
    """),
    take=text("""
        SELECT id::text, closed FROM mail WHERE id = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE mail SET closed = :closed WHERE id = CAST(:id AS uuid)"),
)
"""Managing links and notes in unsent mails, bound to the id of the mail."""
