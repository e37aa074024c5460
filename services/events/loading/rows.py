"""One row of a YAML file → one value of the domain, and checks between rows: duplicate and unknown names.

Broken rules become faults at the line of their field.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from services.events.event.model import EVERY_GROUP, Event, EventKind, EventStatus, Mode
from services.events.local_time import datetime_from, is_zone
from services.events.network.model import (
    Allotment,
    Consultation,
    ContactKind,
    GroupContact,
    HostKind,
    HotelBlock,
    Resource,
    ResourceKind,
    RoomKind,
    Series,
    WorkingGroup,
)
from services.events.rules import RulesBroken
from shared.i18n.languages import Text, text_reader
from shared.runtime.errors import DomainError
from shared.runtime.yaml_source import Fields, flag, one_of, text, whole

T = TypeVar("T")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_KEY_OF: dict[str, str] = {
    "starts_at": "starts",
    "ends_at": "ends",
    "last_starts_at": "last_starts",
    "last_ends_at": "last_ends",
}
"""Fields with another name in the file, where times are local."""


def made(row: Fields, make: Callable[..., T], values: Mapping[str, Any], key_of: Mapping[str, str]) -> T | None:
    """The value, unless a field is faulty or a rule is broken; a rule about a faulty field is not noted again.

    Args:
        row: read to its end.
        make: makes a value of the domain from ``values``.
        key_of: keys of the file by fields of the domain, if the names differ.
    """
    row.finish()
    faulty = frozenset(row.faulty)
    try:
        value = make(**values)
    except RulesBroken as error:
        for rule in error.broken:
            if (key := key_of.get(rule.field, rule.field)) not in faulty:
                row.fault(rule.detail, key)
        return None
    return None if faulty else value


def a_zone(value: Any) -> str:
    """An IANA time zone.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not is_zone(value):
        raise ValueError("must be an IANA time zone such as Europe/Zurich")
    return value


def a_day(value: Any) -> date:
    """A day as ``2020-05-06``.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2020-05-06")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a day that exists") from None


def check_unique(rows: Iterable[Fields], *keys: str) -> None:
    """Note a fault at each row that has the same values under all of ``keys`` as an earlier row of its file."""
    first: dict[tuple[Hashable, ...], int] = {}
    for row in rows:
        values = tuple(_read(row, key) for key in keys)
        if not all(isinstance(value, str | int) for value in values):
            continue
        line = row.node.line_of((keys[-1],))
        if values in first:
            row.fault(f"is used twice, first in line {first[values]}", keys[-1])
        first.setdefault(values, line)


def check_events(
    resources: Iterable[Fields], events: Collection[str], drafts: Collection[str], internal: Collection[str]
) -> None:
    """Note a fault at each resource of an event that is not among the ids ``events``, or that is public although its
    event is among ``drafts`` or ``internal`` ones."""
    for row in resources:
        name = _read(row, "event")
        if isinstance(name, str) and name not in events:
            row.fault(f"{name[:80]!r} is not in events.yaml", "event")
        if name in drafts and _read(row, "published") is True:
            row.fault("must wait until its event is announced", "published")
        elif name in internal and _read(row, "published") is True:
            row.fault("must not be: its event is internal", "published")


def check_series(events: Iterable[Fields], series: Collection[str]) -> None:
    """Note a fault at each event of a series that is not among the ids ``series``."""
    for row in events:
        name = _read(row, "series")
        if isinstance(name, str) and name not in series:
            row.fault(f"{name[:80]!r} is not in series.yaml", "series")


def check_forms(events: Iterable[Fields], forms: Collection[str]) -> None:
    """Note a fault at each event that names a form which is not among the slugs ``forms``."""
    for row in events:
        name = _read(row, "form")
        if isinstance(name, str) and name not in forms:
            row.fault(f"{name[:80]!r} is not in forms.yaml", "form")


def check_groups(events: Iterable[Fields], groups: Collection[str]) -> None:
    """Note a fault at each asked group that is neither ``*`` nor among the ids ``groups``."""
    for row in events:
        asked = _read(row, "asked_groups")
        for index, name in enumerate(asked if isinstance(asked, list) else []):
            if isinstance(name, str) and name != EVERY_GROUP and name not in groups:
                row.fault(f"{name[:80]!r} is not in working-groups.yaml", "asked_groups", index)


def check_group(rows: Iterable[Fields], groups: Collection[str]) -> None:
    """Note a fault at each row of a working group that is not among the ids ``groups``."""
    for row in rows:
        name = _read(row, "working_group")
        if isinstance(name, str) and name not in groups:
            row.fault(f"{name[:80]!r} is not in working-groups.yaml", "working_group")


def ids_where(rows: Iterable[Fields], key: str, value: object) -> frozenset[str]:
    """The ids of the rows that have ``value`` under ``key``."""
    return ids_of(row for row in rows if _read(row, key) == value)


def ids_of(rows: Iterable[Fields], key: str = "id") -> frozenset[str]:
    """Every text under ``key``, also of rows with other faults, so that one fault does not cause others."""
    return frozenset(name for row in rows if isinstance(name := _read(row, key), str))


def _read(row: Fields, key: str) -> Any:
    return row.node.data.get(key) if isinstance(row.node.data, dict) else None


def series_of(row: Fields) -> Series | None:
    """The series of a row of ``series.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "summary": row.optional("summary", text_reader(2000, required=False), Text()),
        "began_in": row.optional("began_in", whole(1945, 2999), None),
    }
    return made(row, Series, values, _KEY_OF)


