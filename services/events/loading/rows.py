"""One row of a sample file → one value of the domain. Broken rules come back as faults at the line of their field."""

from datetime import date, datetime, timedelta
from typing import Any

from services.events.domain.event import Event, EventKind, EventStatus, Mode
from services.events.domain.hotel import Allotment, HotelBlock, RoomKind
from services.events.domain.network import Consultation, ContactKind, GroupContact, HostKind, Series, WorkingGroup
from services.events.domain.resource import Resource, ResourceKind
from services.events.domain.spans import moment_from
from services.events.loading.values import a_day, a_zone, made
from shared.core.errors import DomainError
from shared.core.yaml_source import Fields, flag, one_of, text, whole
from shared.i18n.content import Text, text_reader

_KEY_OF: dict[str, str] = {
    "starts_at": "starts",
    "ends_at": "ends",
    "last_starts_at": "last_starts",
    "last_ends_at": "last_ends",
}
"""Fields that are called otherwise in the file, where times are local."""


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
    start, end = (_moment(row, key, zone, moved_by) for key in ("starts", "ends"))
    before = "last_" if status is EventStatus.POSTPONED else ""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "kind": row.required("kind", one_of(EventKind), EventKind.WEBINAR),
        "title": row.required("title", text_reader(200), Text.of("stand-in")),
        "summary": row.optional("summary", text_reader(2000, required=False), Text()),
        "status": status,
        "mode": row.required("mode", one_of(Mode), Mode.ONLINE),
        "time_zone": zone,
        "last_starts_at": _moment(row, "last_starts", zone, moved_by),
        "last_ends_at": _moment(row, "last_ends", zone, moved_by),
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


def _moment(row: Fields, key: str, zone: str, moved_by: timedelta) -> datetime | None:
    local = row.optional(key, _a_text, None)
    if local is None:
        return None
    try:
        return moment_from(local, zone, moved_by)
    except ValueError as error:
        row.fault(str(error), key)
    except DomainError as error:
        row.fault(error.detail, key)
    return None


def _a_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a date and a local time such as 2020-03-04 14:00")
    return value
