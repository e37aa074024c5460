"""Store the rooms and slots of a folder; rooms that do not stand in it stay, slots that do not go if they are empty."""

from collections.abc import Iterator

from sqlalchemy import Connection

from services.events.domain.merging import merge_described
from services.events.loading.rooms import LoadedRooms
from services.events.store import rooms, schedule_board
from shared.core.errors import SettingsError
from shared.store.unit_of_work import UnitOfWork


def check_rooms(work: UnitOfWork, loaded: LoadedRooms) -> None:
    """Find out whether ``load_rooms`` can store all of ``loaded``, before anything else of its folder is stored.

    Raises:
        SettingsError: as ``load_rooms``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        _check(connection, loaded)


def load_rooms(work: UnitOfWork, loaded: LoadedRooms) -> None:
    """Store all of ``loaded``, or nothing.

    Raises:
        SettingsError: slots overlap others that have to stay, since something stands in them; lists each of them.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        schedule_board.lock(connection)
        _check(connection, loaded)
        before = rooms.all_rooms(connection), rooms.all_slots(connection)
        stored = {room.id: room for room in before[0]}
        for room in loaded.rooms:
            merged, change = merge_described(stored.get(room.id), room)
            if change != "none":
                rooms.save_room(connection, merged)
        if loaded.slots:
            rooms.save_slots(connection, loaded.slots)
        if (rooms.all_rooms(connection), rooms.all_slots(connection)) != before:
            schedule_board.raise_revision(connection)


def _check(connection: Connection, loaded: LoadedRooms) -> None:
    if faults := list(_overlaps(connection, loaded)):
        raise SettingsError(faults)


def _overlaps(connection: Connection, loaded: LoadedRooms) -> Iterator[str]:
    new = {slot.id for slot in loaded.slots}
    staying = [slot for slot in rooms.slots_in_use(connection) if slot.id not in new]
    for slot in loaded.slots:
        for old in staying:
            if slot.span.overlaps(old.span):
                said = f"{slot.id} overlaps {old.id}, in which side events stand: move them first"
                yield loaded.fault(slot.id, said)
