"""Rooms and slots: their kinds. What a change does to the timetable is shown before it is made.

Slots are made for a range of days at once, and never changed: withdraw one and make another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.console import FormField, Section, zone_field
from services.events.fields import fields_of
from services.events.local_time import to_local, to_utc
from services.events.rules import BrokenRule, RulesBroken, enforce, rules_under
from services.events.scheduling.api import SpanSchema
from services.events.scheduling.snapshot import DEFAULT_ZONE, Snapshot, read_snapshot
from services.events.scheduling.wording import conflict_text
from services.events.setup.kinds import (
    ID_FIELD,
    Lines,
    Listing,
    SetupKind,
    Stored,
    Values,
    Words,
    counted,
    fields_by_name,
    no_op,
    shown_text,
    unchanged,
    with_id,
)
from services.events.venue.model import Room, Span, TimeSlot, span_from, span_text
from services.events.venue.schemas import ROOM_FIELDS
from services.events.venue.store import (
    add_room,
    add_slot,
    all_rooms,
    all_slots,
    find_room_for_change,
    find_slot,
    lock_board,
    raise_board_revision,
    remove_room,
    remove_slot,
    save_room,
)
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR
from shared.runtime.errors import DomainError
from shared.runtime.schema_fields import text_field

MAX_HOURS = 200

MAX_DAYS, MAX_SLOTS = 60, 200
"""Of one creation."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class HoursSchema(ma.Schema):
    """A time at which a room is ours."""

    starts_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "With an offset"})
    ends_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "With an offset"})


