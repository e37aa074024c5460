"""Times a reader can trust: the event's own zone first, always named, then the reader's, then UTC.

A time without its zone is how people miss a meeting; a zone's abbreviation is not enough (CST is three of them), so
the name is written out in the reader's language, with the distance from UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_location, get_timezone_name

_UTC_NAMES = ("UTC", "Etc/UTC")
KEPT = 2048
"""Ways to write a time that are remembered: each event in the languages and zones of its people."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One way to say when, complete in itself. ``parts`` may each stand on a line: day, hours, zone."""

    whose: Literal["event", "recipient", "utc"]
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " · ".join(self.parts)


def time_lines(
    starts_at: datetime, ends_at: datetime | None, event_zone: str, own_zone: str, language: str
) -> list[TimeLine]:
    """When an event is, in the event's zone, in the recipient's if that reads differently, and in UTC.

    Args:
        starts_at: aware.
        ends_at: aware, or None if open.
        event_zone: IANA name.
        own_zone: IANA name; empty or unknown (it is what a browser claimed) leaves that line out.
        language: one of the languages of the mails.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    zone, own = ZoneInfo(event_zone), known_zone(own_zone)
    lines = [TimeLine("event", _spell(starts_at, ends_at, zone, language))]
    if own is not None and own.key not in _UTC_NAMES and _offset(own, starts_at) != _offset(zone, starts_at):
        lines.append(TimeLine("recipient", _spell(starts_at, ends_at, own, language)))
    if zone.key not in _UTC_NAMES:
        lines.append(TimeLine("utc", _spell(starts_at, ends_at, ZoneInfo("UTC"), language)))
    return lines


def known_zone(name: str) -> ZoneInfo | None:
    """The zone called ``name``, or None if there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of the database
        return None


@lru_cache(maxsize=KEPT)
def _spell(starts_at: datetime, ends_at: datetime | None, zone: ZoneInfo, language: str) -> tuple[str, ...]:
    start, end = starts_at.astimezone(zone), (ends_at or starts_at).astimezone(zone)
    day, clock = format_date(start, "full", language), _clock(start, zone, language)
    zone_name = _zone_name(start, zone, language)
    if end <= start:
        return day, clock, zone_name
    end_clock = _clock(end, zone, language)
    if end.date() == start.date():
        return day, f"{clock} – {end_clock}", zone_name
    return day, f"{clock} –", format_date(end, "full", language), end_clock, zone_name


def _clock(moment: datetime, zone: ZoneInfo, language: str) -> str:
    return format_time(moment, "short", tzinfo=zone, locale=language).replace(" ", "\u00a0").replace("\u202f", "\u00a0")


def _zone_name(moment: datetime, zone: ZoneInfo, language: str) -> str:
    name = get_timezone_name(moment, "long", locale=language)
    if zone.key in _UTC_NAMES:
        return f"{name} (UTC)"
    place = get_timezone_location(zone, locale=language, return_city=True)
    return f"{name} ({place}, {utc_offset(moment)})"


def utc_offset(moment: datetime) -> str:
    """The distance from UTC of an aware moment: ``UTC−5``, ``UTC+5:45``."""
    offset = moment.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "−" if offset < timedelta() else "+"
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
