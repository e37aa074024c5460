"""The recipient book: who a registration belongs to. What is personal in it is closed before it comes here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.notifications.domain.truth import Standing

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:registration_id, 0))")
_STANDING = text("""
    SELECT revision, status FROM recipient WHERE registration_id = CAST(:registration_id AS uuid)
""")
_KEEP = text("""
    INSERT INTO recipient (registration_id, person_ref, form, event, language, status, revision, position, closed,
        noted_at)
    VALUES (CAST(:registration_id AS uuid), :person_ref, :form, :event, :language, :status, :revision, :position,
        :closed, :now)
    ON CONFLICT (registration_id) DO UPDATE SET person_ref = excluded.person_ref, form = excluded.form,
        event = excluded.event, language = excluded.language, status = excluded.status,
        revision = excluded.revision, position = excluded.position, closed = excluded.closed,
        noted_at = excluded.noted_at
""")


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One registration in the book. ``closed`` is bound to ``registration_id``."""

    registration_id: str
    person_ref: str
    form: str
    event: str | None
    language: str
    status: str
    revision: int
    position: int | None
    closed: bytes


def lock_standing(connection: Connection, registration_id: str) -> Standing | None:
    """What is known of a registration, with all else about it kept out until the transaction ends."""
    connection.execute(_LOCK, {"registration_id": registration_id})
    row = connection.execute(_STANDING, {"registration_id": registration_id}).fetchone()
    return Standing(row[0], row[1]) if row else None


def keep_entry(connection: Connection, entry: BookEntry, now: datetime) -> None:
    """Store ``entry`` in place of what was known; the caller has decided that it is newer."""
    connection.execute(
        _KEEP,
        {
            "registration_id": entry.registration_id,
            "person_ref": entry.person_ref,
            "form": entry.form,
            "event": entry.event,
            "language": entry.language,
            "status": entry.status,
            "revision": entry.revision,
            "position": entry.position,
            "closed": entry.closed,
            "now": now,
        },
    )
