"""Audit log: what people with a key did, recorded in the transaction of the act itself, and read page by page.

No process changes a record, and the database refuses to delete one younger than 1,000 days, so that a stolen login of a
process cannot remove what shows its use. Records are kept for three years. What a service records elsewhere already
(such as changes of what it stores) is not written twice: the view ``own_audit_log`` of its database shows both. No
record identifies a participant.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, text

from shared.db.cleanup import HOURLY_S, Rule
from shared.db.unit_of_work import SERVICE
from shared.messaging import outbox
from shared.messaging.contracts.registry import BY_KEY, source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.runtime.logs import correlation_id, traceparent

_ADD_RECORD = text("""
    INSERT INTO audit_record (done_at, done_by, action, kind, subject, detail)
    VALUES (:now, :who, :action, :kind, :subject, CAST(:detail AS jsonb))
""")
_READ = """
    SELECT service, at, who, act, kind, subject, detail, key FROM {log}
    WHERE (CAST(:at AS timestamptz) IS NULL OR (at, key) < (:at, :key))
        AND (:who = '' OR who = :who) AND (:act = '' OR act = :act) AND (:kind = '' OR kind = :kind)
        AND (:subject = '' OR subject = :subject) AND (:service = '' OR service = :service)
        AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
        AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
        AND (:q = '' OR position(lower(:q) IN lower(concat_ws(' ', who, act, kind, subject, detail::text))) > 0)
    ORDER BY at DESC, key DESC LIMIT :limit
"""
OWN_LOG = text(_READ.format(log="(SELECT '' AS service, *, action AS act FROM own_audit_log) AS own"))
"""Reads the audit log of a service: its view ``own_audit_log``."""

WHOLE_LOG = text(_READ.format(log="audit_log"))
"""Reads the audit log of all services: the view ``audit_log`` of the service that keeps it."""

AUDIT_TABLE = """
CREATE TABLE audit_record (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    done_at timestamptz NOT NULL,
    done_by text NOT NULL CHECK (done_by <> ''),
    action text NOT NULL CHECK (action <> ''),
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
COMMENT ON TABLE audit_record IS
    'what people with a key did that no other table records; the view own_audit_log shows all';
CREATE INDEX audit_record_at ON audit_record (done_at);
CREATE FUNCTION audit_record_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'records of the audit log are only ever added';
END $$;
CREATE TRIGGER audit_record_stays BEFORE UPDATE OR TRUNCATE ON audit_record
    FOR EACH STATEMENT EXECUTE FUNCTION audit_record_stays();
-- A rule deletes entries after three years. An attacker with its login deletes nothing younger than this.
CREATE TRIGGER audit_record_kept BEFORE DELETE ON audit_record FOR EACH ROW
    WHEN (OLD.done_at > clock_timestamp() - interval '1000 days') EXECUTE FUNCTION audit_record_stays();
"""
"""The table of each service, for its first migration; a change needs a migration of each. The view ``own_audit_log``,
which each service defines, shows it and what other tables of the service record."""

AUDIT_LOG_KEPT = timedelta(days=3 * 365 + 1)
"""The database refuses to delete what is younger than 1,000 days: the difference is for clocks and leap years."""

AUDIT_LOG_RULE = Rule(
    "audit_record",
    "t.done_at < :before",
    AUDIT_LOG_KEPT,
    "an audit log is read for years; its data about people who work with the system ends as well",
    order="t.done_at",
    every_s=HOURLY_S,
)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Attributes:
    who: name of the key's holder.
    action: a verb in the past tense, as in ``person-exported``.
    kind: the kind of thing that it was done to (``export``); empty for nothing.
    subject: its id or slug.
    detail: what else to know; never about a participant.
    """

    who: str
    action: str
    kind: str = ""
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line of the audit log. ``key`` distinguishes those of one instant; ``service`` is empty in a service's own log.

    The other fields are those of :class:`AuditRecord`; ``act`` is its action.
    """

    service: str
    at: datetime
    who: str
    act: str
    kind: str
    subject: str
    detail: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; a field that is empty or None does not filter.

    Attributes:
        since: the earliest instant of an entry, aware.
        until: the instant that all entries precede, aware.
        q: occurs anywhere in an entry, in upper or lower case.
    """

    who: str = ""
    act: str = ""
    kind: str = ""
    subject: str = ""
    service: str = ""
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""


def add_audit_record(connection: Connection, record: AuditRecord, now: datetime) -> None:
    """Record an action, in the transaction that does it."""
    values = {"who": record.who, "action": record.action, "kind": record.kind, "subject": record.subject}
    connection.execute(_ADD_RECORD, {**values, "detail": json.dumps(dict(record.detail)), "now": now})
    publish_entry(connection, record, now)


def publish_entry(connection: Connection, record: AuditRecord, now: datetime) -> None:
    """Publish a record to the service that keeps the audit log of all; its own records are there already.

    For what a service records elsewhere than by :func:`add_audit_record`. In the transaction of the action, so that
    neither exists without the other.

    Raises:
        KeyError: the connection is not of a unit of work, so its service is unknown.
    """
    service = connection.get_execution_options()[SERVICE]
    if audit_key(service) in BY_KEY:
        outbox.add(connection, [audit_message(service, record, now)])


def audit_key(service: str) -> str:
    """Routing key of the audit records that ``service`` publishes."""
    return f"{service}-audit.recorded.v1"


def audit_message(service: str, record: AuditRecord, now: datetime) -> Message:
    """A record of ``service``, for the audit log over all services."""
    identity = new_id()
    return Message(
        id=identity,
        type=f"{TYPE_PREFIX}{audit_key(service)}",
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


def read_audit_log(
    connection: Connection, log: TextClause, wanted: AuditFilter, before: tuple[datetime, str] | None, limit: int
) -> list[AuditEntry]:
    """Entries of a log, newest first.

    Args:
        connection: the connection of the caller's transaction.
        log: ``OWN_LOG`` or ``WHOLE_LOG``.
        wanted: which entries.
        before: the instant and key of the entry after which the list continues; None to start from the newest.
        limit: how many at most.
    """
    at, key = before or (None, "")
    rows = connection.execute(log, {**asdict(wanted), "at": at, "key": key, "limit": limit})
    return [AuditEntry(*row) for row in rows]
