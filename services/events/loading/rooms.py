"""Reads ``rooms.yaml``: the days and times of the programme, and the rooms with their hours. A folder may lack it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from services.events.domain.local_time import to_utc
from services.events.domain.room import Room
from services.events.domain.schedule import Slot, Span, overlapping_slots
from services.events.loading.checks import check_unique
from services.events.loading.values import a_day, a_zone, made
from shared.core.errors import DomainError, SettingsError
from shared.core.yaml_source import Fields, read_yaml, text, whole
from shared.i18n.content import Text, text_reader

FILE = "rooms.yaml"
_HOURS = re.compile(r"([0-2][0-9]:[0-5][0-9]) to ([0-2][0-9]:[0-5][0-9])")
Hours = tuple[time, time]


@dataclass(frozen=True, slots=True)
class LoadedRooms:
    """Where and when side events can be; ``lines`` says where in the file the time of each slot stands."""

    rooms: tuple[Room, ...]
    slots: tuple[Slot, ...]
    lines: Mapping[str, int] = field(default_factory=dict)

    def fault(self, slot_id: str, message: str) -> str:
        """``rooms.yaml:6: times: <message>`` for the time from which a slot was made."""
        return f"{FILE}:{self.lines[slot_id]}: times: {message}"


@dataclass(frozen=True, slots=True)
class _Programme:
    zone: str
    city: str
    days: tuple[date, ...]


def read_rooms(folder: Path, moved_by: timedelta | None = None) -> LoadedRooms:
    """The content of ``rooms.yaml``, its days moved; nothing if there is no such file.

    Raises:
        SettingsError: with every fault, ``rooms.yaml:14: hours: …``.
    """
    path = folder / FILE
    if not path.exists():
        return LoadedRooms((), ())
    faults: list[str] = []
    top = Fields(read_yaml(path, dict), faults)
    days = tuple(on + (moved_by or timedelta()) for on in top.each("days", a_day))
    programme = _Programme(top.required("time_zone", a_zone, "UTC"), top.required("city", text(), "stand-in"), days)
    slots = _slots(top, programme, top.each("times", _hours))
    below = top.below("rooms")
    rooms = tuple(room for row in below if (room := _room(row, programme)) is not None)
    check_unique(below, "id")
    top.finish()
    if faults:
        raise SettingsError(faults)
    return LoadedRooms(rooms, slots, _lines(top, slots))


def _slots(top: Fields, programme: _Programme, times: tuple[Hours, ...]) -> tuple[Slot, ...]:
    """One slot for each day and time; they must not overlap."""
    slots = []
    for day in programme.days:
        for hours in times:
            span = _span(top, "times", programme.zone, day, hours)
            if span is not None:
                slots.append(Slot(f"{day:%Y-%m-%d}-{hours[0]:%H%M}", span, programme.zone))
    for first, second in overlapping_slots(slots):
        top.fault(f"{first} and {second} overlap", "times")
    return tuple(slots)


def _lines(top: Fields, slots: Sequence[Slot]) -> dict[str, int]:
    """The slots come day by day, each with all times in the order of the file."""
    count = len(top.node.data.get("times") or ())
    return {slot.id: top.node.line_of(("times", number % count)) for number, slot in enumerate(slots)}


def _room(row: Fields, programme: _Programme) -> Room | None:
    spans = [
        _span(row, "hours", programme.zone, day, hours) for hours in row.each("hours", _hours) for day in programme.days
    ]
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "capacity": row.required("capacity", whole(1, 9999), 1),
    }
    opened = tuple(span for span in spans if span is not None)
    values |= {"city": programme.city, "time_zone": programme.zone, "open": opened}
    return made(row, Room, values, {"open": "hours"})


def _span(row: Fields, key: str, zone: str, day: date, hours: Hours) -> Span | None:
    """From one time on ``day`` to the other; an end that is not later is on the next day."""
    start, end = (datetime.combine(day, moment) for moment in hours)
    later = end if end > start else end + timedelta(days=1)
    try:
        return Span(to_utc(start, zone), to_utc(later, zone))
    except DomainError as error:
        row.fault(error.detail, key)
        return None


def _hours(value: Any) -> Hours:
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be times such as "09:00 to 10:00"')
    try:
        return time.fromisoformat(found[1]), time.fromisoformat(found[2])
    except ValueError:
        raise ValueError("is not a time that exists") from None
