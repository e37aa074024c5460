"""Reads a folder of YAML files whole, and moves its dates. It opens no database and publishes nothing."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from services.events.event.model import Event
from services.events.loading.rows import (
    a_day,
    a_zone,
    check_events,
    check_forms,
    check_group,
    check_groups,
    check_series,
    check_unique,
    consultation_of,
    event_of,
    group_contact_of,
    hotel_of,
    ids_of,
    ids_where,
    made,
    resource_of,
    series_of,
    working_group_of,
)
from services.events.local_time import to_local, to_utc
from services.events.network.model import Consultation, GroupContact, HotelBlock, Resource, Series, WorkingGroup
from services.events.venue.model import Room, Span, TimeSlot, overlapping_slots, span_from
from shared.i18n.languages import Text, text_reader
from shared.runtime.errors import DomainError, SettingsError
from shared.runtime.yaml_source import Fields, read_yaml, text, whole

T = TypeVar("T")

FILES = ("series.yaml", "working-groups.yaml", "events.yaml", "consultations.yaml")
"""What a folder must hold."""

OPTIONAL_FILES = ("resources.yaml", "hotels.yaml", "group-contacts.yaml")
"""What it may hold as well."""

FORMS_FILE = "forms.yaml"
"""Registration's; where it is there, events may name no form that is not in it."""

ROOMS_FILE = "rooms.yaml"
_HOURS = re.compile(r"([0-2][0-9]:[0-5][0-9]) to ([0-2][0-9]:[0-5][0-9])")
Hours = tuple[time, time]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The content of a folder, each in the order of its file."""

    series: tuple[Series, ...]
    working_groups: tuple[WorkingGroup, ...]
    events: tuple[Event, ...]
    consultations: tuple[Consultation, ...]
    resources: tuple[Resource, ...] = ()
    hotels: tuple[HotelBlock, ...] = ()
    contacts: tuple[GroupContact, ...] = ()


def read_folder(path: Path, moved_by: timedelta | None = None) -> Loaded:
    """The content of ``series.yaml``, ``working-groups.yaml``, ``events.yaml`` and ``consultations.yaml`` in ``path``,
    and of ``resources.yaml``, ``hotels.yaml`` and ``group-contacts.yaml`` if they are there.

    Args:
        path: the folder; other files in it belong to other services and are left alone.
        moved_by: whole days by which every date is moved; the time on the clock stays, over changes of summer time too.

    Raises:
        SettingsError: with every fault of all files, ``events.yaml:14: starts: …``.
        ValueError: ``moved_by`` is not whole days.
    """
    by = moved_by or timedelta()
    if by % timedelta(days=1):
        raise ValueError("dates are moved by whole days")
    faults: list[str] = []
    series, groups, events, consultations = (_rows(path / name, faults) for name in FILES)
    resources, hotels, contacts = (
        _rows(path / name, faults) if (path / name).exists() else [] for name in OPTIONAL_FILES
    )
    loaded = Loaded(
        series=_values(series, series_of),
        working_groups=_values(groups, working_group_of),
        events=_values(events, partial(event_of, moved_by=by)),
        consultations=_values(consultations, partial(consultation_of, moved_by=by)),
        resources=_values(resources, resource_of),
        hotels=_values(hotels, partial(hotel_of, moved_by=by)),
        contacts=_values(contacts, partial(group_contact_of, moved_by=by)),
    )
    check_unique(contacts or (), "id")
    if groups is not None:
        for rows in (consultations, contacts):
            check_group(rows or (), ids_of(groups))
    _check(series, groups, events, consultations)
    _check_forms(path / FORMS_FILE, events)
    _check_resources(resources, hotels, events, series)
    if faults:
        raise SettingsError(sorted(faults, key=_place))
    return loaded


def _place(fault: str) -> tuple[int, int]:
    """Where a fault belongs when they are read from top to bottom: file, then line."""
    name, line = fault.split(":")[:2]
    return (*FILES, *OPTIONAL_FILES).index(name), int(line) if line.isdigit() else 0


def _rows(path: Path, faults: list[str]) -> list[Fields] | None:
    """The rows of one file; None if it cannot be read, which is noted."""
    try:
        node = read_yaml(path, list)
    except SettingsError as error:
        faults.extend(error.problems)
        return None
    return [Fields(node.child(index), faults) for index in range(len(node.data))]


def _values(rows: list[Fields] | None, make: Callable[[Fields], T | None]) -> tuple[T, ...]:
    return tuple(value for row in rows or () if (value := make(row)) is not None)


def _check(
    series: list[Fields] | None,
    groups: list[Fields] | None,
    events: list[Fields] | None,
    consultations: list[Fields] | None,
) -> None:
    """Checks between rows; a file that cannot be read is not blamed a second time by the others."""
    for rows in (series, groups, events, consultations):
        check_unique(rows or (), "id")
    check_unique(events or (), "series", "series_number")
    if series is not None:
        check_series(events or (), ids_of(series))
    if groups is not None:
        check_groups(events or (), ids_of(groups))


def _check_forms(path: Path, events: list[Fields] | None) -> None:
    """Check the names of forms against registration's file, if it is there; its faults are registration's to report."""
    forms = _rows(path, []) if path.exists() else None
    if forms is not None:
        check_forms(events or (), ids_of(forms, "slug"))


def _check_resources(
    resources: list[Fields] | None,
    hotels: list[Fields] | None,
    events: list[Fields] | None,
    series: list[Fields] | None,
) -> None:
    check_unique(resources or (), "id")
    check_unique(hotels or (), "id")
    if series is not None:
        check_series(resources or (), ids_of(series))
    if events is not None:
        drafts, internal = ids_where(events, "status", "draft"), ids_where(events, "internal", True)
        check_events(resources or (), ids_of(events), drafts, internal)


@dataclass(frozen=True, slots=True)
class LoadedRooms:
    """Where and when side events can be; ``lines`` is the line of each slot's time in the file."""

    rooms: tuple[Room, ...]
    slots: tuple[TimeSlot, ...]
    lines: Mapping[str, int] = field(default_factory=dict)

    def fault(self, slot_id: str, message: str) -> str:
        """``rooms.yaml:6: times: <message>`` for the time from which a slot was made."""
        return f"{ROOMS_FILE}:{self.lines[slot_id]}: times: {message}"


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
    path = folder / ROOMS_FILE
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


