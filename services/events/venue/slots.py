"""Slots: their kind. They are made for a range of days at once, and never changed: withdraw one and make another."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import text_field
from services.events.console.event_fields import zone_field
from services.events.console.fields import Field, Section
from services.events.domain.local_time import to_local, to_utc
from services.events.domain.rules import BrokenRule, enforce
from services.events.domain.schedule import Slot, Span
from services.events.network.groups import counted
from services.events.setup.kinds import Listing, SetupKind, Values, Words, as_they_are, nothing
from services.events.setup.schemas import fields_of
from services.events.store import rooms, schedule_board
from services.events.usecases.schedule_snapshot import read_snapshot
from services.events.venue.rooms import FIRST_YEAR, LAST_YEAR, USUAL_ZONE, blockers_of
from shared.core.errors import DomainError

MAX_DAYS, MAX_SLOTS = 60, 200
"""Of one creation."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class SlotTable:
    """Slots, as ``Stored`` has it. They are never changed, so the lock of the board is enough."""

    def all(self, connection: Connection) -> list[Slot]:
        """Every slot."""
        return rooms.all_slots(connection)

    def find_for_change(self, connection: Connection, value_id: str) -> Slot | None:
        """One slot."""
        return rooms.find_slot(connection, value_id)

    def add(self, connection: Connection, value: Slot) -> bool:
        """Store a new slot."""
        return rooms.add_slot(connection, value)

    def save(self, connection: Connection, value: Slot) -> None:
        """Store a slot."""
        rooms.add_slot(connection, value)

    def remove(self, connection: Connection, value_id: str) -> None:
        """Delete a slot."""
        rooms.remove_slot(connection, value_id)


def slots_of(values: Values) -> Iterator[Slot]:
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


def _slots_on(day: date, values: Values, length: timedelta, pause: timedelta) -> Iterator[Slot]:
    starts, end = (datetime.combine(day, time.fromisoformat(values[name])) for name in ("starts", "ends"))
    zone = values["time_zone"]
    while starts + length <= end:
        try:
            yield Slot(f"{starts:%Y-%m-%d-%H%M}", Span(to_utc(starts, zone), to_utc(starts + length, zone)), zone)
        except DomainError as error:
            field = "time_zone" if error.code == "unknown-time-zone" else "starts"
            enforce([BrokenRule(field, error.code, error.detail)])
        starts += length + pause


def _make(values: Values, _by: str) -> Sequence[Slot]:
    made = list(slots_of(values))
    if not 1 <= len(made) <= MAX_SLOTS:
        wrong = f"leaves {len(made)} slots, and must leave 1 to {MAX_SLOTS}"
        enforce([BrokenRule("ends", "number-of-slots", wrong)])
    return made


def _show(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "on": slot.on,
        "starts_at": slot.span.starts_at,
        "ends_at": slot.span.ends_at,
        "time_zone": slot.time_zone,
        "time": f"{to_local(slot.span.starts_at, slot.time_zone):%H:%M}",
        "minutes": int((slot.span.ends_at - slot.span.starts_at).total_seconds() // 60),
    }


def _check(connection: Connection, slot: Slot) -> Iterable[BrokenRule]:
    for other in rooms.all_slots(connection):
        if slot.span.overlaps(other.span):
            yield BrokenRule("starts", "overlap", f"would overlap the slot {other.id}: withdraw that one first")
            return


def _effects(_connection: Connection, old: Slot | None, new: Sequence[Slot], _now: datetime) -> Iterable[str]:
    if old is not None:
        return
    days = sorted({slot.on for slot in new})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    a_day = counted(len(new) // len(days), "slot")
    yield f"{counted(len(new), 'slot')} {when}, {a_day} a day: side events can be put there."


def _blockers(connection: Connection, slot: Slot, now: datetime) -> Iterable[str]:
    return blockers_of(read_snapshot(connection), now, slot_id=slot.id)


def _form(_connection: Connection, _old: Slot | None) -> list[Section]:
    days = [
        Field(name="first_on", label="First day", look="day", required=True),
        Field(name="last_on", label="Last day", look="day", help="Empty: one day."),
        Field(name="without", label="Without", look="checks", choices=[(name, name.capitalize()) for name in WEEKDAYS]),
    ]
    times = [
        zone_field(USUAL_ZONE),
        Field(name="starts", label="First start", look="clock", required=True),
        Field(name="ends", label="Nothing after", look="clock", required=True),
        Field(name="length_minutes", label="Minutes of each", most=4, required=True),
        Field(name="break_minutes", label="Minutes of break between two", most=4),
    ]
    return [Section("Days", days), Section("Times of each day", times)]


def _clock(description: str) -> ma.fields.String:
    rule = ma.validate.Regexp(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", error="must be a time such as 09:30")
    return ma.fields.String(required=True, validate=rule, metadata={"description": description})


def _minutes(least: int, description: str, **more: Any) -> ma.fields.Integer:
    rule = ma.validate.Range(min=least, max=1440)
    return ma.fields.Integer(validate=rule, metadata={"description": description}, **more)


SLOTS: SetupKind[Slot] = SetupKind(
    name="slot",
    part="slots",
    words=Words(
        "Slots",
        "slot",
        "Times at which side events can take place, in each room that is available then.",
        (("on", "Day"), ("time", "Start"), ("minutes", "Minutes"), ("time_zone", "Time zone")),
        "No side event can be placed there any more.",
    ),
    stored=SlotTable(),
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
            metadata={"description": "Days of the week that are left out"},
        ),
        starts=_clock("Start of the first slot of a day"),
        ends=_clock("No slot of a day ends later"),
        length_minutes=_minutes(5, "Of each slot", required=True),
        break_minutes=_minutes(0, "Between two slots", load_default=0),
        time_zone=text_field(64, "IANA name", required=True),
    ),
    editable=(),
    make=_make,
    typed=as_they_are,
    show=_show,
    form=_form,
    lines={},
    check=_check,
    effects=_effects,
    blockers=_blockers,
    messages=nothing,
    lock=schedule_board.lock,
    after=schedule_board.raise_revision,
)
