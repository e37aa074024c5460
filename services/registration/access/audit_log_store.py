"""The audit log over all services: registration's own entries, and those that the others publish."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_ADD = text("""
    INSERT INTO audit_entry (entry_id, service, at, who, act, kind, subject, detail)
    VALUES (CAST(:entry_id AS uuid), :service, :occurred_at, :who, :act, :kind, :subject, CAST(:detail AS jsonb))
    ON CONFLICT DO NOTHING
""")
_READ = text("""
    SELECT service, at, who, act, kind, subject, detail, key FROM audit_log
    WHERE (CAST(:at AS timestamptz) IS NULL OR (at, key) < (:at, :key))
        AND (:who = '' OR who = :who) AND (:act = '' OR act = :act) AND (:kind = '' OR kind = :kind)
        AND (:subject = '' OR subject = :subject) AND (:service = '' OR service = :service)
        AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
        AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
        AND (:q = '' OR position(lower(:q) IN lower(concat_ws(' ', who, act, kind, subject, detail::text))) > 0)
    ORDER BY at DESC, key DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did: ``act`` in the past tense, ``kind`` and ``subject`` of what it was done to, or empty.

    ``key`` tells those of one instant apart.
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
    """Which entries; what is empty or None is not asked.

    Attributes:
        since, until: at or after, and before; aware.
        q: stands anywhere in an entry, whatever its case.
    """

    who: str = ""
    act: str = ""
    kind: str = ""
    subject: str = ""
    service: str = ""
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""


def store_entry(service: str, connection: Connection, data: Mapping[str, Any]) -> None:
    """Store an entry that ``service`` has published; the same one again changes nothing."""
    connection.execute(_ADD, {**data, "service": service, "detail": json.dumps(data["detail"])})


def read_audit_log(
    connection: Connection, wanted: AuditFilter, before: tuple[datetime, str] | None, limit: int
) -> list[AuditEntry]:
    """At most ``limit`` entries, newest first, older than ``before`` (instant and key)."""
    at, key = before or (None, "")
    rows = connection.execute(_READ, {**asdict(wanted), "at": at, "key": key, "limit": limit})
    return [AuditEntry(*row) for row in rows]
