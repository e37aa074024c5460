"""Test copies of bulletins: where coordinators have them sent to, how many they had in the hour, and their mails."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.notifications.domain.book import lone_reference
from services.notifications.domain.kinds import BULLETIN_TEST, KINDS, WANTED
from shared.store.reclosing import ClosedRows

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
_RECIPIENT = ("subject", "about", "person_ref", "language", "status", "closed", "now")
_MAIL = ("id", "about", "subject", "number", "person_ref", "lane", "message_id", "correlation_id", "now")
_ADDRESS = text("SELECT closed FROM bulletin_tester WHERE holder = :holder")

TESTERS = ClosedRows(
    read=text("SELECT holder, closed FROM bulletin_tester WHERE holder > :after ORDER BY holder LIMIT :most"),
    take=text("""
        SELECT holder, closed FROM bulletin_tester WHERE holder = ANY(CAST(:ids AS text[])) ORDER BY holder
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE bulletin_tester SET closed = :closed WHERE holder = :id"),
)
"""Addresses of coordinators, bound to the holder's name."""


@dataclass(frozen=True, slots=True)
class TrialCopy:
    """A mail to the writer of the bulletin ``number``; ``closed`` holds their address, bound to ``subject``."""

    id: str
    subject: str
    number: int
    language: str
    closed: bytes
    message_id: str
    correlation_id: str


def count_test(connection: Connection, holder: str, closed: bytes, now: datetime) -> int:
    """Store the address of ``holder``, encrypted, and return how many tests they have had in their hour, with this."""
    row = {"holder": holder, "closed": closed, "now": now, "before": now - HOUR}
    return int(connection.execute(_COUNT, row).scalar_one())


def add_copy(connection: Connection, copy: TrialCopy, now: datetime) -> None:
    """Queue a test copy, with an entry of its own in the recipient book, which goes with the mail."""
    about = {"about": BULLETIN_TEST, "lane": KINDS[BULLETIN_TEST].lane, "status": WANTED}
    row = asdict(copy) | about | {"person_ref": lone_reference(BULLETIN_TEST, copy.subject), "now": now}
    connection.execute(_ADD_RECIPIENT, {name: row[name] for name in _RECIPIENT})
    connection.execute(_ADD_MAIL, {name: row[name] for name in _MAIL})


def closed_address(connection: Connection, holder: str) -> bytes | None:
    """The address that ``holder`` last named, encrypted; None if they never did."""
    found: bytes | None = connection.execute(_ADDRESS, {"holder": holder}).scalar()
    return found
