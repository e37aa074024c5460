"""Export what is stored as a folder that can be loaded again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection

from services.events.event.model import Event, EventStatus, Readers
from services.events.event.store import EventFilter, select_events
from services.events.loading.moving import ROOMS_FILE, Loaded
from services.events.loading.service import lock_loading
from services.events.local_time import datetime_text
from services.events.network.store import (
    CONTACT_TABLE,
    ResourceFilter,
    all_consultations,
    all_hotels,
    all_series,
    all_working_groups,
    select_resources,
)
from services.events.tables import read_all
from services.events.venue.model import Room, TimeSlot, span_text
from services.events.venue.store import (
    all_rooms,
    all_slots,
)
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import DEFAULT, Text
from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import LIMIT_BYTES

_LEFT_OUT = ("revision", "announced")
"""Fields that loading computes itself."""


DEFAULT_ZONE = "UTC"


MAX_EVENTS = 100_000


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
