"""Reads ``rooms.yaml``: rooms, and the days and times at which side events can be."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import marshmallow as ma

from services.events.loading.moving import ROOMS_FILE, LoadedRooms
from services.events.loading.rows import a_zone
from services.events.local_time import to_local, to_utc
from services.events.rules import RulesBroken
from services.events.venue.model import Room, Span, TimeSlot, overlapping_slots, span_from
from services.events.venue.schemas import ROOM_FIELDS
from shared.runtime.errors import DomainError, SettingsError
from shared.runtime.schema_fields import Parsed, Place, text_field
from shared.runtime.yaml_source import FileSchema, Node, load_from, read_yaml, repeated

_HOURS = re.compile(r"([0-2][0-9]:[0-5][0-9]) to ([0-2][0-9]:[0-5][0-9])")
Hours = tuple[time, time]


def _hours(value: Any) -> Hours:
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be times such as "09:00 to 10:00"')
    try:
        return time.fromisoformat(found[1]), time.fromisoformat(found[2])
    except ValueError:
        raise ValueError("is not a time that exists") from None


class _SlotSchema(FileSchema):
    """A slot by itself."""

    time = text_field(required=True)
    time_zone = Parsed(a_zone)


_RoomSchema = FileSchema.from_dict(
    {
        **{name: ROOM_FIELDS[name] for name in ("title", "capacity", "address", "equipment")},
        "id": text_field(80, required=True),
        "city": text_field(),
        "time_zone": Parsed(a_zone),
        "hours": ma.fields.List(Parsed(_hours), load_default=list),
        "open": ma.fields.List(text_field(), load_default=list),
    }
)


class _RoomsSchema(FileSchema):
    """The whole file."""

    days = ma.fields.List(ma.fields.Date(), load_default=list)
    times = ma.fields.List(Parsed(_hours), load_default=list)
    slots = ma.fields.List(ma.fields.Nested(_SlotSchema), load_default=list)
    rooms = ma.fields.List(ma.fields.Nested(_RoomSchema), load_default=list)
    time_zone = Parsed(a_zone, required=True)
    city = text_field(required=True)


def read_rooms(folder: Path, moved_by: timedelta | None = None) -> LoadedRooms:
    """The content of ``rooms.yaml``; nothing if there is no such file.

    Args:
        folder: the folder that holds the file.
        moved_by: whole days by which every day is moved; the time on the clock stays, over changes of summer time too.

    Raises:
        SettingsError: with every fault, ``rooms.yaml:14: hours: …``.
    """
    path = folder / ROOMS_FILE
    if not path.exists():
        return LoadedRooms((), ())
    programme = _Programme(read_yaml(path, dict), moved_by or timedelta())
    found = list(programme.slots())
    slots = tuple(slot for slot, _line in found)
    for first, second in overlapping_slots(slots):
        programme.fault(f"{first} and {second} overlap", "times")
    rooms = tuple(programme.rooms())
    programme.check()
    return LoadedRooms(rooms, slots, {slot.id: line for slot, line in found})


class _Programme:
    """The content of the file, and its faults.

    Raises:
        SettingsError: on construction: a field cannot be read; lists every such fault.
    """

    def __init__(self, node: Node, moved_by: timedelta) -> None:
        self._node, self._by = node, moved_by
        self._faults: list[str] = []
        self._content = load_from(node, _RoomsSchema(), self._faults)
        self._faults += repeated(node.child("rooms").children() if isinstance(node.get("rooms"), list) else (), "id")
        self.check()
        self._zone: str = self._content["time_zone"]
        self._days: list[date] = [on + moved_by for on in self._content["days"]]

    def check(self) -> None:
        """Raise the faults, if there are any.

        Raises:
            SettingsError: there is; lists every one.
        """
        if self._faults:
            raise SettingsError(self._faults)

    def fault(self, message: str, *place: str | int) -> None:
        """Note a fault of the value at ``place``."""
        self._faults.append(self._node.fault(message, *place))

    def slots(self) -> Iterator[tuple[TimeSlot, int]]:
        """Each slot and the line of its time: one for each day and time, then those that are listed one by one."""
        for day in self._days:
            for number, hours in enumerate(self._content["times"]):
                place = ("times", number)
                for span in self._spans(place, partial(_span_on, day, hours, self._zone)):
                    yield TimeSlot(f"{day:%Y-%m-%d}-{hours[0]:%H%M}", span, self._zone), self._node.line_of(place)
        for number, slot in enumerate(self._content["slots"]):
            zone = slot.get("time_zone", self._zone)
            for span in self._spans(("slots", number, "time"), partial(span_from, slot["time"], zone, self._by)):
                starts_at = to_local(span.starts_at, zone)
                yield TimeSlot(f"{starts_at:%Y-%m-%d-%H%M}", span, zone), self._node.line_of(("slots", number))

    def rooms(self) -> Iterator[Room]:
        """Each room without a fault."""
        for number, row in enumerate(self._content["rooms"]):
            known = {"city": self._content["city"], "time_zone": self._zone, **row}
            hours, lines, zone = known.pop("hours"), known.pop("open"), known["time_zone"]
            place: Place = ("rooms", number)
            spans = [
                span
                for index, times in enumerate(hours)
                for day in self._days
                for span in self._spans((*place, "hours", index), partial(_span_on, day, times, zone))
            ]
            for index, line in enumerate(lines):
                spans += self._spans((*place, "open", index), partial(span_from, line, zone, self._by))
            try:
                yield Room(**known, open=tuple(spans))
            except RulesBroken as error:
                for rule in error.broken:
                    self.fault(rule.detail, *place, "hours" if rule.field == "open" else rule.field)

    def _spans(self, place: Place, make: Callable[[], Span]) -> list[Span]:
        """The span that ``make`` returns; none, and a fault at ``place``, if there is no such time."""
        try:
            return [make()]
        except (DomainError, ValueError) as error:
            self.fault(error.detail if isinstance(error, DomainError) else str(error), *place)
            return []


def _span_on(day: date, hours: Hours, zone: str) -> Span:
    """From one time on ``day`` to the other; an end that is not later is on the next day."""
    start, end = (datetime.combine(day, at) for at in hours)
    return Span(to_utc(start, zone), to_utc(end if end > start else end + timedelta(days=1), zone))
