"""SQL on bulletins: drafts, scheduling, mails by outcome, and test copies."""

# ruff: noqa: S608 - a constant list of columns and conditions

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.bulletins.model import Texts, fingerprint_of
from services.notifications.mails.kinds import BULLETIN_TEST, KINDS, WANTED
from services.notifications.recipients.model import Segment, normalized, reference_of_subject
from shared.i18n.languages import LANGUAGES
from shared.security.sealing import EncryptedRows

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
_ADD_BULLETIN = text("""
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
    number: the number in its mails.
    revision: the number of the draft's state, from 1; it rises with each change.
    segment: whom it is for, see :mod:`services.notifications.recipients.model`.
    texts: ``{subject, text}`` by language; English is always there.
    state: one of ``services.notifications.bulletins.model.STATES``.
    send_at: when it is to be sent; None for a draft and for one that was sent at once.
    send_zone: IANA zone in which that time was chosen.
    ordered_by: who sent or scheduled it.
    not_sent: why it was not sent at its time: ``no-recipients``, ``late`` or ``access-ended``; it is a draft again.
    sent_at: when it began to be sent.
    audience: people counted at that time.
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
    connection.execute(_ADD_BULLETIN, {**_content(bulletin_id, segment, texts), "now": now})


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


def lock_due_bulletin(connection: Connection, now: datetime) -> Bulletin | None:
    """The scheduled bulletin that has been due longest, locked; None if none is, or others have it."""
    bulletin_id = connection.execute(_DUE, {"now": now}).scalar()
    return None if bulletin_id is None else read_bulletin(connection, bulletin_id)


def list_bulletins(connection: Connection, wanted: Mapping[str, Any], sort: str, limit: int) -> list[Bulletin]:
    """Bulletins in an order of ``SORTS``.

    Args:
        wanted: ``state``, ``q`` (a part of the English subject), ``before`` or ``after`` (a number); all must fit.
        sort: a key of ``SORTS``.
        limit: rows.
    """
    query = text(f"{_listed(wanted)} ORDER BY {SORTS[sort]} LIMIT :most")
    return [_bulletin(row) for row in connection.execute(query, {**wanted, "most": limit})]


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
    """Store when a bulletin is to be sent; the caller holds its lock."""
    connection.execute(_SCHEDULE, {"id": bulletin_id, "at": at, "zone": zone, "who": who})


def unschedule(connection: Connection, bulletin_id: str, why: str | None = None) -> None:
    """Make a scheduled bulletin a draft again; ``why`` if it was not sent at its time. The caller holds its lock."""
    connection.execute(_UNSCHEDULE, {"id": bulletin_id, "why": why})


def mark_sent(connection: Connection, bulletin_id: str, audience: int, who: str, now: datetime) -> None:
    """The bulletin is on its way to ``audience`` people; the caller holds its lock."""
    connection.execute(_MARK, {"id": bulletin_id, "audience": audience, "who": who, "now": now})


def mark_stopped(connection: Connection, bulletin_id: str, not_made: int, now: datetime) -> None:
    """Stop sending it; the caller holds its lock."""
    connection.execute(_STOP, {"id": bulletin_id, "not_made": not_made, "now": now})


def _listed(wanted: Mapping[str, Any]) -> str:
    conditions = " AND ".join(_WANTED[name] for name in wanted) or "true"
    return f"SELECT * FROM (SELECT {_COLUMNS} FROM bulletin b) AS one WHERE {conditions}"


def _content(bulletin_id: str, segment: Segment, texts: Texts) -> dict[str, Any]:
    written = {"segment": json.dumps(segment, ensure_ascii=False), "texts": json.dumps(texts, ensure_ascii=False)}
    return {"id": bulletin_id, "fingerprint": fingerprint_of(segment, texts), **written}


def _bulletin(row: Sequence[Any]) -> Bulletin:
    """Return a bulletin with texts and segment in a fixed order, which jsonb does not keep."""
    bulletin_id, number, revision, segment, texts, *rest = row
    languages = {name: texts[name] for name in LANGUAGES if name in texts}
    return Bulletin(bulletin_id, number, revision, normalized(segment), languages, *rest)


_DROP = text("DELETE FROM bulletin_recipient WHERE bulletin = :number")
_END_ANNOUNCEMENT = text("""
    UPDATE announcement SET ended_at = :now, reached = ''
    WHERE cause = 'bulletin' AND event IS NULL AND number = :number AND ended_at IS NULL
""")
_COUNT_MAILS = text(
    "SELECT state, count(*)::int FROM mail WHERE kind = 'bulletin' AND revision = :number GROUP BY state"
)
_WITHOUT_MAIL = text("SELECT count(*)::int FROM bulletin_recipient WHERE bulletin = :number")
_UNSUBSCRIBED = text("SELECT count(*)::int FROM suppression WHERE bulletin = :number")
_MAILS = """
    SELECT m.id::text, m.subject::text, m.recipient, m.state, m.attempts, m.due_at, m.sent_at, m.reason, r.language,
        EXISTS (SELECT FROM suppression s WHERE s.bulletin = m.revision AND s.person_ref = m.recipient)
    FROM mail m LEFT JOIN recipient r ON r.subject = m.subject
    WHERE m.kind = 'bulletin' AND m.revision = :number
"""
_MAIL_CONDITIONS = {
    "states": "m.state = ANY(:states)",
    "unsubscribed": """m.recipient IN (SELECT s.person_ref FROM suppression s WHERE s.bulletin = :number
        AND CAST(:unsubscribed AS boolean))""",
    "before": "m.number < (SELECT number FROM mail WHERE id = CAST(:before AS uuid))",
}


@dataclass(frozen=True, slots=True)
class BulletinMail:
    """One person's mail of a bulletin; ``person_ref`` and ``language`` are None after an erasure.

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


def drop_recipients(connection: Connection, number: int, now: datetime) -> int:
    """Delete the remaining audience of a bulletin, so that no more mails are created; returns its number of people."""
    connection.execute(_END_ANNOUNCEMENT, {"number": number, "now": now})
    return connection.execute(_DROP, {"number": number}).rowcount


def count_mails_of(connection: Connection, number: int) -> dict[str, int]:
    """Return the number of a bulletin's mails by state."""
    return {row[0]: row[1] for row in connection.execute(_COUNT_MAILS, {"number": number})}


def count_without_mail(connection: Connection, number: int) -> int:
    """Return the number of people without a mail of a bulletin yet."""
    return int(connection.execute(_WITHOUT_MAIL, {"number": number}).scalar_one())


def count_unsubscribed(connection: Connection, number: int) -> int:
    """Return the number of people who are suppressed by the link in a bulletin."""
    return int(connection.execute(_UNSUBSCRIBED, {"number": number}).scalar_one())


def mails_of(connection: Connection, number: int, wanted: Mapping[str, Any], limit: int) -> Sequence[BulletinMail]:
    """Return mails of a bulletin, newest first.

    Args:
        number: the number of the bulletin.
        wanted: ``states`` (a list), ``unsubscribed`` (True), ``before`` (an id); all that are given must fit.
        limit: rows.
    """
    conditions = "".join(f" AND {_MAIL_CONDITIONS[name]}" for name in wanted)
    query = text(f"{_MAILS}{conditions} ORDER BY m.number DESC LIMIT :most")
    return [BulletinMail(*row) for row in connection.execute(query, {**wanted, "number": number, "most": limit})]


HOUR = timedelta(hours=1)
_COUNT = text("""
    INSERT INTO bulletin_tester AS t (holder, closed, since, tests) VALUES (:holder, :closed, :now, 1)
    ON CONFLICT (holder) DO UPDATE SET closed = excluded.closed,
        since = CASE WHEN t.since <= :before THEN excluded.since ELSE t.since END,
        tests = CASE WHEN t.since <= :before THEN 1 ELSE t.tests + 1 END
    RETURNING tests
""")
_ADD_RECIPIENT = text("""
    INSERT INTO recipient (subject, about, person_ref, form_kind, language, status, revision, occurred_at, closed,
        noted_at, heard_at)
    VALUES (CAST(:subject AS uuid), :about, :person_ref, :about, :language, :status, 1, :now, :closed, :now, :now)
""")
_ADD_MAIL = text("""
    INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, due_at, message_id, cause_at, created_at,
        correlation_id)
    VALUES (CAST(:id AS uuid), :about, CAST(:subject AS uuid), :number, :person_ref, :lane, 'queued', :now,
        :message_id, :now, :now, :correlation_id)
""")
_RECIPIENT_FIELDS = ("subject", "about", "person_ref", "language", "status", "closed", "now")
_MAIL_FIELDS = ("id", "about", "subject", "number", "person_ref", "lane", "message_id", "correlation_id", "now")
_ADDRESS = text("SELECT closed FROM bulletin_tester WHERE holder = :holder")

ENCRYPTED_TESTERS = EncryptedRows(
    read=text("SELECT holder, closed FROM bulletin_tester WHERE holder > :after ORDER BY holder LIMIT :most"),
    take=text("""
        SELECT holder, closed FROM bulletin_tester WHERE holder = ANY(CAST(:ids AS text[])) ORDER BY holder
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE bulletin_tester SET closed = :closed WHERE holder = :id"),
)
"""Addresses of coordinators, encrypted and bound to the name of the holder."""


@dataclass(frozen=True, slots=True)
class BulletinTestCopy:
    """A test copy of the bulletin ``number``; ``closed`` is the encrypted address, bound to ``subject``."""

    id: str
    subject: str
    number: int
    language: str
    closed: bytes
    message_id: str
    correlation_id: str


def count_test(connection: Connection, holder: str, closed: bytes, now: datetime) -> int:
    """Store the encrypted address of ``holder``; returns the number of their tests in this hour, including this one."""
    row = {"holder": holder, "closed": closed, "now": now, "before": now - HOUR}
    return int(connection.execute(_COUNT, row).scalar_one())


def add_test_copy(connection: Connection, copy: BulletinTestCopy, now: datetime) -> None:
    """Queue a test copy, with a recipient that is deleted with the mail."""
    about = {"about": BULLETIN_TEST, "lane": KINDS[BULLETIN_TEST].lane, "status": WANTED}
    row = asdict(copy) | about | {"person_ref": reference_of_subject(BULLETIN_TEST, copy.subject), "now": now}
    connection.execute(_ADD_RECIPIENT, {name: row[name] for name in _RECIPIENT_FIELDS})
    connection.execute(_ADD_MAIL, {name: row[name] for name in _MAIL_FIELDS})


def closed_address(connection: Connection, holder: str) -> bytes | None:
    """Return the last address of ``holder``, encrypted; None if there is none."""
    found: bytes | None = connection.execute(_ADDRESS, {"holder": holder}).scalar()
    return found
