"""The table of notes: rows are added and read. The table itself refuses that one is changed."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from services.events.domain.event_note import EventNote
from shared.store.deeds import Deed, publish_entry

_ADD = text("""
    INSERT INTO event_note (id, event_id, words, written_by, written_at)
    VALUES (CAST(:id AS uuid), :event_id, :words, :written_by, :written_at) ON CONFLICT (id) DO NOTHING
""")
_PAGE = text("""
    SELECT id::text AS id, event_id, words, written_by, written_at FROM event_note
    WHERE event_id = :event_id AND (CAST(:before AS uuid) IS NULL
        OR number < (SELECT number FROM event_note WHERE id = CAST(:before AS uuid)))
    ORDER BY number DESC LIMIT :limit
""")
_FIND = text("""
    SELECT id::text AS id, event_id, words, written_by, written_at FROM event_note WHERE id = CAST(:id AS uuid)
""")


@dataclass(frozen=True, slots=True)
class NoteQuery:
    """Which notes: of one event, kept before the one with the id ``before`` (None: from the newest on)."""

    event_id: str
    before: str | None = None
    limit: int = 50


def add(connection: Connection, note: EventNote) -> bool:
    """Store a note; False if there is one with its id."""
    added = connection.execute(_ADD, asdict(note)).rowcount == 1
    if added:
        publish_entry(connection, Deed(note.written_by, "note-written", "event", note.event_id), note.written_at)
    return added


def find(connection: Connection, note_id: str) -> EventNote:
    """The note with this id, which is there."""
    return EventNote(**connection.execute(_FIND, {"id": note_id}).one()._mapping)


def page(connection: Connection, wanted: NoteQuery) -> list[EventNote]:
    """At most ``wanted.limit`` notes, the newest first."""
    rows = connection.execute(_PAGE, asdict(wanted))
    return [EventNote(**row._mapping) for row in rows]
