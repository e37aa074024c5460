"""Sealed answers as they are stored, and the log of who has read them: rows are only ever added to it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_SEALED = text("SELECT form, sealed FROM registration WHERE id = CAST(:id AS uuid)")
_LOCK = text("""
    SELECT id::text, sealed FROM registration
    WHERE form = :form AND sealed IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid))
    ORDER BY id LIMIT :most FOR NO KEY UPDATE
""")
_PUT = text("UPDATE registration SET sealed = :sealed WHERE id = CAST(:id AS uuid)")
_NOTE = text("""
    INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at)
    VALUES (CAST(:registration_id AS uuid), :form, :reader, :reason, :read_at)
""")
_LIST = text("""
    SELECT id, registration_id::text, form, reader, reason, read_at FROM sealed_reading
    WHERE (CAST(:before AS bigint) IS NULL OR id < :before)
        AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
    ORDER BY id DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Reading:
    """Somebody has read somebody's sealed answers."""

    number: int
    registration_id: str
    form: str
    reader: str
    reason: str
    read_at: datetime


def find_sealed(connection: Connection, registration_id: str) -> tuple[str, bytes | None] | None:
    """(form, ciphertext) of a registration; no ciphertext if it has no sealed answer, None if there is none at all."""
    row = connection.execute(_SEALED, {"id": registration_id}).fetchone()
    return None if row is None else (row[0], bytes(row[1]) if row[1] is not None else None)


def lock_sealed(connection: Connection, form: str, after: str, most: int) -> list[tuple[str, bytes]]:
    """(id, ciphertext) of registrations of ``form`` whose id follows ``after``, in order, locked against changes."""
    found = connection.execute(_LOCK, {"form": form, "after": after, "most": most})
    return [(row[0], bytes(row[1])) for row in found]


def put_sealed(connection: Connection, registration_id: str, sealed: bytes) -> None:
    """Another ciphertext of the same answers: nothing that anybody could see has changed, so no revision is made."""
    connection.execute(_PUT, {"id": registration_id, "sealed": sealed})


def note_reading(
    connection: Connection, registration_id: str, form: str, reader: str, reason: str, at: datetime
) -> None:
    """Add a line to the log."""
    values = {"registration_id": registration_id, "form": form, "reader": reader, "reason": reason, "read_at": at}
    connection.execute(_NOTE, values)


def list_readings(
    connection: Connection, before: int | None, most: int, forms: frozenset[str] | None = None
) -> list[Reading]:
    """Readings, newest first, with numbers below ``before``; of ``forms`` alone unless that is None."""
    values = {"before": before, "most": most, "forms": None if forms is None else sorted(forms)}
    return [Reading(*row) for row in connection.execute(_LIST, values)]
