"""The queue of the scheduling worker, and published timetables, which are written once and never changed.

A job belongs to a worker while its lease runs; a fencing token rejects the result of an earlier worker.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.scheduling.model import TimetableEntry
from services.events.tables import row_of, texts_read
from services.events.venue.model import Span
from shared.security.audit_log import AuditRecord, publish_entry

_JOB_COLUMNS = "id::text AS id, status, requested_at, finished_at, seed, fence, reason, report"
_ADD_JOB = text("""
    INSERT INTO solve_job (id, status, requested_at, requested_by, seed)
    VALUES (CAST(:id AS uuid), 'queued', :requested_at, :requested_by, :seed)
""")
_CLAIM = text(f"""
    UPDATE solve_job SET status = 'running', fence = fence + 1, lease_until = :lease_until WHERE id = (
        SELECT id FROM solve_job WHERE status = 'queued' ORDER BY requested_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {_JOB_COLUMNS}
""")  # noqa: S608 - names of our own columns
_REQUEUE_EXPIRED = text("""
    UPDATE solve_job SET status = 'queued', lease_until = NULL WHERE id IN (
        SELECT id FROM solve_job WHERE status = 'running' AND (lease_until <= :now OR lease_until > :latest)
        FOR UPDATE SKIP LOCKED)
""")
_END = text("""
    UPDATE solve_job SET status = :status, lease_until = NULL, finished_at = :at, reason = :reason,
        report = CAST(:report AS jsonb)
    WHERE id = CAST(:id AS uuid) AND status = 'running' AND fence = :fence
""")
_FIND_JOB = text(f"SELECT {_JOB_COLUMNS} FROM solve_job WHERE id = CAST(:id AS uuid)")  # noqa: S608 - as above
_NEWEST_JOB = text(f"SELECT {_JOB_COLUMNS} FROM solve_job ORDER BY requested_at DESC, id DESC LIMIT 1")  # noqa: S608 - as above

_NEWEST_VERSION = text("SELECT number, published_at, published_by FROM schedule_version ORDER BY number DESC LIMIT 1")
_FIND_VERSION = text("SELECT number, published_at, published_by FROM schedule_version WHERE number = :number")
_ADD_VERSION = text("""
    INSERT INTO schedule_version (number, published_at, published_by) VALUES (:number, :published_at, :published_by)
""")
_ENTRIES = text("""
    SELECT proposal_id::text, event_id, title, working_group, room_id, room_title, city, slot_id, starts_at, ends_at,
        time_zone
    FROM version_placement WHERE version = :version ORDER BY starts_at, room_id
""")
_ADD_ENTRY = text("""
    INSERT INTO version_placement (version, proposal_id, event_id, title, working_group, room_id, room_title, city,
        slot_id, starts_at, ends_at, time_zone)
    VALUES (:version, CAST(:proposal_id AS uuid), :event_id, :title, :working_group, :room_id, :room_title, :city,
        :slot_id, :starts_at, :ends_at, :time_zone)
""")
_PLAIN = (
    "proposal_id", "event_id", "title", "working_group", "room_id", "room_title", "city", "slot_id", "time_zone",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SolveJob:
    """A request for a new timetable. ``fence`` counts how often it was taken; ``report`` is there once it is done."""

    id: str
    status: str
    requested_at: datetime
    finished_at: datetime | None
    seed: int
    fence: int
    reason: str
    report: Mapping[str, Any] | None


def insert_job(connection: Connection, job_id: str, requested_by: str, seed: int, at: datetime) -> None:
    """Queue a job."""
    connection.execute(_ADD_JOB, {"id": job_id, "requested_by": requested_by, "seed": seed, "requested_at": at})
    publish_entry(connection, AuditRecord(requested_by, "timetable-solved", "job", job_id), at)


def claim_next_job(connection: Connection, lease_until: datetime) -> SolveJob | None:
    """Claim the oldest queued job."""
    row = connection.execute(_CLAIM, {"lease_until": lease_until}).first()
    return None if row is None else _job(row)


def requeue_expired(connection: Connection, now: datetime, latest: datetime) -> int:
    """Requeue jobs whose lease has expired; returns their number.

    Args:
        connection: the connection of the caller's transaction.
        now: a checked time.
        latest: a lease that ends later was set by a wrong clock.
    """
    return connection.execute(_REQUEUE_EXPIRED, {"now": now, "latest": latest}).rowcount


def finish_job(connection: Connection, job: SolveJob, report: Mapping[str, Any], at: datetime) -> bool:
    """Store the result of a job; returns False, without a change, if another worker has claimed it."""
    return _end_job(connection, job, "done", at, report=json.dumps(report))


def fail_job(connection: Connection, job: SolveJob, reason: str, at: datetime) -> bool:
    """Mark a job as failed, with a reason for people."""
    return _end_job(connection, job, "failed", at, reason=reason)


def requeue_job(connection: Connection, job: SolveJob) -> bool:
    """Queue the job again."""
    return _end_job(connection, job, "queued", None)


def read_job(connection: Connection, job_id: str) -> SolveJob | None:
    """The job with this id (UUID text)."""
    row = connection.execute(_FIND_JOB, {"id": job_id}).first()
    return None if row is None else _job(row)


def read_newest_job(connection: Connection) -> SolveJob | None:
    """The job that was requested last."""
    row = connection.execute(_NEWEST_JOB).first()
    return None if row is None else _job(row)


def _end_job(
    connection: Connection,
    job: SolveJob,
    status: str,
    at: datetime | None,
    *,
    reason: str = "",
    report: str | None = None,
) -> bool:
    values = {"id": job.id, "fence": job.fence, "status": status, "at": at, "reason": reason, "report": report}
    return connection.execute(_END, values).rowcount == 1


def _job(row: Row[Any]) -> SolveJob:
    return SolveJob(**row._mapping)


@dataclass(frozen=True, slots=True)
class TimetableVersion:
    """A published timetable: its number from 1, when and by whom (a role's name, no person), its side events."""

    number: int
    published_at: datetime
    published_by: str
    entries: tuple[TimetableEntry, ...]


def read_newest_version(connection: Connection) -> TimetableVersion | None:
    """The timetable in force; None before the first."""
    row = connection.execute(_NEWEST_VERSION).first()
    return None if row is None else _version(connection, row)


def read_version(connection: Connection, number: int) -> TimetableVersion | None:
    """The version with this number."""
    row = connection.execute(_FIND_VERSION, {"number": number}).first()
    return None if row is None else _version(connection, row)


def insert_version(connection: Connection, version: TimetableVersion) -> None:
    """Store a version. Its number must be free, which the lock of the board guarantees."""
    row = {"number": version.number, "published_at": version.published_at, "published_by": version.published_by}
    connection.execute(_ADD_VERSION, row)
    record = AuditRecord(version.published_by, "timetable-published", "timetable", str(version.number))
    publish_entry(connection, record, version.published_at)
    if version.entries:
        connection.execute(_ADD_ENTRY, _rows(version.number, version.entries))


def _rows(number: int, entries: Sequence[TimetableEntry]) -> list[dict[str, Any]]:
    return [
        {name: row_of(entry)[name] for name in _PLAIN}
        | {"version": number, "starts_at": entry.span.starts_at, "ends_at": entry.span.ends_at}
        for entry in entries
    ]


def _version(connection: Connection, row: Row[Any]) -> TimetableVersion:
    entries = tuple(
        TimetableEntry(span=Span(found.starts_at, found.ends_at), **{name: texts_read(found)[name] for name in _PLAIN})
        for found in connection.execute(_ENTRIES, {"version": row.number})
    )
    return TimetableVersion(row.number, row.published_at, row.published_by, entries)
