"""Reads ``rooms.yaml``: the days and times of the programme, and the rooms with their hours. A folder may lack it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from services.events.domain.local_time import to_local, to_utc
from services.events.domain.room import Room
from services.events.domain.schedule import Slot, Span, overlapping_slots
from services.events.domain.spans import span_from
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
    moved_by: timedelta


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
    by = moved_by or timedelta()
    days = tuple(on + by for on in top.each("days", a_day))
    programme = _Programme(top.required("time_zone", a_zone, "UTC"), top.required("city", text(), "stand-in"), days, by)
    slots = (*_slots(top, programme, top.each("times", _hours)), *_single_slots(top, programme))
    for first, second in overlapping_slots(slots):
        top.fault(f"{first} and {second} overlap", "times")
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
    return tuple(slots)


def _single_slots(top: Fields, programme: _Programme) -> tuple[Slot, ...]:
    """Slots that stand one by one under ``slots``, each with its own zone if it has one."""
    slots = []
    for row in top.below("slots"):
        zone = row.optional("time_zone", a_zone, programme.zone)
        span = _whole_span(row, "time", row.required("time", text(), ""), zone, programme.moved_by)
        row.finish()
        if span is not None:
            slots.append(Slot(f"{to_local(span.starts_at, zone):%Y-%m-%d-%H%M}", span, zone))
    return tuple(slots)


def _lines(top: Fields, slots: Sequence[Slot]) -> dict[str, int]:
    """The slots come day by day, each with all times in the order of the file; then those that stand one by one."""
    times, days = len(top.node.data.get("times") or ()), len(top.node.data.get("days") or ())
    places = [("times", number % times) for number in range(times * days)]
    places += [("slots", number) for number in range(len(slots) - len(places))]
    return {slot.id: top.node.line_of(place) for slot, place in zip(slots, places, strict=True)}


def _room(row: Fields, programme: _Programme) -> Room | None:
    zone = row.optional("time_zone", a_zone, programme.zone)
    spans = [_span(row, "hours", zone, day, hours) for hours in row.each("hours", _hours) for day in programme.days]
    spans += [_whole_span(row, "open", line, zone, programme.moved_by) for line in row.each("open", text())]
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "capacity": row.required("capacity", whole(1, 99_999), 1),
    }
    opened = tuple(span for span in spans if span is not None)
    values |= {
        "city": row.optional("city", text(), programme.city),
        "time_zone": zone,
        "address": row.optional("address", text(500), ""),
        "equipment": row.optional("equipment", text(500), ""),
        "open": opened,
    }
    return made(row, Room, values, {"open": "hours"})


def _whole_span(row: Fields, key: str, line: str, zone: str, moved_by: timedelta) -> Span | None:
    """A day and times in one line."""
    try:
        return span_from(line, zone, moved_by) if line else None
    except ValueError as error:
        row.fault(str(error), key)
    except DomainError as error:
        row.fault(error.detail, key)
    return None


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
