"""Hotels that keep rooms for the delegation: their kind."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import one_of_field, text_field
from services.events.console.fields import Field, Section
from services.events.domain.hotel import MAX_ALLOTMENTS, Allotment, HotelBlock, RoomKind
from services.events.domain.rules import RulesBroken, rules_under
from services.events.network.groups import ID, counted, with_id
from services.events.outgoing import hotel_message
from services.events.setup.kinds import InTable, Lines, Listing, SetupKind, Values, Words, nothing
from services.events.setup.schemas import fields_of, id_field
from services.events.store.overview import travellers
from services.events.store.resources import HOTELS, all_hotels
from shared.contracts.envelope import Message

_LINE = re.compile(r"([a-z]+) +([0-9]{1,4}) +(\d{4}-\d{2}-\d{2})(?: +to +(\d{4}-\d{2}-\d{2}))?", re.ASCII)


class AllotmentSchema(ma.Schema):
    """Rooms of one kind for some nights."""

    kind = one_of_field(RoomKind, required=True)
    rooms = ma.fields.Integer(required=True, validate=ma.validate.Range(min=1, max=9999))
    first_night = ma.fields.Date(required=True)
    last_night = ma.fields.Date(required=True, metadata={"description": "Included"})


def allotment_of(line: str, _values: Mapping[str, Any]) -> dict[str, Any]:
    """``single 10 2020-05-08 to 2020-05-14`` as the interface takes it.

    Raises:
        ValueError: it is no such line.
    """
    found = _LINE.fullmatch(line.lower())
    if found is None or found[1] not in list(RoomKind):
        raise ValueError(f"“{line[:80]}” is not like “single 10 2020-05-08 to 2020-05-14”")
    return {"kind": found[1], "rooms": int(found[2]), "first_night": found[3], "last_night": found[4] or found[3]}


def line_of(allotment: Mapping[str, Any], _values: Mapping[str, Any]) -> str:
    """The line of an allotment."""
    return "{kind} {rooms} {first_night} to {last_night}".format(**allotment)


def _typed(values: Values) -> Values:
    nullable = ("url", "booking_code")
    typed: Values = {name: value or None if name in nullable else value for name, value in values.items()}
    kinds = ({**one, "kind": RoomKind(one["kind"])} for one in typed.pop("allotments", ()))
    try:
        made = tuple(Allotment(**one) for one in kinds)
    except RulesBroken as error:
        raise rules_under("allotments", error) from None
    return {**typed, **({"allotments": made} if "allotments" in values else {})}


def _make(values: Values, _by: str) -> Sequence[HotelBlock]:
    return [HotelBlock(**_typed(with_id(values, values["name"])))]


def _form(_connection: Connection, old: HotelBlock | None) -> list[Section]:
    kinds = ", ".join(RoomKind)
    fields = [
        Field(name="name", label="Hotel", required=True),
        *([ID] if old is None else []),
        Field(name="city", label="City", required=True),
        Field(name="url", label="Address of its page", most=500, help="Begins with https://"),
        Field(name="rooms", label="Rooms kept, at most in one night", most=4, required=True),
        Field(
            name="allotments",
            label="Rooms by kind and night",
            look="area",
            most=4000,
            help=f"A line for each: kind ({kinds}), number, first and last night, such as "
            "single 10 2020-05-08 to 2020-05-14.",
        ),
        Field(name="booking_code", label="Booking code", most=80),
        Field(name="book_until", label="To be booked by", look="day"),
        Field(name="note", label="Note", look="area", most=2000, help="For coordinators."),
    ]
    return [Section("", fields)]


def _effects(
    connection: Connection, old: HotelBlock | None, new: Sequence[HotelBlock], _now: datetime
) -> Iterable[str]:
    before, after = old.rooms if old else 0, new[0].rooms if new else 0
    if old is None or before == after:
        return
    others = sum(block.rooms for block in all_hotels(connection) if block.id != old.id)
    people = counted(travellers(connection, internal=False), "traveller")
    yield f"{counted(others + after, 'room')} are then reserved, not {others + before}, for {people}. No mail is sent."


def _messages(_old: HotelBlock | None, new: HotelBlock, now: datetime) -> list[Message]:
    return [hotel_message(new, now)]


def _gone(old: HotelBlock, now: datetime) -> list[Message]:
    return [hotel_message(old, now, withdrawn=True)]


HOTEL_BLOCKS: SetupKind[HotelBlock] = SetupKind(
    name="hotel",
    part="hotels",
    words=Words(
        "Hotels",
        "hotel",
        "Rooms that hotels reserve for the delegation. The page of travellers shows them per night.",
        (
            ("name", "Hotel"),
            ("city", "City"),
            ("rooms", "Rooms"),
            ("allotments", "By kind and night"),
            ("book_until", "Book by"),
        ),
        "Its rooms are no longer counted. No mail is sent: inform the hotel yourself.",
    ),
    stored=InTable(HOTELS),
    listing=Listing(
        filters=("city",),
        searched=("name", "city", "note"),
        sorts=("name", "city", "rooms", "book_until", "id"),
        groups=("city", "book_until"),
        sums=("rooms",),
        day="book_until",
    ),
    shown=fields_of(
        name=ma.fields.String(),
        city=ma.fields.String(),
        rooms=ma.fields.Integer(metadata={"description": "Most rooms in one night"}),
        url=ma.fields.String(allow_none=True),
        booking_code=ma.fields.String(allow_none=True),
        book_until=ma.fields.Date(allow_none=True, metadata={"description": "Last day for booking"}),
        note=ma.fields.String(metadata={"description": "For coordinators"}),
        allotments=ma.fields.List(ma.fields.Nested(AllotmentSchema)),
    ),
    wanted=fields_of(
        id=id_field(),
        name=text_field(200, required=True),
        city=text_field(200, required=True),
        rooms=ma.fields.Integer(required=True, validate=ma.validate.Range(min=1, max=9999)),
        url=text_field(500, "Begins with https://", allow_none=True),
        booking_code=text_field(80, allow_none=True),
        book_until=ma.fields.Date(allow_none=True),
        note=text_field(2000, least=0),
        allotments=ma.fields.List(ma.fields.Nested(AllotmentSchema), validate=ma.validate.Length(max=MAX_ALLOTMENTS)),
    ),
    editable=("name", "city", "rooms", "url", "booking_code", "book_until", "note", "allotments"),
    make=_make,
    typed=_typed,
    show=asdict,
    form=_form,
    lines={"allotments": Lines(allotment_of, line_of)},
    check=nothing,
    effects=_effects,
    blockers=nothing,
    messages=_messages,
    gone=_gone,
    lock=nothing,
    after=nothing,
)
