"""The queue of the scheduling worker. A job is somebody's for as long as its lease runs, and a fence tells whose."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.store.deeds import Deed, publish_entry

_LISTED = "id::text AS id, status, requested_at, finished_at, seed, fence, reason, report"
_ADD = text("""
    INSERT INTO solve_job (id, status, requested_at, requested_by, seed)
    VALUES (CAST(:id AS uuid), 'queued', :requested_at, :requested_by, :seed)
""")
_CLAIM = text(f"""
    UPDATE solve_job SET status = 'running', fence = fence + 1, lease_until = :lease_until WHERE id = (
        SELECT id FROM solve_job WHERE status = 'queued' OR (status = 'running' AND lease_until <= :now)
        ORDER BY requested_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {_LISTED}
""")  # noqa: S608 - names of our own columns
_END = text("""
    UPDATE solve_job SET status = :status, lease_until = NULL, finished_at = :at, reason = :reason,
        report = CAST(:report AS jsonb)
    WHERE id = CAST(:id AS uuid) AND status = 'running' AND fence = :fence
""")
_FIND = text(f"SELECT {_LISTED} FROM solve_job WHERE id = CAST(:id AS uuid)")  # noqa: S608 - as above
_NEWEST = text(f"SELECT {_LISTED} FROM solve_job ORDER BY requested_at DESC, id DESC LIMIT 1")  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Job:
    """A wish for a new timetable. ``fence`` counts how often it was taken; ``report`` is there once it is done."""

    id: str
    status: str
    requested_at: datetime
    finished_at: datetime | None
    seed: int
    fence: int
    reason: str
    report: Mapping[str, Any] | None


def add(connection: Connection, job_id: str, requested_by: str, seed: int, at: datetime) -> None:
    """Queue a job."""
    connection.execute(_ADD, {"id": job_id, "requested_by": requested_by, "seed": seed, "requested_at": at})
    publish_entry(connection, Deed(requested_by, "timetable-solved", "job", job_id), at)


def claim(connection: Connection, now: datetime, lease_until: datetime) -> Job | None:
    """Take the oldest job that nobody works on, or whose worker has let its lease run out."""
    row = connection.execute(_CLAIM, {"now": now, "lease_until": lease_until}).first()
    return None if row is None else _job(row)


def finish(connection: Connection, job: Job, report: Mapping[str, Any], at: datetime) -> bool:
    """The job is done; False if somebody else has taken it meanwhile, and then nothing is changed."""
    return _end(connection, job, "done", at, report=json.dumps(report))


def give_up(connection: Connection, job: Job, reason: str, at: datetime) -> bool:
    """The job failed for good, with a reason for people."""
    return _end(connection, job, "failed", at, reason=reason)


def give_back(connection: Connection, job: Job) -> bool:
    """Queue the job again."""
    return _end(connection, job, "queued", None)


def find(connection: Connection, job_id: str) -> Job | None:
    """The job with this id (UUID text)."""
    row = connection.execute(_FIND, {"id": job_id}).first()
    return None if row is None else _job(row)


def newest(connection: Connection) -> Job | None:
    """The job that was asked for last."""
    row = connection.execute(_NEWEST).first()
    return None if row is None else _job(row)


def _end(
    connection: Connection, job: Job, status: str, at: datetime | None, *, reason: str = "", report: str | None = None
) -> bool:
    values = {"id": job.id, "fence": job.fence, "status": status, "at": at, "reason": reason, "report": report}
    return connection.execute(_END, values).rowcount == 1


def _job(row: Row[Any]) -> Job:
    return Job(**row._mapping)
