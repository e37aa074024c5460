"""Load a folder: merge its content with what is stored and publish only real changes. Export a folder.

Events and rooms that are not in the folder stay; so do slots with a side event, others are deleted. An export writes
files from which loading reads the same values.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from sqlalchemy import Connection, text

from services.events.attendance.service import move_numbers
from services.events.event.lifecycle import PublishedChange, merge_loaded
from services.events.event.model import LOADED, Event, EventStatus, Readers
from services.events.event.service import record_change
from services.events.event.store import EventFilter, lock_event, save_event, select_events
from services.events.loading.moving import ROOMS_FILE, Loaded, LoadedRooms
from services.events.local_time import datetime_text
from services.events.network.messages import event_message, hotel_message, working_group_message
from services.events.network.model import Consultation, GroupContact, HotelBlock, Resource, Series, WorkingGroup
from services.events.network.service import record_resource_change, store_resource
from services.events.network.store import (
    CONSULTATION_TABLE,
    CONTACT_TABLE,
    HOTEL_TABLE,
    SERIES_TABLE,
    ResourceFilter,
    all_consultations,
    all_hotels,
    all_series,
    all_working_groups,
    lock_resource,
    save_working_group,
    select_resources,
)
from services.events.tables import StoredTable, read_all, save_value
from services.events.venue.model import Room, TimeSlot, span_text
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
from shared.i18n.languages import DEFAULT, Text
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError, SettingsError
from shared.runtime.yaml_source import LIMIT_BYTES

_LOADING = 7240010
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")

Described = TypeVar("Described", Series, WorkingGroup, Consultation, GroupContact, HotelBlock, Room)

LOADED_BY = "the programme folder"
"""Who changed it, in the history of an event."""

_LEFT_OUT = ("revision", "announced")
"""Fields that loading computes itself."""
DEFAULT_ZONE = "UTC"

MAX_EVENTS = 100_000


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


def render_files(loaded: Loaded, rooms: Iterable[Room], slots: Iterable[TimeSlot]) -> Mapping[str, str]:
    """The content of each file, by its name.

    Raises:
        SettingsError: a file would be larger than loading reads.
    """
    content: dict[str, Any] = {
        "series.yaml": [_row(series) for series in loaded.series],
        "working-groups.yaml": [_row(group) for group in loaded.working_groups],
        "events.yaml": [_event_row(event) for event in loaded.events],
        "consultations.yaml": [_row(consultation) for consultation in loaded.consultations],
        "resources.yaml": [_row(resource) for resource in loaded.resources],
        "hotels.yaml": [_row(hotel) for hotel in loaded.hotels],
        "group-contacts.yaml": [_row(contact) for contact in loaded.contacts],
        ROOMS_FILE: _room_rows(list(rooms), list(slots)),
    }
    files = {name: _yaml(rows) for name, rows in content.items()}
    large = [f"{name}: is larger than {LIMIT_BYTES} bytes" for name, text in files.items() if _size(text) > LIMIT_BYTES]
    if large:
        raise SettingsError(large)
    return files


def _size(text: str) -> int:
    return len(text.encode())


def _yaml(content: Any) -> str:
    return yaml.dump(content, Dumper=_DumperWithoutAnchors, allow_unicode=True, sort_keys=False, width=120)


class _DumperWithoutAnchors(yaml.SafeDumper):
    """Writes no anchors, because loading refuses them."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _row(value: Any) -> dict[str, Any]:
    """Return the fields of a value, except those with their default value."""
    rows = ((field.name, _plain(field.name, getattr(value, field.name))) for field in fields(value))
    return {name: plain for name, plain in rows if plain is not None}


def _plain(name: str, field: Any) -> Any:
    if name in _LEFT_OUT or field is None or field in ("", ()):
        return None
    if isinstance(field, Text):
        return _text_plain(field)
    if isinstance(field, date):
        return field.isoformat()
    if isinstance(field, tuple):
        return [_plain("", item) for item in field]
    if is_dataclass(field):
        return _row(field)
    return str(field) if isinstance(field, str) else field


def _text_plain(text: Text) -> dict[str, str] | str | None:
    """By language, or a plain string if there is only English."""
    texts = text.as_mapping
    return texts[DEFAULT] if list(texts) == [DEFAULT] else texts or None


def _event_row(event: Event) -> dict[str, Any]:
    names = ("starts_at", "ends_at", "last_starts_at", "last_ends_at")
    row = _row(event)
    for name in names:
        row.pop(name, None)
    dates = {name: getattr(event, name) for name in names if getattr(event, name) is not None}
    begin = "last_" if event.status is EventStatus.POSTPONED else ""
    for name, at in dates.items():
        key = name.removesuffix("_at").removeprefix(begin)
        row[key] = datetime_text(at, event.time_zone)
    return row


def _room_rows(rooms: list[Room], slots: list[TimeSlot]) -> dict[str, Any]:
    zone = _most_common([*(room.time_zone for room in rooms), *(slot.time_zone for slot in slots)], DEFAULT_ZONE)
    city = _most_common([room.city for room in rooms], "unknown")
    return {
        "city": city,
        "time_zone": zone,
        "slots": [
            {"time": span_text(slot.span, slot.time_zone), **_unless_default("time_zone", slot.time_zone, zone)}
            for slot in slots
        ],
        "rooms": [
            {
                **{name: plain for name, plain in _row(room).items() if name not in ("open", "city", "time_zone")},
                **_unless_default("city", room.city, city),
                **_unless_default("time_zone", room.time_zone, zone),
                "open": [span_text(span, room.time_zone) for span in room.open],
            }
            for room in rooms
        ],
    }


def _unless_default(name: str, value: str, default: str) -> dict[str, str]:
    return {} if value == default else {name: value}


def _most_common(values: list[str], default: str) -> str:
    return Counter(values).most_common(1)[0][0] if values else default


def export_folder(work: UnitOfWork, folder: Path) -> Mapping[str, int]:
    """Write the files; returns the size of each, in bytes, by its name.

    Raises:
        SettingsError: the folder already contains one of them, or one would be larger than loading reads; nothing was
            written.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        lock_loading(connection)
        files = render_files(_stored_programme(connection), all_rooms(connection), all_slots(connection))
    if existing := [f"{name}: already exists" for name in files if (folder / name).exists()]:
        raise SettingsError(existing)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: (folder / name).write_text(text, encoding="utf-8") for name, text in files.items()}


def _stored_programme(connection: Connection) -> Loaded:
    return Loaded(
        series=tuple(all_series(connection)),
        working_groups=tuple(all_working_groups(connection)),
        events=tuple(_events(connection)),
        consultations=tuple(all_consultations(connection)),
        resources=tuple(select_resources(connection, ResourceFilter(published_only=False, limit=MAX_EVENTS))),
        hotels=tuple(all_hotels(connection)),
        contacts=tuple(read_all(connection, CONTACT_TABLE)),
    )


def _events(connection: Connection) -> list[Event]:
    """Return all events, including internal ones."""
    return [
        event
        for internal in (False, True)
        for event in select_events(
            connection, EventFilter(audience=Readers.COORDINATORS, internal=internal, limit=MAX_EVENTS)
        )
    ]
