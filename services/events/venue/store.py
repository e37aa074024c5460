"""Rooms with their hours, the slots of the programme, and the draft board: which proposal is in which room and slot.

Rooms and slots are few and read whole. One row holds the board's revision and is its lock.
"""

# ruff: noqa: S608 - names of our own columns, all values are parameters
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.tables import row_of, texts_read
from services.events.venue.model import Placement, Room, Span, TimeSlot

_HOURS = text("SELECT room_id, starts_at, ends_at FROM room_hours ORDER BY room_id, starts_at")
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


_FIND_ROOM = text("SELECT id FROM room WHERE id = :id FOR UPDATE")
_REMOVE_ROOM = text("DELETE FROM room WHERE id = :id")
_ADD_SLOT = text("""
    INSERT INTO slot (id, starts_at, ends_at, time_zone) VALUES (:id, :starts_at, :ends_at, :time_zone)
    ON CONFLICT (id) DO NOTHING
""")
_REMOVE_SLOT = text("DELETE FROM slot WHERE id = :id")
_ROOM_COLUMNS = tuple(field.name for field in fields(Room) if field.name != "open")
_ROOMS = text(f"SELECT {', '.join(_ROOM_COLUMNS)} FROM room ORDER BY id")
_SAVE_ROOM = text(
    f"INSERT INTO room ({', '.join(_ROOM_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _ROOM_COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _ROOM_COLUMNS[1:])}"
)

_BOARD_REVISION = text("SELECT revision FROM board")
_LOCK_BOARD = text("SELECT revision FROM board FOR UPDATE")
_RAISE_REVISION = text("UPDATE board SET revision = revision + 1 RETURNING revision")
_PLACEMENTS = text("SELECT proposal_id::text, room_id, slot_id, pinned FROM placement ORDER BY proposal_id")
_PLACE = text("""
    INSERT INTO placement (proposal_id, room_id, slot_id, pinned)
    VALUES (CAST(:proposal_id AS uuid), :room_id, :slot_id, :pinned)
    ON CONFLICT (proposal_id) DO UPDATE SET room_id = excluded.room_id, slot_id = excluded.slot_id,
        pinned = excluded.pinned
""")
_REMOVE_PLACEMENT = text("DELETE FROM placement WHERE proposal_id = CAST(:id AS uuid)")
_CLEAR_BOARD = text("DELETE FROM placement")


def all_rooms(connection: Connection) -> list[Room]:
    """Every room, in order of ids."""
    hours: defaultdict[str, list[Span]] = defaultdict(list)
    for row in connection.execute(_HOURS):
        hours[row.room_id].append(Span(row.starts_at, row.ends_at))
    return [Room(**texts_read(row), open=tuple(hours[row.id])) for row in connection.execute(_ROOMS)]


def find_room_for_change(connection: Connection, room_id: str) -> Room | None:
    """The room with this id, locked until the transaction ends."""
    connection.execute(_FIND_ROOM, {"id": room_id})
    return next((room for room in all_rooms(connection) if room.id == room_id), None)


def add_room(connection: Connection, room: Room) -> bool:
    """Store a room that is not there yet; whether it was not."""
    if find_room_for_change(connection, room.id) is not None:
        return False
    save_room(connection, room)
    return True


def remove_room(connection: Connection, room_id: str) -> None:
    """Delete a room and its hours; the database refuses one that is in use."""
    connection.execute(_FORGET_HOURS, {"id": room_id})
    connection.execute(_REMOVE_ROOM, {"id": room_id})


def find_slot(connection: Connection, slot_id: str) -> TimeSlot | None:
    """The slot with this id. Slots are never changed, and withdrawing one takes the lock of the board."""
    return next((slot for slot in all_slots(connection) if slot.id == slot_id), None)


def add_slot(connection: Connection, slot: TimeSlot) -> bool:
    """Store a slot that is not there yet; whether it was not."""
    return connection.execute(_ADD_SLOT, _slot_row(slot)).rowcount == 1


def remove_slot(connection: Connection, slot_id: str) -> None:
    """Delete a slot; the database refuses one that is in use."""
    connection.execute(_REMOVE_SLOT, {"id": slot_id})


def all_slots(connection: Connection) -> list[TimeSlot]:
    """Every slot, by its start."""
    return [_slot(row) for row in connection.execute(_SLOTS)]


def slots_in_use(connection: Connection) -> list[TimeSlot]:
    """Every slot that is used on the draft board, by its start."""
    return [_slot(row) for row in connection.execute(_IN_USE)]


def save_room(connection: Connection, room: Room) -> None:
    """Store ``room`` with its hours in place of what was stored under its id."""
    connection.execute(_SAVE_ROOM, row_of(room))
    connection.execute(_FORGET_HOURS, {"id": room.id})
    hours = [{"room_id": room.id, "starts_at": span.starts_at, "ends_at": span.ends_at} for span in room.open]
    connection.execute(_ADD_HOURS, hours)


def save_slots(connection: Connection, slots: Sequence[TimeSlot]) -> None:
    """Store ``slots``; others are deleted unless they are in use. The database refuses slots that overlap."""
    connection.execute(_DROP_SLOTS, {"kept": [slot.id for slot in slots]})
    if slots:
        connection.execute(_SAVE_SLOT, [_slot_row(slot) for slot in slots])


def _slot_row(slot: TimeSlot) -> dict[str, Any]:
    span = {"starts_at": slot.span.starts_at, "ends_at": slot.span.ends_at}
    return {"id": slot.id, "time_zone": slot.time_zone, **span}


def _slot(row: Row[Any]) -> TimeSlot:
    return TimeSlot(row.id, Span(row.starts_at, row.ends_at), row.time_zone)


def board_revision(connection: Connection) -> int:
    """Rises with every change of the board."""
    number: int = connection.execute(_BOARD_REVISION).scalar_one()
    return number


def lock_board(connection: Connection) -> int:
    """The revision; until the transaction ends no one else changes or publishes the board."""
    number: int = connection.execute(_LOCK_BOARD).scalar_one()
    return number


def all_placements(connection: Connection) -> list[Placement]:
    """All placements on the board, by proposal."""
    return [Placement(*row) for row in connection.execute(_PLACEMENTS)]


def place_on_board(connection: Connection, placement: Placement) -> int:
    """Place one proposal, wherever it was; returns the board's new revision."""
    connection.execute(_PLACE, asdict(placement))
    return raise_board_revision(connection)


def remove_from_board(connection: Connection, proposal_id: str) -> bool:
    """Take a proposal from the board; False if it was not there."""
    gone = connection.execute(_REMOVE_PLACEMENT, {"id": proposal_id}).rowcount > 0
    if gone:
        raise_board_revision(connection)
    return gone


def replace_board(connection: Connection, placements: Sequence[Placement]) -> int:
    """Replace the content of the board by ``placements``; returns its new revision."""
    connection.execute(_CLEAR_BOARD)
    if placements:
        connection.execute(_PLACE, [asdict(placement) for placement in placements])
    return raise_board_revision(connection)


def raise_board_revision(connection: Connection) -> int:
    """Count a change of rooms or slots as a change of the board; returns its new revision."""
    number: int = connection.execute(_RAISE_REVISION).scalar_one()
    return number