def working_group_of(row: Fields) -> WorkingGroup | None:
    """The working group of a row of ``working-groups.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "summary": row.optional("summary", text_reader(2000, required=False), Text()),
        "contact": row.optional("contact", text(500), ""),
        "active": row.optional("active", flag, True),
    }
    return made(row, WorkingGroup, values, _KEY_OF)


def group_contact_of(row: Fields, moved_by: timedelta) -> GroupContact | None:
    """The contact of a row of ``group-contacts.yaml``, its day moved; None when the row has faults, which are noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "working_group": row.required("working_group", text(80), "stand-in"),
        "kind": row.required("kind", one_of(ContactKind), ContactKind.PHONE),
        "held_on": row.required("held_on", a_day, date(2020, 1, 1)) + moved_by,
        "summary": row.optional("summary", text(2000), ""),
        "recorded_by": row.optional("recorded_by", text(), ""),
    }
    return made(row, GroupContact, values, _KEY_OF)


def consultation_of(row: Fields, moved_by: timedelta) -> Consultation | None:
    """The consultation of a row of ``consultations.yaml``, its day moved; None when it has faults, which are noted."""
    held_on = row.optional("held_on", a_day, None)
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text(), "stand-in"),
        "summary": row.optional("summary", text(2000), ""),
        "city": row.required("city", text(), "stand-in"),
        "host_kind": row.required("host_kind", one_of(HostKind), HostKind.EMBASSY),
        "hosts": row.required("hosts", whole(1, 9999), 1),
        "presentations": row.required("presentations", whole(1, 9999), 9999),
        "within_days": row.optional("within_days", whole(1, 366), None),
        "host": row.optional("host", text(), None),
        "held_on": held_on and held_on + moved_by,
        "working_group": row.optional("working_group", text(80), None),
        "presented_by": row.optional("presented_by", text(500), ""),
        "outcome": row.optional("outcome", text(2000), ""),
        "recorded_by": row.optional("recorded_by", text(), ""),
    }
    return made(row, Consultation, values, _KEY_OF)


def resource_of(row: Fields) -> Resource | None:
    """The resource of a row of ``resources.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "kind": row.required("kind", one_of(ResourceKind), ResourceKind.BRIEF),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "url": row.required("url", text(500), "https://stand-in.example.org"),
        "language": row.optional("language", text(35), "en"),
        "event": row.optional("event", text(80), None),
        "series": row.optional("series", text(80), None),
        "city": row.optional("city", text(), None),
        "published": row.optional("published", flag, False),
    }
    return made(row, Resource, values, _KEY_OF)


def hotel_of(row: Fields, moved_by: timedelta) -> HotelBlock | None:
    """The hotel block of a row of ``hotels.yaml``, its day moved; None when the row has faults, which are noted."""
    book_until = row.optional("book_until", a_day, None)
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "name": row.required("name", text(), "stand-in"),
        "city": row.required("city", text(), "stand-in"),
        "rooms": row.required("rooms", whole(1, 9999), 1),
        "url": row.optional("url", text(500), None),
        "booking_code": row.optional("booking_code", text(80), None),
        "book_until": book_until and book_until + moved_by,
        "note": row.optional("note", text(2000), ""),
        "allotments": tuple(one for below in row.below("allotments") if (one := _allotment(below, moved_by))),
    }
    return made(row, HotelBlock, values, _KEY_OF)


def _allotment(row: Fields, moved_by: timedelta) -> Allotment | None:
    first = row.required("first_night", a_day, date(2020, 1, 1)) + moved_by
    values: dict[str, Any] = {
        "kind": row.required("kind", one_of(RoomKind), RoomKind.SINGLE),
        "rooms": row.required("rooms", whole(1, 9999), 1),
        "first_night": first,
        "last_night": row.optional("last_night", a_day, first - moved_by) + moved_by,
    }
    return made(row, Allotment, values, _KEY_OF)


def event_of(row: Fields, moved_by: timedelta) -> Event | None:
    """The event of a row of ``events.yaml``, its local times moved by ``moved_by`` (whole days).

    A postponed event may keep its times in the file: they are then the date that is remembered.
    None when the row has faults, which are then noted.
    """
    status = row.required("status", one_of(EventStatus), EventStatus.DRAFT)
    zone = row.required("time_zone", a_zone, "UTC")
    start, end = (_instant(row, key, zone, moved_by) for key in ("starts", "ends"))
    before = "last_" if status is EventStatus.POSTPONED else ""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "kind": row.required("kind", one_of(EventKind), EventKind.WEBINAR),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "summary": row.optional("summary", text_reader(2000, required=False), Text()),
        "status": status,
        "mode": row.required("mode", one_of(Mode), Mode.ONLINE),
        "time_zone": zone,
        "last_starts_at": _instant(row, "last_starts", zone, moved_by),
        "last_ends_at": _instant(row, "last_ends", zone, moved_by),
        **({} if before and start is end is None else {f"{before}starts_at": start, f"{before}ends_at": end}),
        "series": row.optional("series", text(80), None),
        "series_number": row.optional("series_number", whole(1, 9999), None),
        "city": row.optional("city", text(), None),
        "place": row.optional("place", text(), None),
        "join_url": row.optional("join_url", text(500), None),
        "asked_groups": row.each("asked_groups", text(80)),
        "internal_note": row.optional("internal_note", text(2000), ""),
        "form": row.optional("form", text(80), None),
        "internal": row.optional("internal", flag, False),
    }
    return made(row, Event, values, _KEY_OF | ({"last_starts_at": "starts", "last_ends_at": "ends"} if before else {}))


def _instant(row: Fields, key: str, zone: str, moved_by: timedelta) -> datetime | None:
    local = row.optional(key, _a_text, None)
    if local is None:
        return None
    try:
        return datetime_from(local, zone, moved_by)
    except ValueError as error:
        row.fault(str(error), key)
    except DomainError as error:
        row.fault(error.detail, key)
    return None


def _a_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a date and a local time such as 2020-03-04 14:00")
    return value
