"""Rooms: their kind. What a change does to the timetable is shown before it is made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import text_field
from services.events.api.schedule_schemas import SpanSchema
from services.events.console.event_fields import zone_field
from services.events.console.fields import Field, Section
from services.events.console.schedule_words import conflict_text
from services.events.domain.room import Room
from services.events.domain.rules import BrokenRule, RulesBroken, enforce, rules_under
from services.events.domain.schedule import Span
from services.events.domain.spans import span_from, span_text
from services.events.network.groups import ID, counted, with_id
from services.events.setup.kinds import Lines, Listing, SetupKind, Values, Words, its_fields, nothing
from services.events.setup.schemas import fields_of, id_field, shown_text, wanted_text
from services.events.store import rooms, schedule_board
from services.events.usecases.schedule_snapshot import Snapshot, read_snapshot
from shared.core.errors import DomainError

MAX_HOURS = 200
FIRST_YEAR, LAST_YEAR = 1945, 2999
USUAL_ZONE = "Europe/Zurich"


class HoursSchema(ma.Schema):
    """A time at which a room is ours."""

    starts_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "With an offset"})
    ends_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "With an offset"})


class RoomTable:
    """Rooms with their hours, as ``Stored`` has it."""

    def all(self, connection: Connection) -> list[Room]:
        """Every room."""
        return rooms.all_rooms(connection)

    def find_for_change(self, connection: Connection, value_id: str) -> Room | None:
        """One room, locked."""
        return rooms.find_room_for_change(connection, value_id)

    def add(self, connection: Connection, value: Room) -> bool:
        """Store a new room."""
        return rooms.add_room(connection, value)

    def save(self, connection: Connection, value: Room) -> None:
        """Store a room."""
        rooms.save_room(connection, value)

    def remove(self, connection: Connection, value_id: str) -> None:
        """Delete a room."""
        rooms.remove_room(connection, value_id)


def _typed(values: Values) -> Values:
    if "open" not in values:
        return values
    moments = [one[name] for one in values["open"] for name in ("starts_at", "ends_at")]
    if not all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in moments):
        enforce([BrokenRule("open", "year", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")])
    try:
        spans = tuple(Span(one["starts_at"], one["ends_at"]) for one in values["open"])
    except RulesBroken as error:
        raise rules_under("open", error) from None
    return {**values, "open": spans}


def _make(values: Values, _by: str) -> Sequence[Room]:
    return [Room(**_typed(with_id(values, values["title"])))]


def standing_in(snapshot: Snapshot, now: datetime, **place: str) -> tuple[int, int]:
    """How many side events stand in a room or slot: on the draft board, and ahead in the published timetable."""
    (name, value), *_ = place.items()
    drafted = sum(getattr(placement, name) == value for placement in snapshot.placements)
    entries = snapshot.version.entries if snapshot.version else ()
    return drafted, sum(getattr(entry, name) == value and entry.span.ends_at > now for entry in entries)


def blockers_of(snapshot: Snapshot, now: datetime, **place: str) -> Iterable[str]:
    """Why a room or a slot cannot be withdrawn."""
    drafted, published = standing_in(snapshot, now, **place)
    if drafted:
        yield f"{counted(drafted, 'side event')} on the draft board: move them first."
    if published:
        yield f"{counted(published, 'side event')} in the published timetable: publish one without it first."


def _blockers(connection: Connection, room: Room, now: datetime) -> Iterable[str]:
    return blockers_of(read_snapshot(connection), now, room_id=room.id)


def _effects(connection: Connection, old: Room | None, new: Sequence[Room], now: datetime) -> Iterable[str]:
    if old is None or not new:
        return
    before = read_snapshot(connection)
    drafted, published = standing_in(before, now, room_id=old.id)
    after = replace(before, rooms={**before.rooms, old.id: new[0]})
    for conflict in after.conflicts:
        if conflict not in before.conflicts:
            yield f"It keeps the draft from being published: {conflict_text(conflict, after)}"
    if drafted or published:
        yield (
            f"{counted(drafted, 'side event')} stand in it on the draft board and {published} in the published "
            "timetable, which shows the old room until the next version. No mail is sent now."
        )


def _form(_connection: Connection, old: Room | None) -> list[Section]:
    what = [
        Field(name="title", label="Room", look="languages", required=True),
        *([ID] if old is None else []),
        Field(name="capacity", label="Seats", most=5, required=True),
        Field(name="city", label="City", required=True),
        Field(name="address", label="Address", most=500, help="Building, street, floor. It is public."),
        Field(
            name="equipment",
            label="Equipment",
            most=500,
            help="Screen, microphones, wheelchair access. It is public.",
        ),
    ]
    when = [
        zone_field(old.time_zone if old else USUAL_ZONE),
        Field(
            name="open",
            label="When it is available",
            look="area",
            most=8000,
            required=True,
            help="A line for each day, in the time zone above: 2020-05-06 09:00 to 17:00.",
        ),
    ]
    return [Section("Name and size", what), Section("Availability", when)]


def span_in(line: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """``2020-05-06 09:00 to 17:00`` in the zone of the other fields, as the interface takes it.

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


def line_of(span: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The line of a span in the zone of the other fields."""
    moments = (datetime.fromisoformat(span[name]) for name in ("starts_at", "ends_at"))
    return span_text(Span(*moments), str(values["time_zone"]))


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
    stored=RoomTable(),
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
    wanted=fields_of(
        id=id_field(),
        title=wanted_text(200, required=True),
        city=text_field(200, required=True),
        capacity=ma.fields.Integer(required=True, validate=ma.validate.Range(min=1, max=99_999)),
        address=text_field(500, least=0),
        equipment=text_field(500, least=0),
        time_zone=text_field(64, "IANA name", required=True),
        open=ma.fields.List(
            ma.fields.Nested(HoursSchema), required=True, validate=ma.validate.Length(min=1, max=MAX_HOURS)
        ),
    ),
    editable=("title", "city", "capacity", "address", "equipment", "time_zone", "open"),
    make=_make,
    typed=_typed,
    show=its_fields,
    form=_form,
    lines={"open": Lines(span_in, line_of)},
    check=nothing,
    effects=_effects,
    blockers=_blockers,
    messages=nothing,
    lock=schedule_board.lock,
    after=schedule_board.raise_revision,
)
