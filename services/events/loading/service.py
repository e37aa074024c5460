"""Load a folder: merge its content with what is stored and publish only real changes. Export a folder.

Events and rooms that are not in the folder stay; so do slots with a side event, others are deleted. An export writes
files from which loading reads the same values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, text

from services.events.attendance.service import move_numbers
from services.events.event.lifecycle import PublishedChange, merge_loaded
from services.events.event.model import LOADED, Event
from services.events.event.service import record_change
from services.events.event.store import lock_event, save_event
from services.events.loading.moving import Loaded, LoadedRooms
from services.events.network.messages import event_message, hotel_message, working_group_message
from services.events.network.model import Consultation, GroupContact, HotelBlock, Resource, Series, WorkingGroup
from services.events.network.service import record_resource_change, store_resource
from services.events.network.store import (
    CONSULTATION_TABLE,
    CONTACT_TABLE,
    HOTEL_TABLE,
    SERIES_TABLE,
    all_working_groups,
    lock_resource,
    save_working_group,
)
from services.events.tables import StoredTable, read_all, save_value
from services.events.venue.model import Room
from services.events.venue.store import (
    all_rooms,
    all_slots,
    lock_board,
    raise_board_revision,
    save_room,
    save_slots,
    slots_in_use,
)
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError, SettingsError

_LOADING = 7240010
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")

Described = TypeVar("Described", Series, WorkingGroup, Consultation, GroupContact, HotelBlock, Room)

LOADED_BY = "the programme folder"
"""Who changed it, in the history of an event."""


def lock_loading(connection: Connection) -> None:
    """Allow one load at a time: two at once would both treat an event as new and announce it twice."""
    connection.execute(_LOCK, {"lock": _LOADING})


def merge_described(old: Described | None, new: Described) -> tuple[Described, PublishedChange]:
    """The record to store when ``new`` was read from a folder and ``old`` is stored, and the change to publish."""
    if old is None:
        return replace(new, revision=1), "published"
    if replace(new, revision=old.revision) == old:
        return old, "none"
    return replace(new, revision=old.revision + 1), "changed"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Number of records in the folder, and of messages that their changes caused."""

    series: int
    working_groups: int
    events: int
    consultations: int
    messages: int
    resources: int = 0
    hotels: int = 0


def load_sample(work: UnitOfWork, clock: Clock, loaded: Loaded) -> LoadReport:
    """Store all of ``loaded`` with the messages it causes, or nothing.

    Stored records that are not in the folder stay. Loading the same folder again changes and publishes nothing.

    Args:
        work: the unit of work on the database of events.
        clock: time of the changes.
        loaded: what ``read_folder`` or ``moved`` returned.

    Raises:
        SettingsError: what is stored cannot become what is in the folder; lists each such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        lock_loading(connection)
        now = clock()
        _load_described(connection, SERIES_TABLE, loaded.series)
        messages = [
            *_load_groups(connection, loaded.working_groups, now),
            *_load_events(connection, loaded.events, now),
            *_load_resources(connection, loaded.resources, now),
            *(hotel_message(hotel, now) for hotel in _load_described(connection, HOTEL_TABLE, loaded.hotels)),
        ]
        _load_described(connection, CONSULTATION_TABLE, loaded.consultations)
        _load_described(connection, CONTACT_TABLE, loaded.contacts)
        outbox.add(connection, messages)
    return LoadReport(
        len(loaded.series),
        len(loaded.working_groups),
        len(loaded.events),
        len(loaded.consultations),
        len(messages),
        len(loaded.resources),
        len(loaded.hotels),
    )


def _load_described(
    connection: Connection, table: StoredTable[Described], loaded: tuple[Described, ...]
) -> list[Described]:
    """Store what differs, and return it; its revision rises, so that an open form is refused."""
    changed = []
    stored = {series.id: series for series in read_all(connection, table)}
    for new in loaded:
        merged, change = merge_described(stored.get(new.id), new)
        if change != "none":
            save_value(connection, table, merged)
            changed.append(merged)
    return changed


def _load_groups(connection: Connection, loaded: tuple[WorkingGroup, ...], now: datetime) -> Iterator[Message]:
    stored = {group.id: group for group in all_working_groups(connection)}
    for new in loaded:
        group, change = merge_described(stored.get(new.id), new)
        save_working_group(connection, group)
        if change != "none":
            yield working_group_message(group, now)


def _load_resources(connection: Connection, loaded: tuple[Resource, ...], now: datetime) -> Iterator[Message]:
    for new in loaded:
        old = lock_resource(connection, new.id)
        stored, messages = store_resource(connection, new, now, old)
        record_resource_change(connection, LOADED_BY, old, stored, now)
        yield from messages


def _load_events(connection: Connection, loaded: tuple[Event, ...], now: datetime) -> list[Message]:
    messages, faults = [], []
    for new in loaded:
        try:
            old = lock_event(connection, new.id)
            event, change = merge_loaded(old, new)
        except DomainError as error:
            faults.append(f"events.yaml: {new.id}: {error.detail}")
            continue
        save_event(connection, event, now)
        move_numbers(connection, old, event)
        record_change(connection, LOADED, LOADED_BY, old, event, now)
        if change != "none":
            messages.append(event_message(change, event, now))
    if faults:
        raise SettingsError(faults)
    return messages


def check_rooms(work: UnitOfWork, loaded: LoadedRooms) -> None:
    """Check that ``load_rooms`` can store all of ``loaded``, before the rest of its folder is stored.

    Raises:
        SettingsError: as ``load_rooms``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        _check_slots(connection, loaded)


def load_rooms(work: UnitOfWork, loaded: LoadedRooms) -> None:
    """Store all of ``loaded``, or nothing.

    Raises:
        SettingsError: slots overlap others that have to stay, because they contain side events; lists each of them.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        lock_board(connection)
        _check_slots(connection, loaded)
        before = all_rooms(connection), all_slots(connection)
        stored = {room.id: room for room in before[0]}
        for room in loaded.rooms:
            merged, change = merge_described(stored.get(room.id), room)
            if change != "none":
                save_room(connection, merged)
        if loaded.slots:
            save_slots(connection, loaded.slots)
        if (all_rooms(connection), all_slots(connection)) != before:
            raise_board_revision(connection)


def _check_slots(connection: Connection, loaded: LoadedRooms) -> None:
    if faults := list(_overlaps(connection, loaded)):
        raise SettingsError(faults)


def _overlaps(connection: Connection, loaded: LoadedRooms) -> Iterator[str]:
    new = {slot.id for slot in loaded.slots}
    staying = [slot for slot in slots_in_use(connection) if slot.id not in new]
    for slot in loaded.slots:
        for old in staying:
            if slot.span.overlaps(old.span):
                message = f"{slot.id} overlaps {old.id}, which has side events: move them first"
                yield loaded.fault(slot.id, message)
