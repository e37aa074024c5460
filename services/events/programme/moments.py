"""When an event is, in a reader's language: always in its own zone with that zone's name, and in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from services.events.domain.event import Event
from services.events.programme.texts import programme_texts
from shared.forms.texts import locale_of

FORMATS = {"en": "EEEE d MMMM y"}
"""Where the CLDR's full date is not what people write."""

_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class When:
    """Day, hours and zone for readers, the same in UTC, and ``iso`` for programs."""

    day: str
    hours: str
    zone: str
    utc: str
    iso: str


def when_of(event: Event, language: str) -> When | None:
    """When ``event`` is; None while it has no date."""
    return _when(event.starts_at, event.ends_at, event.time_zone, language)


def last_when_of(event: Event, language: str) -> When | None:
    """When a postponed event should have been; None if there never was a date."""
    return _when(event.last_starts_at, event.last_ends_at, event.time_zone, language)


def _when(starts_at: datetime | None, ends_at: datetime | None, time_zone: str, language: str) -> When | None:
    if starts_at is None or ends_at is None:
        return None
    zone = ZoneInfo(time_zone)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    utc_start, utc_end = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    hours = f"{start:%H:%M}–{end:%H:%M}"
    day = _day(start, language)
    if end.date() != start.date():
        day, hours = f"{day} – {_day(end, language)}", f"{start:%H:%M} – {end:%H:%M}"
    return When(day, hours, _zone(start, zone, language), _in_utc(start, utc_start, utc_end, language), _iso(utc_start))


def _in_utc(local: datetime, start: datetime, end: datetime, language: str) -> str:
    """Hours in UTC, with the days where they are others than the local ones or the event is longer than one."""
    if start.date() == end.date() == local.date():
        return f"{start:%H:%M}–{end:%H:%M}{_NO_BREAK}UTC"
    if start.date() == end.date():
        return f"{_day(start, language)}, {start:%H:%M}–{end:%H:%M}{_NO_BREAK}UTC"
    return f"{_day(start, language)}, {start:%H:%M} – {_day(end, language)}, {end:%H:%M}{_NO_BREAK}UTC"


def _zone(start: datetime, zone: ZoneInfo, language: str) -> str:
    place = get_timezone_location(zone.key, locale=locale_of(language), return_city=True)
    return programme_texts().text("zone", language, place=place, offset=utc_offset(start))


def utc_offset(moment: datetime) -> str:
    """The distance from UTC of an aware moment: ``UTC-5``, ``UTC+5:45``, kept left to right by marks."""
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    text = f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
    return f"\N{LEFT-TO-RIGHT ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _day(moment: datetime, language: str) -> str:
    return format_date(moment.date(), FORMATS.get(language, "full"), locale=locale_of(language))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
