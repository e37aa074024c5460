"""Audit log: what people with a key did, in the transaction of the act itself; who has access; ended sessions.

No process changes a record, and the database refuses to delete one younger than 1,000 days, so that a stolen login of a
process cannot remove what shows its use. Records are kept for three years. What a service records elsewhere already
(changes of registrations, of events, readings of sealed answers) is not written twice: the view ``own_audit_log`` of
its database shows both. No record identifies a participant.

Access (holders of keys) is registration's own table, and a copy of it in each other service. A console cookie is
signed and would be valid for its eight hours; what ends it earlier is stored in each service's own database.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from shared.db.cleanup import HOURLY_S, Rule
from shared.db.unit_of_work import SERVICE, UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import Clock, rfc3339
from shared.runtime.ids import new_id, token_hash
from shared.runtime.logs import correlation_id, traceparent

_ADD_RECORD = text("""
    INSERT INTO audit_record (done_at, done_by, action, kind, subject, detail)
    VALUES (:now, :who, :action, :kind, :subject, CAST(:detail AS jsonb))
""")
_READ = text("""
    SELECT at, who, action, kind, subject, detail, key FROM own_audit_log
    WHERE (CAST(:at AS timestamptz) IS NULL OR (at, key) < (:at, :key))
        AND (CAST(:who AS text) = '' OR who = :who) AND (CAST(:action AS text) = '' OR action = :action)
    ORDER BY at DESC, key DESC LIMIT :most
