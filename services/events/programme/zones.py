"""VTIMEZONE of a zone for a span of time: every change of the clock in it, and the last two as yearly rules.

Each change is an observance of its own with the local time *before* the change (RFC 5545, section 3.6.5), so all
moments in the span are exact. Rules at the end serve clients that keep an entry for longer, and Outlook, which reads
only DTSTART, RRULE and offsets (MS-STANOICAL, notes on section 3.6.5).
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MARGIN = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, as VTIMEZONE wants it


def vtimezone(zone: ZoneInfo, first: datetime, last: datetime) -> Timezone:
    """The component that defines ``zone`` from ``first`` to ``last`` (aware), a year around them included."""
    component = Timezone()
    component.add("tzid", zone.key)
    start, end = (first - _MARGIN).astimezone(UTC), (last + _MARGIN).astimezone(UTC)
    changes = _changes(zone, start.replace(microsecond=0), end.replace(microsecond=0))
    if not changes:
        offset = _offset(zone, start)
        component.add_component(_observance(_EPOCH, offset, offset, _name(zone, start)))
    for index, change in enumerate(changes):
        old, new = _offset(zone, change - timedelta(seconds=1)), _offset(zone, change)
        onset = (change + old).replace(tzinfo=None)
        observance = _observance(onset, old, new, _name(zone, change))
        if index >= len(changes) - 2 and len(changes) > 1:
            observance.add("rrule", {"freq": "yearly", "bymonth": onset.month, "byday": _nth_weekday(onset)})
        component.add_component(observance)
    return component


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The first seconds of new offsets between two moments, in UTC."""
    found, here = [], start
    while here < end:
        there = here + timedelta(days=1)
        if _offset(zone, here) != _offset(zone, there):
            found.append(_first_second(zone, here, there))
        here = there
    return found


def _first_second(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) != _offset(zone, high) else (low, middle)
    return high


def _observance(onset: datetime, old: timedelta, new: timedelta, name: str) -> TimezoneStandard | TimezoneDaylight:
    """The larger offset is called DAYLIGHT whatever a country calls it (Ireland, Morocco): clients expect that."""
    observance = TimezoneDaylight() if new > old else TimezoneStandard()
    observance.add("dtstart", onset)
    observance.add("tzoffsetfrom", old)
    observance.add("tzoffsetto", new)
    observance.add("tzname", name)
    return observance


def _nth_weekday(day: datetime) -> str:
    """``2SU`` for the second Sunday of a month, ``-1SU`` for the last."""
    last = day.day + 7 > monthrange(day.year, day.month)[1]
    return f"{-1 if last else (day.day + 6) // 7}{_WEEKDAYS[day.weekday()]}"


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _name(zone: ZoneInfo, moment: datetime) -> str:
    return moment.astimezone(zone).tzname() or zone.key