def _typed_room(values: Values) -> Values:
    if "open" not in values:
        return values
    datetimes = [span[name] for span in values["open"] for name in ("starts_at", "ends_at")]
    if not all(FIRST_YEAR <= at.year <= LAST_YEAR for at in datetimes):
        enforce([BrokenRule("open", "year", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")])
    try:
        spans = tuple(Span(span["starts_at"], span["ends_at"]) for span in values["open"])
    except RulesBroken as error:
        raise rules_under("open", error) from None
    return {**values, "open": spans}


def _make_room(values: Values, _by: str, _request: str) -> Sequence[Room]:
    return [Room(**_typed_room(with_id(values, values["title"])))]


def count_side_events_in(snapshot: Snapshot, now: datetime, **place: str) -> tuple[int, int]:
    """How many side events are in a room or slot: on the draft board, and ahead in the published timetable."""
    (name, value), *_ = place.items()
    drafted = sum(getattr(placement, name) == value for placement in snapshot.placements)
    entries = snapshot.version.entries if snapshot.version else ()
    return drafted, sum(getattr(entry, name) == value and entry.span.ends_at > now for entry in entries)


def blockers_of(snapshot: Snapshot, now: datetime, **place: str) -> Iterable[str]:
    """Why a room or a slot cannot be withdrawn."""
    drafted, published = count_side_events_in(snapshot, now, **place)
    if drafted:
        yield f"{counted(drafted, 'side event')} on the draft board: move them first."
    if published:
        yield f"{counted(published, 'side event')} in the published timetable: publish one without it first."


def _room_blockers(connection: Connection, room: Room, now: datetime) -> Iterable[str]:
    return blockers_of(read_snapshot(connection), now, room_id=room.id)


def _room_effects(connection: Connection, old: Room | None, new: Sequence[Room], now: datetime) -> Iterable[str]:
    if old is None or not new:
        return
    before = read_snapshot(connection)
    drafted, published = count_side_events_in(before, now, room_id=old.id)
    after = replace(before, rooms={**before.rooms, old.id: new[0]})
    for conflict in after.conflicts:
        if conflict not in before.conflicts:
            yield f"The draft cannot be published while this conflict exists: {conflict_text(conflict, after)}"
    if drafted or published:
        yield (
            f"{counted(drafted, 'side event')} are in it on the draft board and {published} in the published "
            "timetable, which shows the old room until the next version. No mail is sent now."
        )


def _room_form(_connection: Connection, old: Room | None) -> list[Section]:
    what = [
        FormField(name="title", label="Room", widget="languages", required=True),
        *([ID_FIELD] if old is None else []),
        FormField(name="capacity", label="Seats", max_length=5, required=True),
        FormField(name="city", label="City", required=True),
        FormField(name="address", label="Address", max_length=500, help="Building, street, floor. It is public."),
        FormField(
            name="equipment",
            label="Equipment",
            max_length=500,
            help="Screen, microphones, wheelchair access. It is public.",
        ),
    ]
    when = [
        zone_field(old.time_zone if old else DEFAULT_ZONE),
        FormField(
            name="open",
            label="When it is available",
            widget="area",
            max_length=8000,
            required=True,
            help="A line for each day, in the time zone above: 2020-05-06 09:00 to 17:00.",
        ),
    ]
    return [Section("Name and size", what), Section("Availability", when)]


def span_in(line: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """``2020-05-06 09:00 to 17:00`` in the zone of the other fields, as content of a request.

    Raises:
        ValueError: it is no such line, or clocks in the zone skip that time or show it twice.
    """
    try:
        span = span_from(line, str(values["time_zone"]))
    except ValueError as error:
        raise ValueError(f"“{line[:80]}” {error}") from None
    except DomainError as error:
        raise ValueError(f"“{line[:80]}”: {error.detail}") from None
    return {"starts_at": span.starts_at.isoformat(), "ends_at": span.ends_at.isoformat()}


def span_line(span: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The line of a span in the zone of the other fields."""
    datetimes = (datetime.fromisoformat(span[name]) for name in ("starts_at", "ends_at"))
    return span_text(Span(*datetimes), str(values["time_zone"]))


ROOMS: SetupKind[Room] = SetupKind(
    name="room",
    part="rooms",
    words=Words(
        "Rooms",
        "room",
        "Rooms for side events. The timetable uses them.",
        (
            ("title", "Room"),
            ("city", "City"),
            ("capacity", "Seats"),
            ("address", "Address"),
            ("equipment", "Equipment"),
        ),
        "No side event can be placed there any more.",
    ),
    stored=Stored(all_rooms, find_room_for_change, add_room, save_room, remove_room),
    listing=Listing(
        filters=("city", "capacity"),
        searched=("title", "city", "address", "equipment"),
        sorts=("id", "title", "city", "capacity"),
        groups=("city", "capacity"),
        sums=("capacity",),
        public=True,
    ),
    shown=fields_of(
        title=shown_text(200),
        city=ma.fields.String(),
        capacity=ma.fields.Integer(),
        address=ma.fields.String(),
        equipment=ma.fields.String(),
        time_zone=ma.fields.String(),
        open=ma.fields.List(ma.fields.Nested(SpanSchema), metadata={"description": "When it is available"}),
    ),
    wanted={
        **ROOM_FIELDS,
        "open": ma.fields.List(
            ma.fields.Nested(HoursSchema), required=True, validate=ma.validate.Length(min=1, max=MAX_HOURS)
        ),
    },
    editable=("title", "city", "capacity", "address", "equipment", "time_zone", "open"),
    make=_make_room,
    typed=_typed_room,
    show=fields_by_name,
    form=_room_form,
    lines={"open": Lines(span_in, span_line)},
    check=no_op,
    effects=_room_effects,
    blockers=_room_blockers,
    messages=no_op,
    lock=lock_board,
    after=raise_board_revision,
)


def slots_of(values: Values) -> Iterator[TimeSlot]:
    """The slots of a range of days: as many on each as fit between its first start and its end.

    Raises:
        RulesBroken: the days or times are in the wrong order, clocks skip or repeat one, or there are too many.
    """
    first, last = values["first_on"], values.get("last_on") or values["first_on"]
    length, pause = timedelta(minutes=values["length_minutes"]), timedelta(minutes=values.get("break_minutes", 0))
    skipped = frozenset(WEEKDAYS.index(name) for name in values.get("without", ()))
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        enforce([BrokenRule("first_on", "year", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")])
    if not 0 <= (last - first).days < MAX_DAYS:
        enforce([BrokenRule("last_on", "days", f"must be 1 to {MAX_DAYS} days, the first one first")])
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() not in skipped:
            yield from _slots_on(day, values, length, pause)


def _slots_on(day: date, values: Values, length: timedelta, pause: timedelta) -> Iterator[TimeSlot]:
    starts, end = (datetime.combine(day, time.fromisoformat(values[name])) for name in ("starts", "ends"))
    zone = values["time_zone"]
    while starts + length <= end:
        try:
            yield TimeSlot(f"{starts:%Y-%m-%d-%H%M}", Span(to_utc(starts, zone), to_utc(starts + length, zone)), zone)
        except DomainError as error:
            field = "time_zone" if error.code == "unknown-time-zone" else "starts"
            enforce([BrokenRule(field, error.code, error.detail)])
        starts += length + pause


def _make_slots(values: Values, _by: str, _request: str) -> Sequence[TimeSlot]:
    made = list(slots_of(values))
    if not 1 <= len(made) <= MAX_SLOTS:
        wrong = f"leaves {len(made)} slots, and must leave 1 to {MAX_SLOTS}"
        enforce([BrokenRule("ends", "number-of-slots", wrong)])
    return made


def _show_slot(slot: TimeSlot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "on": slot.on,
        "starts_at": slot.span.starts_at,
        "ends_at": slot.span.ends_at,
        "time_zone": slot.time_zone,
        "time": f"{to_local(slot.span.starts_at, slot.time_zone):%H:%M}",
        "minutes": int((slot.span.ends_at - slot.span.starts_at).total_seconds() // 60),
    }


def _check_slot(connection: Connection, slot: TimeSlot) -> Iterable[BrokenRule]:
    for other in all_slots(connection):
        if slot.span.overlaps(other.span):
            yield BrokenRule("starts", "overlap", f"would overlap the slot {other.id}: withdraw that one first")
            return


def _slot_effects(
    _connection: Connection, old: TimeSlot | None, new: Sequence[TimeSlot], _now: datetime
) -> Iterable[str]:
    if old is not None:
        return
    days = sorted({slot.on for slot in new})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    a_day = counted(len(new) // len(days), "slot")
    yield f"{counted(len(new), 'slot')} {when}, {a_day} a day: side events can be put there."


def _slot_blockers(connection: Connection, slot: TimeSlot, now: datetime) -> Iterable[str]:
    return blockers_of(read_snapshot(connection), now, slot_id=slot.id)


def _slot_form(_connection: Connection, _old: TimeSlot | None) -> list[Section]:
    days = [
        FormField(name="first_on", label="First day", widget="day", required=True),
        FormField(name="last_on", label="Last day", widget="day", help="Empty: one day."),
        FormField(
            name="without", label="Without", widget="checks", choices=[(name, name.capitalize()) for name in WEEKDAYS]
        ),
    ]
    times = [
        zone_field(DEFAULT_ZONE),
        FormField(name="starts", label="First start", widget="clock", required=True),
        FormField(name="ends", label="Nothing after", widget="clock", required=True),
        FormField(name="length_minutes", label="Minutes of each", max_length=4, required=True),
        FormField(name="break_minutes", label="Minutes of break between two", max_length=4),
    ]
    return [Section("Days", days), Section("Times of each day", times)]


def _clock(description: str) -> ma.fields.String:
    rule = ma.validate.Regexp(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", error="must be a time such as 09:30")
    return ma.fields.String(required=True, validate=rule, metadata={"description": description})


def _minutes(minimum: int, description: str, **more: Any) -> ma.fields.Integer:
    rule = ma.validate.Range(min=minimum, max=1440)
    return ma.fields.Integer(validate=rule, metadata={"description": description}, **more)


SLOTS: SetupKind[TimeSlot] = SetupKind(
    name="slot",
    part="slots",
    words=Words(
        "Slots",
        "slot",
        "Times at which side events can take place, in each room that is available then.",
        (("on", "Day"), ("time", "Start"), ("minutes", "Minutes"), ("time_zone", "Time zone")),
        "No side event can be placed there any more.",
    ),
    stored=Stored(all_slots, find_slot, add_slot, add_slot, remove_slot),
    listing=Listing(
        filters=("on", "time", "minutes"),
        searched=(),
        sorts=("starts_at", "id"),
        groups=("on", "time", "minutes"),
        day="on",
        public=True,
    ),
    shown=fields_of(
        on=ma.fields.Date(metadata={"description": "Day in its own zone"}),
        time=ma.fields.String(metadata={"description": "Start in its own zone"}),
        minutes=ma.fields.Integer(),
        starts_at=ma.fields.AwareDateTime(format="iso"),
        ends_at=ma.fields.AwareDateTime(format="iso"),
        time_zone=ma.fields.String(),
    ),
    wanted=fields_of(
        first_on=ma.fields.Date(required=True),
        last_on=ma.fields.Date(allow_none=True, metadata={"description": "Included; by default one day"}),
        without=ma.fields.List(
            ma.fields.String(validate=ma.validate.OneOf(WEEKDAYS)),
            validate=ma.validate.Length(max=len(WEEKDAYS)),
            metadata={"description": "Days of the week to leave out"},
        ),
        starts=_clock("Start of the first slot of a day"),
        ends=_clock("No slot of a day ends later"),
        length_minutes=_minutes(5, "Of each slot", required=True),
        break_minutes=_minutes(0, "Between two slots", load_default=0),
        time_zone=text_field(64, "IANA name", required=True),
    ),
    editable=(),
    make=_make_slots,
    typed=unchanged,
    show=_show_slot,
    form=_slot_form,
    lines={},
    check=_check_slot,
    effects=_slot_effects,
    blockers=_slot_blockers,
    messages=no_op,
    lock=lock_board,
    after=raise_board_revision,
)