""")

UNION_KEPT_BY = "registration"
"""The service that keeps the audit log over all of them."""

AUDIT_LOG_KEPT = timedelta(days=3 * 365 + 1)
"""The database refuses to delete what is younger than 1,000 days: the difference is for clocks and leap years."""

AUDIT_LOG_RULE = Rule(
    "audit_record",
    "t.done_at < :before",
    AUDIT_LOG_KEPT,
    "an audit log is asked about years; what it says of people who work with the system ends as well",
    order="t.done_at",
    every_s=HOURLY_S,
)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Attributes:
    who: name of the key's holder.
    action: in the past tense, ``bulletin-sent``.
    kind: of what it was done to (``bulletin``); empty for nothing.
    subject: its id or slug.
    detail: what else to know; never about a participant.
    """

    who: str
    action: str
    kind: str = ""
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A record as the view shows it; ``key`` distinguishes records of one instant."""

    at: datetime
    who: str
    action: str
    kind: str
    subject: str
    detail: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True)
class AuditLogFilter:
    """Which lines: of whom, which action (empty: any), older than ``before`` (instant and key), at most ``most``."""

    who: str = ""
    action: str = ""
    before: tuple[datetime, str] | None = None
    most: int = 50


def add_audit_record(connection: Connection, record: AuditRecord, now: datetime) -> None:
    """Record an action, in the transaction that does it."""
    values = {"who": record.who, "action": record.action, "kind": record.kind, "subject": record.subject}
    connection.execute(_ADD_RECORD, {**values, "detail": json.dumps(dict(record.detail)), "now": now})
    publish_entry(connection, record, now)


def publish_entry(connection: Connection, record: AuditRecord, now: datetime) -> None:
    """Publish a record to registration, which keeps the union of the audit logs; its own are there already.

    For what a service records elsewhere than by :func:`add_audit_record`. In the transaction of the action, so that
    neither exists without the other.

    Raises:
        KeyError: the connection is not of a unit of work, so its service is unknown.
    """
    service = connection.get_execution_options()[SERVICE]
    if service != UNION_KEPT_BY:
        outbox.add(connection, [audit_message(service, record, now)])


def audit_message(service: str, record: AuditRecord, now: datetime) -> Message:
    """A record of ``service``, for the audit log over all services."""
    identity = new_id()
    return Message(
        id=identity,
        type=f"{TYPE_PREFIX}{service}-audit.recorded.v1",
        source=source_of(service),
        subject=identity,
        time=now,
        data={
            "entry_id": identity,
            "occurred_at": rfc3339(now),
            "who": record.who,
            "act": record.action,
            "kind": record.kind,
            "subject": record.subject,
            "detail": dict(record.detail),
        },
        correlation_id=correlation_id(),
        traceparent=traceparent(),
    )


def read_audit_log(connection: Connection, wanted: AuditLogFilter) -> Sequence[AuditLine]:
    """Records of the service, newest first."""
    at, key = wanted.before or (None, "")
    values = {"at": at, "key": key, "who": wanted.who, "action": wanted.action, "most": wanted.most}
    return [AuditLine(*row) for row in connection.execute(_READ, values)]


ACCESS_RULE = Rule(
    "access_holder",
    "t.revoked AND t.changed_at < :before",
    AUDIT_LOG_KEPT,
    "a revoked access opens nothing; the audit log of that time still says what its holder was allowed",
    every_s=HOURLY_S,
)

_BY_KEY = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE key_hashes @> ARRAY[CAST(:key_hash AS text)] AND NOT revoked
""")
_BY_ID = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_LOST = text("""
    SELECT bool_and(revoked OR coalesce(until <= :now, false) OR forms IS NOT NULL OR NOT roles @> ARRAY[:role])
    FROM access_holder WHERE name = :name
""")
_UPSERT = text("""
    INSERT INTO access_holder (id, name, roles, forms, partner, until, key_hashes, revoked, revision, changed_at)
    VALUES (CAST(:holder_id AS uuid), :name, :roles, :forms, :partner, :until, :key_hashes, :revoked, :revision,
        :occurred_at)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles, forms = excluded.forms,
        partner = excluded.partner, until = excluded.until, key_hashes = excluded.key_hashes,
        revoked = excluded.revoked, revision = excluded.revision, changed_at = excluded.changed_at
    WHERE access_holder.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Attributes:
    id: of the holder, a UUID.
    forms: that it is limited to; None: all.
    partner: whose numbers it shows, for the role ``partner``.
    until: from then on it opens nothing; None: no end.
    key_hashes: SHA-256 of each key, hexadecimal.
    revision: from 1.
    """

    id: str
    name: str
    roles: list[str]
    forms: list[str] | None
    partner: str | None
    until: datetime | None
    key_hashes: list[str]
    revision: int


def find_by_key(connection: Connection, key_hash: str) -> AccessRow | None:
    """Whose access the key with this hash is, unless it was revoked."""
    row = connection.execute(_BY_KEY, {"key_hash": key_hash}).one_or_none()
    return None if row is None else AccessRow(*row)


def find_by_id(connection: Connection, holder_id: str) -> AccessRow | None:
    """The access with this id (a UUID), unless it was revoked."""
    row = connection.execute(_BY_ID, {"id": holder_id}).one_or_none()
    return None if row is None else AccessRow(*row)


def has_lost(connection: Connection, name: str, role: str, now: datetime) -> bool:
    """Whether the access called ``name`` was ended or changed, so that it no longer has a ``role`` on all forms.

    Of an entry of the access file nothing is known here: False.
    """
    return bool(connection.execute(_LOST, {"name": name, "role": role, "now": now}).scalar())


def upsert_access(connection: Connection, data: Mapping[str, Any]) -> None:
    """Store what a message reports about an access, unless the same or a newer revision is known."""
    connection.execute(_UPSERT, dict(data))


MAX_SESSION_AGE = timedelta(hours=8)
"""After that, a cookie is no longer accepted, whether its session was ended or not."""

SESSION_RULES = (Rule("ended_session", "t.ended_at < :before", 2 * MAX_SESSION_AGE, "no cookie lives that long"),)

_END = text("INSERT INTO ended_session (session, ended_at) VALUES (:session, :now) ON CONFLICT DO NOTHING")
_HAS_ENDED = text("SELECT 1 FROM ended_session WHERE session = :session")


def end_session(connection: Connection, session: bytes, now: datetime) -> bool:
    """Invalidate the session with this hash; False if it had ended before."""
    return connection.execute(_END, {"session": session, "now": now}).rowcount == 1


def is_ended(connection: Connection, session: bytes) -> bool:
    """Whether the session with this hash was ended before its time."""
    return connection.execute(_HAS_ENDED, {"session": session}).scalar() is not None


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a service remembers of sessions.

    Attributes:
        work: on the service's database.
        clock: of the project.
    """

    work: UnitOfWork
    clock: Clock

    def end(self, session: str, who: str) -> None:
        """Invalidate the cookie of ``session``; doing it again changes nothing.

        Raises:
            Unavailable: the database is down; it has not ended.
        """
        with self.work.transaction() as connection:
            end_session(connection, token_hash(session), self.clock())

    def has_ended(self, session: str) -> bool:
        """Whether ``session`` was ended before its time.

        Raises:
            Unavailable: the database is down: every request must be refused then.
        """
        with self.work.transaction() as connection:
            return is_ended(connection, token_hash(session))
