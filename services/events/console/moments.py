"""Moments as people read them: in the event's own zone and in UTC, and never without saying which."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.events.domain.event import Event
from shared.moments.zones import zone_name
from shared.web.console.words import NO_BREAK
from shared.web.console.words import utc_text as utc_text


@dataclass(frozen=True, slots=True)
class Span:
    """When an event is: for people in its own zone, the name of that zone, the same in UTC; ``iso`` is for programs."""

    local: str
    zone: str
    utc: str
    iso: str


def span_of(event: Event) -> Span | None:
    """When ``event`` is; None while it has no date."""
    return _span(event.starts_at, event.ends_at, event)


def last_span_of(event: Event) -> Span | None:
    """When a postponed event should have been; None if there never was a date."""
    return _span(event.last_starts_at, event.last_ends_at, event)


def _span(starts_at: datetime | None, ends_at: datetime | None, event: Event) -> Span | None:
    if starts_at is None or ends_at is None:
        return None
    zone = ZoneInfo(event.time_zone)
    local = starts_at.astimezone(zone)
    return Span(
        local=_range(local, ends_at.astimezone(zone)),
        zone=zone_name(local, event.time_zone, "en", event.city),
        utc=f"{_range(starts_at.astimezone(UTC), ends_at.astimezone(UTC))}{NO_BREAK}UTC",
        iso=starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    )


def _range(start: datetime, end: datetime) -> str:
    """``Wed 4 Mar 2020, 14:00 to 15:00``; both days when they differ."""
    if start.date() == end.date():
        return f"{_day(start)}, {start:%H:%M}{NO_BREAK}to{NO_BREAK}{end:%H:%M}"
    return f"{_day(start)}, {start:%H:%M} to {_day(end)}, {end:%H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment:%a}{NO_BREAK}{moment.day}{NO_BREAK}{moment:%b}{NO_BREAK}{moment.year}"
