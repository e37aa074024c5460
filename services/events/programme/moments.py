"""When an event is, in a reader's language: always in its own zone with that zone's name, and in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

from services.events.domain.event import Event
from shared.forms.texts import locale_of
from shared.moments.zones import zone_name

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
    return _when(event.starts_at, event.ends_at, event, language)


def last_when_of(event: Event, language: str) -> When | None:
    """When a postponed event should have been; None if there never was a date."""
    return _when(event.last_starts_at, event.last_ends_at, event, language)


def _when(starts_at: datetime | None, ends_at: datetime | None, event: Event, language: str) -> When | None:
    if starts_at is None or ends_at is None:
        return None
    zone = ZoneInfo(event.time_zone)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    utc_start, utc_end = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    hours = f"{start:%H:%M}–{end:%H:%M}"
    day = _day(start, language)
    if end.date() != start.date():
        day, hours = f"{day} – {_day(end, language)}", f"{start:%H:%M} – {end:%H:%M}"
    named = zone_name(start, event.time_zone, language, event.city)
    return When(day, hours, named, _in_utc(start, utc_start, utc_end, language), _iso(utc_start))


def _in_utc(local: datetime, start: datetime, end: datetime, language: str) -> str:
    """Hours in UTC, with the days where they are others than the local ones or the event is longer than one."""
    if start.date() == end.date() == local.date():
        return f"{start:%H:%M}–{end:%H:%M}{_NO_BREAK}UTC"
    if start.date() == end.date():
        return f"{_day(start, language)}, {start:%H:%M}–{end:%H:%M}{_NO_BREAK}UTC"
    return f"{_day(start, language)}, {start:%H:%M} – {_day(end, language)}, {end:%H:%M}{_NO_BREAK}UTC"


def _day(moment: datetime, language: str) -> str:
    return format_date(moment.date(), FORMATS.get(language, "full"), locale=locale_of(language))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
