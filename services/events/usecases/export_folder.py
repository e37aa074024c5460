"""Read everything that a folder may hold, in one view of the database, and write it as the files that loading reads."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from services.events.domain.event import Event
from services.events.loading.folder import Loaded
from services.events.loading.writing import written
from services.events.store import events, network, resources, rooms
from services.events.store.events import Audience, EventFilter
from services.events.store.locks import lock_loading
from services.events.store.resources import ResourceFilter
from services.events.store.tables import read_all
from shared.core.errors import SettingsError
from shared.store.unit_of_work import UnitOfWork

MAX_EVENTS = 100_000


def export_folder(work: UnitOfWork, folder: Path) -> Mapping[str, int]:
    """Write the files; returns the size of each, in bytes, by its name.

    Raises:
        SettingsError: the folder holds one of them already, or one would be larger than loading reads; nothing was
            written.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        lock_loading(connection)
        files = written(_everything(connection), rooms.all_rooms(connection), rooms.all_slots(connection))
    if there := [f"{name}: is there already" for name in files if (folder / name).exists()]:
        raise SettingsError(there)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: (folder / name).write_text(text, encoding="utf-8") for name, text in files.items()}


def _everything(connection: Connection) -> Loaded:
    return Loaded(
        series=tuple(network.all_series(connection)),
        working_groups=tuple(network.all_working_groups(connection)),
        events=tuple(_events(connection)),
        consultations=tuple(network.all_consultations(connection)),
        resources=tuple(resources.select(connection, ResourceFilter(published_only=False, limit=MAX_EVENTS))),
        hotels=tuple(resources.all_hotels(connection)),
        contacts=tuple(read_all(connection, network.CONTACTS)),
    )


def _events(connection: Connection) -> list[Event]:
    """All of them, those of the system itself too."""
    return [
        event
        for internal in (False, True)
        for event in events.select(
            connection, EventFilter(audience=Audience.COORDINATORS, internal=internal, limit=MAX_EVENTS)
        )
    ]
