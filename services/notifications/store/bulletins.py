"""Bulletins as they are written, scheduled and sent."""

# ruff: noqa: S608 - a constant list of columns and conditions

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.domain.bulletin import LANGUAGES, Texts, fingerprint_of
from services.notifications.domain.segment import Segment, normal

_UNDER_WAY = """(EXISTS (SELECT FROM bulletin_recipient o WHERE o.bulletin = b.number)
    OR EXISTS (SELECT FROM mail m WHERE m.kind = 'bulletin' AND m.revision = b.number
        AND m.state IN ('queued', 'claimed', 'deferred')))"""
_STATE = f"""CASE
    WHEN b.stopped_at IS NOT NULL THEN 'stopped'
    WHEN b.sent_at IS NOT NULL AND {_UNDER_WAY} THEN 'sending'
    WHEN b.sent_at IS NOT NULL THEN 'sent'
    WHEN b.send_at IS NOT NULL THEN 'scheduled'
    ELSE 'draft' END"""
_COLUMNS = f"""b.id::text, b.number, b.revision, b.segment, b.texts, {_STATE} AS state, b.created_at, b.send_at,
    b.send_zone, b.ordered_by, b.not_sent, b.sent_at, b.audience, b.stopped_at, b.not_made"""
_ADD = text("""
    INSERT INTO bulletin (id, revision, segment, texts, fingerprint, created_at)
    VALUES (CAST(:id AS uuid), 1, CAST(:segment AS jsonb), CAST(:texts AS jsonb), :fingerprint, :now)
""")
_CHANGE = text("""
    UPDATE bulletin SET revision = revision + 1, segment = CAST(:segment AS jsonb), texts = CAST(:texts AS jsonb),
        fingerprint = :fingerprint, not_sent = NULL
    WHERE id = CAST(:id AS uuid)
""")
_DISCARD = text("DELETE FROM bulletin WHERE id = CAST(:id AS uuid) AND sent_at IS NULL")
_READ = text(f"SELECT {_COLUMNS} FROM bulletin b WHERE b.id = CAST(:id AS uuid)")
_LOCK = text("SELECT FROM bulletin WHERE id = CAST(:id AS uuid) FOR UPDATE")
_DUE = text("""
    SELECT id::text FROM bulletin WHERE send_at <= :now AND sent_at IS NULL
    ORDER BY send_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_SCHEDULE = text("""
    UPDATE bulletin SET send_at = :at, send_zone = :zone, ordered_by = :who, not_sent = NULL
    WHERE id = CAST(:id AS uuid)
""")
_UNSCHEDULE = text("""
    UPDATE bulletin SET send_at = NULL, send_zone = NULL, ordered_by = NULL, not_sent = :why
    WHERE id = CAST(:id AS uuid)
""")
_MARK = text("""
    UPDATE bulletin SET sent_at = :now, audience = :audience, ordered_by = :who, not_sent = NULL
    WHERE id = CAST(:id AS uuid)
""")
_STOP = text("UPDATE bulletin SET stopped_at = :now, not_made = :not_made WHERE id = CAST(:id AS uuid)")
_SEGMENT = text("SELECT segment FROM bulletin WHERE number = :number")
_SAME = text("""
    SELECT max(number) FROM bulletin WHERE fingerprint = (SELECT fingerprint FROM bulletin WHERE id = CAST(:id AS uuid))
        AND sent_at IS NOT NULL AND id <> CAST(:id AS uuid)
""")
_LAST_ZONE = text("""
    SELECT send_zone FROM bulletin WHERE send_zone IS NOT NULL AND (ordered_by = :who OR send_zone <> 'UTC')
    ORDER BY ordered_by = :who DESC, number DESC LIMIT 1
""")
_WANTED = {
    "state": "state = :state",
    "q": "position(lower(:q) IN lower(texts #>> '{en,subject}')) > 0",
    "before": "number < :before",
    "after": "number > :after",
}
NEWEST, OLDEST = "-created_at", "created_at"
SORTS = {NEWEST: "number DESC", OLDEST: "number"}
"""Numbers are in order of creation."""


@dataclass(frozen=True, slots=True)
class Bulletin:
    """Attributes:
    number: that of its mails.
    revision: from 1, rises with each change of the draft.
    segment: whom it is for, see :mod:`services.notifications.domain.segment`.
    texts: ``{subject, text}`` by language; English is always there.
    state: one of ``services.notifications.domain.bulletin.STATES``.
    send_at: when it is to be sent; None for a draft and for one that was sent at once.
    send_zone: IANA zone in which that time was chosen.
    ordered_by: who had it sent or scheduled.
    not_sent: why it did not go at its time: ``nobody``, ``late`` or ``access-ended``; it is a draft again.
    sent_at: when it began to be sent.
    audience: people counted at that moment.
    not_made: people for whom no mail had been made when it was stopped.
    """

    id: str
    number: int
    revision: int
    segment: Segment
    texts: Texts
    state: str
    created_at: datetime
    send_at: datetime | None
    send_zone: str | None
    ordered_by: str | None
    not_sent: str | None
    sent_at: datetime | None
    audience: int | None
    stopped_at: datetime | None
    not_made: int


def add_bulletin(connection: Connection, bulletin_id: str, segment: Segment, texts: Texts, now: datetime) -> None:
    """Store a draft."""
    connection.execute(_ADD, {**_content(bulletin_id, segment, texts), "now": now})


def change_bulletin(connection: Connection, bulletin_id: str, segment: Segment, texts: Texts) -> None:
    """Store another content of a draft; the caller holds its lock."""
    connection.execute(_CHANGE, _content(bulletin_id, segment, texts))


def discard_bulletin(connection: Connection, bulletin_id: str) -> None:
    """Delete a draft; the caller holds its lock."""
    connection.execute(_DISCARD, {"id": bulletin_id})


def read_bulletin(connection: Connection, bulletin_id: str) -> Bulletin | None:
    """The bulletin with this id, if there is one."""
    row = connection.execute(_READ, {"id": bulletin_id}).fetchone()
    return _bulletin(row) if row else None


def lock_bulletin(connection: Connection, bulletin_id: str) -> Bulletin | None:
    """The same, which no other transaction can send, change or stop until this one ends."""
    connection.execute(_LOCK, {"id": bulletin_id})
    return read_bulletin(connection, bulletin_id)


def lock_due(connection: Connection, now: datetime) -> Bulletin | None:
    """The scheduled bulletin that has been due longest, locked; None if none is, or others have it."""
    bulletin_id = connection.execute(_DUE, {"now": now}).scalar()
    return None if bulletin_id is None else read_bulletin(connection, bulletin_id)


def list_bulletins(connection: Connection, wanted: Mapping[str, Any], sort: str, most: int) -> list[Bulletin]:
    """Bulletins in an order of ``SORTS``.

    Args:
        connection: to read by.
        wanted: ``state``, ``q`` (a part of the English subject), ``before`` or ``after`` (a number); all must fit.
        sort: a key of ``SORTS``.
        most: rows.
    """
    query = text(f"{_listed(wanted)} ORDER BY {SORTS[sort]} LIMIT :most")
    return [_bulletin(row) for row in connection.execute(query, {**wanted, "most": most})]


def count_bulletins(connection: Connection, wanted: Mapping[str, Any]) -> int:
    """How many there are, by the same conditions."""
    return int(connection.execute(text(f"SELECT count(*) FROM ({_listed(wanted)}) AS l"), dict(wanted)).scalar_one())


def sent_before(connection: Connection, bulletin_id: str) -> int | None:
    """The number of the latest other bulletin with the same segment and texts that was sent; None if none was."""
    found: int | None = connection.execute(_SAME, {"id": bulletin_id}).scalar_one()
    return found


def last_zone(connection: Connection, who: str) -> str | None:
    """The IANA zone in which ``who`` last scheduled a bulletin, or anyone else if they have not; None if no one has.

    UTC of someone else does not count: it is also the zone of what programs schedule.
    """
    found: str | None = connection.execute(_LAST_ZONE, {"who": who}).scalar()
    return found


def schedule(connection: Connection, bulletin_id: str, at: datetime, zone: str, who: str) -> None:
    """Store when a bulletin goes; the caller holds its lock."""
    connection.execute(_SCHEDULE, {"id": bulletin_id, "at": at, "zone": zone, "who": who})


def unschedule(connection: Connection, bulletin_id: str, why: str | None = None) -> None:
    """Make a scheduled bulletin a draft again; ``why`` if it did not go at its time. The caller holds its lock."""
    connection.execute(_UNSCHEDULE, {"id": bulletin_id, "why": why})


def mark_sent(connection: Connection, bulletin_id: str, audience: int, who: str, now: datetime) -> None:
    """The bulletin is on its way to ``audience`` people; the caller holds its lock."""
    connection.execute(_MARK, {"id": bulletin_id, "audience": audience, "who": who, "now": now})


def mark_stopped(connection: Connection, bulletin_id: str, not_made: int, now: datetime) -> None:
    """No more of it goes; the caller holds its lock."""
    connection.execute(_STOP, {"id": bulletin_id, "not_made": not_made, "now": now})


def segment_of(connection: Connection, number: int) -> Segment:
    """Whom the bulletin with this number is for."""
    return normal(connection.execute(_SEGMENT, {"number": number}).scalar_one())


def _listed(wanted: Mapping[str, Any]) -> str:
    conditions = " AND ".join(_WANTED[name] for name in wanted) or "true"
    return f"SELECT * FROM (SELECT {_COLUMNS} FROM bulletin b) AS one WHERE {conditions}"


def _content(bulletin_id: str, segment: Segment, texts: Texts) -> dict[str, Any]:
    written = {"segment": json.dumps(segment, ensure_ascii=False), "texts": json.dumps(texts, ensure_ascii=False)}
    return {"id": bulletin_id, "fingerprint": fingerprint_of(segment, texts), **written}


def _bulletin(row: Sequence[Any]) -> Bulletin:
    """A row with its texts and its segment in their usual order, which jsonb does not keep."""
    bulletin_id, number, revision, segment, texts, *rest = row
    languages = {name: texts[name] for name in LANGUAGES if name in texts}
    return Bulletin(bulletin_id, number, revision, normal(segment), languages, *rest)
