"""One row of a sample file → one value of the domain. Broken rules come back as faults at the line of their field."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from services.events.domain.event import Event, EventKind, EventStatus, Mode
from services.events.domain.hotel import HotelBlock
from services.events.domain.local_time import is_zone, to_utc
from services.events.domain.network import Consultation, HostKind, Series, WorkingGroup
from services.events.domain.resource import Resource, ResourceKind
from services.events.domain.rules import RulesBroken
from shared.core.errors import DomainError
from shared.core.yaml_source import Fields, flag, one_of, text, whole

T = TypeVar("T")

_LOCAL = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}")
_KEY_OF: Mapping[str, str] = {
    "starts_at": "starts",
    "ends_at": "ends",
    "last_starts_at": "starts",
    "last_ends_at": "ends",
}
"""Fields that are called otherwise in the file, where times are local."""


def series_of(row: Fields) -> Series | None:
    """The series of a row of ``series.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text(), "stand-in"),
        "summary": row.optional("summary", text(2000), ""),
        "began_in": row.optional("began_in", whole(1945, 2999), None),
    }
    return _made(row, Series, values)


def working_group_of(row: Fields) -> WorkingGroup | None:
    """The working group of a row of ``working-groups.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text(), "stand-in"),
        "summary": row.optional("summary", text(2000), ""),
    }
    return _made(row, WorkingGroup, values)


def consultation_of(row: Fields) -> Consultation | None:
    """The consultation of a row of ``consultations.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "title": row.required("title", text(), "stand-in"),
        "summary": row.optional("summary", text(2000), ""),
        "city": row.required("city", text(), "stand-in"),
        "host_kind": row.required("host_kind", one_of(HostKind), HostKind.EMBASSY),
        "hosts": row.required("hosts", whole(1, 9999), 1),
        "presentations": row.required("presentations", whole(1, 9999), 9999),
        "within_days": row.optional("within_days", whole(1, 366), None),
    }
    return _made(row, Consultation, values)


def resource_of(row: Fields) -> Resource | None:
    """The resource of a row of ``resources.yaml``; None when the row has faults, which are then noted."""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "kind": row.required("kind", one_of(ResourceKind), ResourceKind.BRIEF),
        "title": row.required("title", text(), "stand-in"),
        "url": row.required("url", text(500), "https://stand-in.example.org"),
        "language": row.optional("language", text(35), "en"),
        "event": row.optional("event", text(80), None),
        "series": row.optional("series", text(80), None),
        "city": row.optional("city", text(), None),
        "published": row.optional("published", flag, False),
    }
    return _made(row, Resource, values)


def hotel_of(row: Fields, moved_by: timedelta) -> HotelBlock | None:
    """The hotel block of a row of ``hotels.yaml``, its day moved; None when the row has faults, which are noted."""
    book_until = row.optional("book_until", _day, None)
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "name": row.required("name", text(), "stand-in"),
        "city": row.required("city", text(), "stand-in"),
        "rooms": row.required("rooms", whole(1, 9999), 1),
        "url": row.optional("url", text(500), None),
        "booking_code": row.optional("booking_code", text(80), None),
        "book_until": book_until and book_until + moved_by,
        "note": row.optional("note", text(2000), ""),
    }
    return _made(row, HotelBlock, values)


def event_of(row: Fields, moved_by: timedelta) -> Event | None:
    """The event of a row of ``events.yaml``, its local times moved by ``moved_by`` (whole days).

    A postponed event may keep its times in the file: they are then the date that is remembered.
    None when the row has faults, which are then noted.
    """
    status = row.required("status", one_of(EventStatus), EventStatus.DRAFT)
    zone = row.required("time_zone", _zone, "UTC")
    start, end = (_moment(row, key, zone, moved_by) for key in ("starts", "ends"))
    before = "last_" if status is EventStatus.POSTPONED else ""
    values: dict[str, Any] = {
        "id": row.required("id", text(80), "stand-in"),
        "kind": row.required("kind", one_of(EventKind), EventKind.WEBINAR),
        "title": row.required("title", text(), "stand-in"),
        "summary": row.optional("summary", text(2000), ""),
        "status": status,
        "mode": row.required("mode", one_of(Mode), Mode.ONLINE),
        "time_zone": zone,
        f"{before}starts_at": start,
        f"{before}ends_at": end,
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
    return _made(row, Event, values)


def _made(row: Fields, make: Callable[..., T], values: dict[str, Any]) -> T | None:
    """The value, unless a field is faulty or a rule is broken; a rule about a faulty field is not noted again."""
    row.finish()
    faulty = frozenset(row.faulty)
    try:
        value = make(**values)
    except RulesBroken as error:
        for rule in error.broken:
            if (key := _KEY_OF.get(rule.field, rule.field)) not in faulty:
                row.fault(rule.detail, key)
        return None
    return None if faulty else value


def _moment(row: Fields, key: str, zone: str, moved_by: timedelta) -> datetime | None:
    local = row.optional(key, _local, None)
    if local is None:
        return None
    try:
        return to_utc(local + moved_by, zone)
    except DomainError as error:
        row.fault(error.detail, key)
        return None


def _zone(value: Any) -> str:
    if not isinstance(value, str) or not is_zone(value):
        raise ValueError("must be an IANA time zone such as Europe/Zurich")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a day such as 2020-04-10") from None


def _local(value: Any) -> datetime:
    if not isinstance(value, str) or not _LOCAL.fullmatch(value):
        raise ValueError("must be a date and a local time such as 2020-03-04 14:00")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a date and time that exists") from None
