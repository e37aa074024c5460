"""Working groups, series and hotels: their kinds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.attendance.numbers import memberships, traveller_count
from services.events.console import FormField, Section
from services.events.fields import fields_of
from services.events.network.messages import hotel_message, working_group_message
from services.events.network.model import Allotment, HotelBlock, RoomKind, Series, WorkingGroup
from services.events.network.schemas import GROUP_FIELDS, HOTEL_FIELDS, SERIES_FIELDS, AllotmentSchema
from services.events.network.store import GROUP_TABLE, HOTEL_TABLE, SERIES_TABLE, all_hotels
from services.events.rules import RulesBroken, rules_under
from services.events.setup.kinds import (
    ID_FIELD,
    Lines,
    Listing,
    SetupKind,
    Values,
    Words,
    counted,
    fields_by_name,
    in_table,
    no_op,
    shown_text,
    unchanged,
    uses,
    with_id,
)
from shared.messaging.contracts.schemas import Message, StrictBoolean

_GROUP_USES = (
    ("registration", "SELECT count(*) FROM roster WHERE working_group = :id"),
    ("proposal", "SELECT count(*) FROM proposal WHERE working_group = :id"),
    ("event", "SELECT count(*) FROM event WHERE :id = ANY(asked_groups)"),
    ("consultation", "SELECT count(*) FROM consultation WHERE working_group = :id"),
    ("contact", "SELECT count(*) FROM group_note WHERE working_group = :id"),
)
_SERIES_USES = (
    ("event", "SELECT count(*) FROM event WHERE series = :id"),
    ("resource", "SELECT count(*) FROM resource WHERE series = :id"),
)

_ALLOTMENT_LINE = re.compile(r"([a-z]+) +([0-9]{1,4}) +(\d{4}-\d{2}-\d{2})(?: +to +(\d{4}-\d{2}-\d{2}))?", re.ASCII)


def _make_group(values: Values, _by: str, _request: str) -> Sequence[WorkingGroup]:
    return [WorkingGroup(**with_id(values, values["title"]))]


def _make_series(values: Values, _by: str, _request: str) -> Sequence[Series]:
    return [Series(**with_id(values, values["title"]))]


def _group_form(_connection: Connection, old: WorkingGroup | None) -> list[Section]:
    fields = [
        FormField(name="title", label="Title", widget="languages", required=True),
        *([ID_FIELD] if old is None else []),
        FormField(
            name="summary",
            label="What it works on",
            widget="languages",
            rows=4,
            max_length=2000,
            help="It is public.",
        ),
        FormField(
            name="contact",
            label="How to reach the group",
            max_length=500,
            help="An address or phone number of the group itself. Only coordinators and viewers see it. Do not "
            "enter details of individual participants: they are not erased with their registration.",
        ),
        FormField(
            name="active",
            label="Active",
            widget="tick",
            help="An inactive group is closed: events do not invite it, and the console does not list it as a group "
            "without contact. The registrations of its members stay.",
        ),
    ]
    return [Section("", fields)]


def _series_form(_connection: Connection, old: Series | None) -> list[Section]:
    fields = [
        FormField(name="title", label="Title", widget="languages", required=True),
        *([ID_FIELD] if old is None else []),
        FormField(name="summary", label="Summary", widget="languages", rows=4, max_length=2000, help="It is public."),
        FormField(name="began_in", label="Year in which it began", max_length=4),
    ]
    return [Section("", fields)]


def _group_effects(
    connection: Connection, old: WorkingGroup | None, new: Sequence[WorkingGroup], now: datetime
) -> Iterable[str]:
    if old is None:
        yield "All readers see the group in the programme, and forms offer it within seconds."
        return
    if not new:
        yield "The programme no longer shows it. Forms offer it until their copies are refreshed."
        return
    members = memberships(connection, now, internal=False).get(old.id)
    people = counted(members.members if members else 0, "member")
    if str(old.title) != str(new[0].title):
        yield f"The programme, forms and mails call it “{new[0].title}” from now on; it has {people}. No mail is sent."
    elif old.title != new[0].title:
        yield "The programme, forms and mails call it by its new titles in other languages. No mail is sent."
    if old.summary != new[0].summary:
        yield "The programme shows the new text. No mail is sent."
    if old.active and not new[0].active:
        yield "It is closed: the programme does not list it, and events that invite every group do not invite it."
        yield f"{people} stay. Within seconds, forms no longer offer it."
    elif new[0].active and not old.active:
        yield f"It is active again, with {people}. Events that invite every group invite it too."


def _group_messages(_old: WorkingGroup | None, new: WorkingGroup, now: datetime) -> list[Message]:
    return [working_group_message(new, now)]


def _group_blockers(connection: Connection, group: WorkingGroup, _now: datetime) -> Iterable[str]:
    if found := uses(connection, _GROUP_USES, group.id):
        yield f"It is used by {', '.join(found)}. Close it instead: clear “Active”."


def _series_effects(connection: Connection, old: Series | None, new: Sequence[Series], _now: datetime) -> Iterable[str]:
    if old is not None and new:
        found = uses(connection, _SERIES_USES, old.id)
        yield f"The programme shows it, with {' and '.join(found) or 'no event yet'}. No mail is sent."


def _series_blockers(connection: Connection, series: Series, _now: datetime) -> Iterable[str]:
    if found := uses(connection, _SERIES_USES, series.id):
        yield f"It is used by {' and '.join(found)}. Remove it there first."


WORKING_GROUPS: SetupKind[WorkingGroup] = SetupKind(
    name="working-group",
    part="working-groups",
    words=Words(
        "Working groups",
        "working group",
        "People who work on one issue. Members and contacts are on the page of groups.",
        (("title", "Group"), ("active", "Active"), ("contact", "Reached by")),
        "A group that events, registrations or contacts use cannot be withdrawn. It can be closed.",
    ),
    stored=in_table(GROUP_TABLE),
    listing=Listing(
        filters=("active",),
        searched=("title", "summary"),
        sorts=("id", "title"),
        groups=("active",),
        public=True,
        private=frozenset({"contact"}),
    ),
    shown=fields_of(
        title=shown_text(200),
        summary=shown_text(2000, least=0),
        contact=ma.fields.String(metadata={"description": "How to reach the group; only with a key"}),
        active=StrictBoolean(metadata={"description": "False: it is closed"}),
    ),
    wanted=GROUP_FIELDS,
    editable=("title", "summary", "contact", "active"),
    make=_make_group,
    typed=unchanged,
    show=fields_by_name,
    form=_group_form,
    lines={},
    check=no_op,
    effects=_group_effects,
    blockers=_group_blockers,
    messages=_group_messages,
    lock=no_op,
    after=no_op,
)

ALL_SERIES: SetupKind[Series] = SetupKind(
    name="series",
    part="series",
    words=Words(
        "Series",
        "series",
        "Numbered events that belong together.",
        (("title", "Series"), ("began_in", "Began in"), ("summary", "Summary")),
        "It is removed from the programme. A series that events or resources use cannot be withdrawn.",
    ),
    stored=in_table(SERIES_TABLE),
    listing=Listing(
        filters=("began_in",), searched=("title", "summary"), sorts=("id", "title", "began_in"), public=True
    ),
    shown=fields_of(
        title=shown_text(200),
        summary=shown_text(2000, least=0),
        began_in=ma.fields.Integer(allow_none=True, metadata={"description": "A year"}),
    ),
    wanted=SERIES_FIELDS,
    editable=("title", "summary", "began_in"),
    make=_make_series,
    typed=unchanged,
    show=fields_by_name,
    form=_series_form,
    lines={},
    check=no_op,
    effects=_series_effects,
    blockers=_series_blockers,
    messages=no_op,
    lock=no_op,
    after=no_op,
)


def allotment_of(line: str, _values: Mapping[str, Any]) -> dict[str, Any]:
    """``single 10 2020-05-08 to 2020-05-14`` as content of a request.

    Raises:
        ValueError: it is no such line.
    """
    found = _ALLOTMENT_LINE.fullmatch(line.lower())
    if found is None or found[1] not in list(RoomKind):
        raise ValueError(f"“{line[:80]}” is not like “single 10 2020-05-08 to 2020-05-14”")
    return {"kind": found[1], "rooms": int(found[2]), "first_night": found[3], "last_night": found[4] or found[3]}


def allotment_line(allotment: Mapping[str, Any], _values: Mapping[str, Any]) -> str:
    """The line of an allotment."""
    return "{kind} {rooms} {first_night} to {last_night}".format(**allotment)


def _typed_hotel(values: Values) -> Values:
    nullable = ("url", "booking_code")
    typed: Values = {name: value or None if name in nullable else value for name, value in values.items()}
    try:
        made = tuple(Allotment(**allotment) for allotment in typed.pop("allotments", ()))
    except RulesBroken as error:
        raise rules_under("allotments", error) from None
    return {**typed, **({"allotments": made} if "allotments" in values else {})}


def _make_hotel(values: Values, _by: str, _request: str) -> Sequence[HotelBlock]:
    return [HotelBlock(**_typed_hotel(with_id(values, values["name"])))]


def _hotel_form(_connection: Connection, old: HotelBlock | None) -> list[Section]:
    kinds = ", ".join(RoomKind)
    fields = [
        FormField(name="name", label="Hotel", required=True),
        *([ID_FIELD] if old is None else []),
        FormField(name="city", label="City", required=True),
        FormField(name="url", label="Address of its page", max_length=500, help="Begins with https://"),
        FormField(name="rooms", label="Largest number of rooms in one night", max_length=4, required=True),
        FormField(
            name="allotments",
            label="Rooms by kind and night",
            widget="area",
            max_length=4000,
            help=f"One per line: kind ({kinds}), number, first and last night, such as "
            "single 10 2020-05-08 to 2020-05-14.",
        ),
        FormField(name="booking_code", label="Booking code", max_length=80),
        FormField(name="book_until", label="Book by", widget="day"),
        FormField(name="note", label="Note", widget="area", max_length=2000, help="For coordinators."),
    ]
    return [Section("", fields)]


def _hotel_effects(
    connection: Connection, old: HotelBlock | None, new: Sequence[HotelBlock], _now: datetime
) -> Iterable[str]:
    before, after = old.rooms if old else 0, new[0].rooms if new else 0
    if old is None or before == after:
        return
    others = sum(block.rooms for block in all_hotels(connection) if block.id != old.id)
    people = counted(traveller_count(connection, internal=False), "traveller")
    yield f"{counted(others + after, 'room')} are then reserved, not {others + before}, for {people}. No mail is sent."


def _hotel_messages(_old: HotelBlock | None, new: HotelBlock, now: datetime) -> list[Message]:
    return [hotel_message(new, now)]


def _hotel_withdrawn(old: HotelBlock, now: datetime) -> list[Message]:
    return [hotel_message(old, now, withdrawn=True)]


HOTEL_BLOCKS: SetupKind[HotelBlock] = SetupKind(
    name="hotel",
    part="hotels",
    words=Words(
        "Hotels",
        "hotel",
        "Rooms that hotels have reserved for the delegation. The page of travellers shows them per night.",
        (
            ("name", "Hotel"),
            ("city", "City"),
            ("rooms", "Rooms"),
            ("allotments", "By kind and night"),
            ("book_until", "Book by"),
        ),
        "Its rooms are no longer counted. No mail is sent: inform the hotel yourself.",
    ),
    stored=in_table(HOTEL_TABLE),
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
    wanted=HOTEL_FIELDS,
    editable=("name", "city", "rooms", "url", "booking_code", "book_until", "note", "allotments"),
    make=_make_hotel,
    typed=_typed_hotel,
    show=asdict,
    form=_hotel_form,
    lines={"allotments": Lines(allotment_of, allotment_line)},
    check=no_op,
    effects=_hotel_effects,
    blockers=no_op,
    messages=_hotel_messages,
    withdrawal_messages=_hotel_withdrawn,
    lock=no_op,
    after=no_op,
)
