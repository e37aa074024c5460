"""Published timetables. A version is written once and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.domain.schedule import Span
from services.events.domain.schedule_diff import Entry
from services.events.store.texts import row_of, texts_read
from shared.store.deeds import Deed, publish_entry

_NEWEST = text("SELECT number, published_at, published_by FROM schedule_version ORDER BY number DESC LIMIT 1")
_FIND = text("SELECT number, published_at, published_by FROM schedule_version WHERE number = :number")
_ADD = text("""
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
class Version:
    """A published timetable: its number from 1, when and by whom (a role's name, no person), its side events."""

    number: int
    published_at: datetime
    published_by: str
    entries: tuple[Entry, ...]


def newest(connection: Connection) -> Version | None:
    """The timetable in force; None before the first."""
    row = connection.execute(_NEWEST).first()
    return None if row is None else _version(connection, row)


def find(connection: Connection, number: int) -> Version | None:
    """The version with this number."""
    row = connection.execute(_FIND, {"number": number}).first()
    return None if row is None else _version(connection, row)


def add(connection: Connection, version: Version) -> None:
    """Store a version. Its number must be free, which the lock of the board sees to."""
    row = {"number": version.number, "published_at": version.published_at, "published_by": version.published_by}
    connection.execute(_ADD, row)
    deed = Deed(version.published_by, "timetable-published", "timetable", str(version.number))
    publish_entry(connection, deed, version.published_at)
    if version.entries:
        connection.execute(_ADD_ENTRY, _rows(version.number, version.entries))


def _rows(number: int, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {name: row_of(entry)[name] for name in _PLAIN}
        | {"version": number, "starts_at": entry.span.starts_at, "ends_at": entry.span.ends_at}
        for entry in entries
    ]


def _version(connection: Connection, row: Row[Any]) -> Version:
    entries = tuple(
        Entry(span=Span(found.starts_at, found.ends_at), **{name: texts_read(found)[name] for name in _PLAIN})
        for found in connection.execute(_ENTRIES, {"version": row.number})
    )
    return Version(row.number, row.published_at, row.published_by, entries)
