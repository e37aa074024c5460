"""Store the rooms and slots of a folder; rooms that do not stand in it stay, slots that do not go if they are empty."""

from services.events.loading.rooms import LoadedRooms
from services.events.store import rooms, schedule_board
from shared.store.unit_of_work import UnitOfWork


def load_rooms(work: UnitOfWork, loaded: LoadedRooms) -> None:
    """Store all of ``loaded``, or nothing.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        schedule_board.lock(connection)
        for room in loaded.rooms:
            rooms.save_room(connection, room)
        if loaded.slots:
            rooms.save_slots(connection, loaded.slots)
