"""Rooms with their hours, and the slots of the programme. Both are few and read whole."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.domain.room import Room
from services.events.domain.schedule import Slot, Span
from services.events.store.texts import row_of, texts_read

_ROOMS = text("SELECT id, title, city, capacity, time_zone FROM room ORDER BY id")
_HOURS = text("SELECT room_id, starts_at, ends_at FROM room_hours ORDER BY room_id, starts_at")
_SAVE_ROOM = text("""
    INSERT INTO room (id, title, city, capacity, time_zone) VALUES (:id, :title, :city, :capacity, :time_zone)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, city = excluded.city, capacity = excluded.capacity,
        time_zone = excluded.time_zone
""")
_FORGET_HOURS = text("DELETE FROM room_hours WHERE room_id = :id")
_ADD_HOURS = text("INSERT INTO room_hours (room_id, starts_at, ends_at) VALUES (:room_id, :starts_at, :ends_at)")
_SLOTS = text("SELECT id, starts_at, ends_at, time_zone FROM slot ORDER BY starts_at")
_IN_USE = text("""
    SELECT id, starts_at, ends_at, time_zone FROM slot
    WHERE EXISTS (SELECT 1 FROM placement WHERE slot_id = slot.id) ORDER BY starts_at
""")
_SAVE_SLOT = text("""
    INSERT INTO slot (id, starts_at, ends_at, time_zone) VALUES (:id, :starts_at, :ends_at, :time_zone)
    ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        time_zone = excluded.time_zone
""")
_DROP_SLOTS = text("""
    DELETE FROM slot WHERE id <> ALL(:kept) AND NOT EXISTS (SELECT 1 FROM placement WHERE slot_id = slot.id)
""")


def all_rooms(connection: Connection) -> list[Room]:
    """Every room, in order of ids."""
    hours: defaultdict[str, list[Span]] = defaultdict(list)
    for row in connection.execute(_HOURS):
        hours[row.room_id].append(Span(row.starts_at, row.ends_at))
    return [Room(**texts_read(row), open=tuple(hours[row.id])) for row in connection.execute(_ROOMS)]


def all_slots(connection: Connection) -> list[Slot]:
    """Every slot, by its start."""
    return [_slot(row) for row in connection.execute(_SLOTS)]


def slots_in_use(connection: Connection) -> list[Slot]:
    """Every slot in which something stands on the draft board, by its start."""
    return [_slot(row) for row in connection.execute(_IN_USE)]


def save_room(connection: Connection, room: Room) -> None:
    """Store ``room`` with its hours in place of what was stored under its id."""
    connection.execute(_SAVE_ROOM, row_of(room))
    connection.execute(_FORGET_HOURS, {"id": room.id})
    hours = [{"room_id": room.id, "starts_at": one.starts_at, "ends_at": one.ends_at} for one in room.open]
    connection.execute(_ADD_HOURS, hours)


def save_slots(connection: Connection, slots: Sequence[Slot]) -> None:
    """Store ``slots``; others go unless something stands in them. The database refuses slots that overlap."""
    connection.execute(_DROP_SLOTS, {"kept": [slot.id for slot in slots]})
    rows = [
        {"id": slot.id, "starts_at": slot.span.starts_at, "ends_at": slot.span.ends_at, "time_zone": slot.time_zone}
        for slot in slots
    ]
    if rows:
        connection.execute(_SAVE_SLOT, rows)


def _slot(row: Row[Any]) -> Slot:
    return Slot(row.id, Span(row.starts_at, row.ends_at), row.time_zone)