def _slots(top: Fields, programme: _Programme, times: tuple[Hours, ...]) -> tuple[TimeSlot, ...]:
    """One slot for each day and time; they must not overlap."""
    slots = []
    for day in programme.days:
        for hours in times:
            span = _span(top, "times", programme.zone, day, hours)
            if span is not None:
                slots.append(TimeSlot(f"{day:%Y-%m-%d}-{hours[0]:%H%M}", span, programme.zone))
    return tuple(slots)


def _single_slots(top: Fields, programme: _Programme) -> tuple[TimeSlot, ...]:
    """Slots that are listed one by one under ``slots``, each with its own zone if it has one."""
    slots = []
    for row in top.below("slots"):
        zone = row.optional("time_zone", a_zone, programme.zone)
        span = _whole_span(row, "time", row.required("time", text(), ""), zone, programme.moved_by)
        row.finish()
        if span is not None:
            slots.append(TimeSlot(f"{to_local(span.starts_at, zone):%Y-%m-%d-%H%M}", span, zone))
    return tuple(slots)


def _lines(top: Fields, slots: Sequence[TimeSlot]) -> dict[str, int]:
    """The slots come day by day, each with all times in the order of the file; then single ones."""
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
    start, end = (datetime.combine(day, at) for at in hours)
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


def time_to_next(loaded: Loaded, event_id: str, weekday: int, now: datetime) -> timedelta:
    """By how much to move all dates so that one event falls on its next weekday after today, in its own zone.

    Args:
        loaded: as read from a folder, not moved.
        event_id: the event that is moved to its next weekday.
        weekday: the day on which it must be, Monday is 0.
        now: aware. On that weekday itself the answer is a week later: a demonstration needs time before it.

    Returns:
        whole weeks, negative when the event is far ahead.

    Raises:
        SettingsError: the event is missing, has no date, or is on another weekday.
    """
    event = next((event for event in loaded.events if event.id == event_id), None)
    if event is None or event.starts_at is None:
        raise SettingsError([f"events.yaml: there is no event {event_id!r} with a date to move by"])
    day = to_local(event.starts_at, event.time_zone).date()
    if day.weekday() != weekday:
        raise SettingsError([f"events.yaml: {event_id!r} is on another weekday; whole weeks cannot change that"])
    today = to_local(now, event.time_zone).date()
    return timedelta(weeks=(today - day).days // 7 + 1)


def moved(loaded: Loaded, by: timedelta) -> Loaded:
    """The same with every date moved by ``by`` (whole days); clocks on the wall show the same time as before.

    Raises:
        SettingsError: a moved time does not exist, or twice, where clocks are changed; lists all such.
        ValueError: ``by`` is not whole days.
    """
    if by % timedelta(days=1):
        raise ValueError("dates are moved by whole days")
    events, faults = [], []
    for event in loaded.events:
        try:
            events.append(_moved(event, by))
        except DomainError as error:
            faults.append(f"events.yaml: {event.id}: moved by {by.days} days: {error.detail}")
    if faults:
        raise SettingsError(faults)
    return replace(
        loaded,
        events=tuple(events),
        hotels=tuple(_moved_hotel(block, by) for block in loaded.hotels),
        consultations=tuple(replace(one, held_on=one.held_on and one.held_on + by) for one in loaded.consultations),
        contacts=tuple(replace(one, held_on=one.held_on + by) for one in loaded.contacts),
    )


def _moved_hotel(block: HotelBlock, by: timedelta) -> HotelBlock:
    nights = (
        replace(one, first_night=one.first_night + by, last_night=one.last_night + by) for one in block.allotments
    )
    return replace(block, book_until=block.book_until and block.book_until + by, allotments=tuple(nights))


def _moved(event: Event, by: timedelta) -> Event:
    def move(at: datetime | None) -> datetime | None:
        return None if at is None else to_utc(to_local(at, event.time_zone) + by, event.time_zone)

    return replace(
        event,
        starts_at=move(event.starts_at),
        ends_at=move(event.ends_at),
        last_starts_at=move(event.last_starts_at),
        last_ends_at=move(event.last_ends_at),
    )
