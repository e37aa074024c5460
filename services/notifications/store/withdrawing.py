"""Mails taken back before they go: called off because they would say something untrue, or to be looked at again.

Takes two statements. The first waits for a sender that is claiming the mail, and then sees the claim; but it does not
see the attempt that came with the claim, for that is younger than the statement. So only the second can end it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from services.notifications.domain.kinds import MANAGING_KINDS

_WITHDRAW = """
    UPDATE mail SET state = 'called_off', reason = :reason, phase = NULL, lease_until = NULL, closed = NULL
    WHERE {condition} AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
    RETURNING id, fence, kind
"""
_OLD = text(
    _WITHDRAW.format(
        condition="""subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)
            AND (revision < :revision OR kind = ANY(:numbered_apart))"""
    )
)
_NEWS = text(_WITHDRAW.format(condition="event = :event AND kind = ANY(:kinds) AND revision < :revision"))
_REMINDERS = text(_WITHDRAW.format(condition="event = :event AND lane = 'reminder' AND revision <> :kept"))
_ALL = text(_WITHDRAW.format(condition="subject = CAST(:subject AS uuid)"))
_LINKED = text(_WITHDRAW.format(condition="subject = CAST(:subject AS uuid) AND kind = ANY(:kinds)"))
_BULLETIN = text(
    _WITHDRAW.format(
        condition="""id IN (
            SELECT id FROM mail WHERE kind = 'bulletin' AND revision = :number
                AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
            ORDER BY id LIMIT :most)"""
    )
)
_TAKE_BACK = text("""
    UPDATE mail SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    WHERE recipient = :recipient AND kind = 'bulletin'
        AND (state IN ('queued', 'deferred') OR (state = 'claimed' AND phase = 'claimed'))
    RETURNING id, fence, kind
""")
_TAKE_BACK_ALL = text("""
    UPDATE mail SET state = 'queued', phase = NULL, lease_until = NULL, due_at = :now
    WHERE subject = CAST(:subject AS uuid) AND state = 'claimed' AND phase = 'claimed'
    RETURNING id, fence, kind
""")
_DOUBLES = text(
    _WITHDRAW.format(
        condition="""subject = CAST(:subject AS uuid) AND kind = ANY(:kinds) AND EXISTS (
            SELECT FROM mail o WHERE o.recipient = :recipient AND o.kind = mail.kind AND o.revision = mail.revision
                AND o.event IS NOT DISTINCT FROM mail.event AND o.subject <> mail.subject
                AND o.state <> 'called_off')"""
    )
)
_END_ATTEMPTS = text("""
    UPDATE mail_attempt a SET ended_at = :now, outcome = :outcome
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS integer[])) AS off (id, fence)
    WHERE a.mail_id = off.id AND a.number = off.fence AND a.ended_at IS NULL
""")


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
        connection: of the caller's transaction.
        subject: id of the registration.
        revision: mails about earlier ones are old.
        kinds: that are untrue when old.
        numbered_apart: kinds whose number is not the subject's revision: untrue whatever it is.
        reason: shown to coordinators.
        now: the time.
    """
    row = {"subject": subject, "revision": revision, "kinds": list(kinds), "numbered_apart": list(numbered_apart)}
    return _call_off(connection, _OLD, row, reason, now)


def call_off_news(
    connection: Connection, event: str, revision: int, kinds: Sequence[str], reason: str, now: datetime
) -> list[str]:
    """Call off news of earlier revisions of an event that have not gone yet; returns the kinds of those mails."""
    row = {"event": event, "revision": revision, "kinds": list(kinds)}
    return _call_off(connection, _NEWS, row, reason, now)


def call_off_reminders(connection: Connection, event: str, kept: int, reason: str, now: datetime) -> list[str]:
    """Call off reminders of an event but those with the number ``kept``; returns the kinds of those mails."""
    return _call_off(connection, _REMINDERS, {"event": event, "kept": kept}, reason, now)


def call_off_bulletin(connection: Connection, number: int, most: int, reason: str, now: datetime) -> int:
    """Call off up to ``most`` mails of a bulletin that have not gone; returns how many it was."""
    return len(_call_off(connection, _BULLETIN, {"number": number, "most": most}, reason, now))


def call_off_all(connection: Connection, subject: str, reason: str, now: datetime) -> list[str]:
    """Call off every mail of a subject that no sender has committed to hand over; returns their kinds."""
    return _call_off(connection, _ALL, {"subject": subject}, reason, now)


def call_off_linked(connection: Connection, subject: str, reason: str, now: datetime) -> list[str]:
    """Call off a subject's mails that carry a managing link, all of which have ended; returns their kinds."""
    return _call_off(connection, _LINKED, {"subject": subject, "kinds": list(MANAGING_KINDS)}, reason, now)


def take_back_bulletins(connection: Connection, person_ref: str, now: datetime) -> None:
    """Make a person's bulletins that have not gone due now, in nobody's hands: the next sender looks at them again."""
    taken = connection.execute(_TAKE_BACK, {"recipient": person_ref, "now": now}).all()
    _end_attempts(connection, taken, "released", now)


def take_back_all(connection: Connection, subject: str, now: datetime) -> None:
    """Release the claims of senders on a subject's mails, except where the handover has begun."""
    _end_attempts(
        connection, connection.execute(_TAKE_BACK_ALL, {"subject": subject, "now": now}).all(), "released", now
    )


def call_off_doubles(
    connection: Connection, subject: str, recipient: str, kinds: Sequence[str], reason: str, now: datetime
) -> list[str]:
    """Call off a subject's mails of these kinds that ``recipient`` has by another subject; returns their kinds."""
    row = {"subject": subject, "recipient": recipient, "kinds": list(kinds)}
    return _call_off(connection, _DOUBLES, row, reason, now)


def _call_off(
    connection: Connection, query: TextClause, row: Mapping[str, Any], reason: str, now: datetime
) -> list[str]:
    taken = connection.execute(query, {**row, "reason": reason}).all()
    _end_attempts(connection, taken, "called_off", now)
    return [kind for _mail_id, _fence, kind in taken]


def _end_attempts(connection: Connection, taken: Sequence[Any], outcome: str, now: datetime) -> None:
    """End the attempts of mails, (id, fence, kind) each, that were in a sender's hands."""
    claimed = [(mail_id, fence) for mail_id, fence, _kind in taken if fence]
    if claimed:
        ids, fences = [list(column) for column in zip(*claimed, strict=True)]
        connection.execute(_END_ATTEMPTS, {"ids": ids, "fences": fences, "outcome": outcome, "now": now})
