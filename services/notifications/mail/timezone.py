"""VTIMEZONE of one event: the two changes of the clock around it, each as a yearly rule.

Outlook reads DTSTART, RRULE and the offsets of one STANDARD and one DAYLIGHT and ignores RDATE (MS-STANOICAL, notes
on RFC 5545 section 3.6.5), so the list of dates which icalendar 7.3 makes shows events an hour off there; it also
puts the spring change an hour late (DTSTART is the local time *before* the change, RFC 5545 section 3.6.5). The rule
is exact from the change before the event to the one after it, which is all that one event needs.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SEARCH_DAYS = 366
KEPT = 256
"""Zones and moments that are remembered: events of which mails go at the same time."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, as VTIMEZONE wants it


@lru_cache(maxsize=KEPT)
def vtimezone(zone: ZoneInfo, moment: datetime) -> bytes:
    """The component that defines ``zone`` for an event at ``moment`` (aware) and for a year around it, as text.

    It is written once an event, since all mails about one say the same.
    """
    moment = moment.replace(microsecond=0)
    before, after = _change(zone, moment, -1), _change(zone, moment, 1)
    component = Timezone()
    component.add("tzid", zone.key)
    if before is None:
        offset = _offset(zone, moment)
        component.add_component(_observance(_EPOCH, offset, offset, _name(zone, moment)))
    changes = [change for change in (before, after) if change is not None]
    for change in changes:
        old, new = _offset(zone, change - timedelta(seconds=1)), _offset(zone, change)
        onset = (change + old).replace(tzinfo=None)
        observance = _observance(onset, old, new, _name(zone, change))
        if len(changes) == 2:
            observance.add("rrule", {"freq": "yearly", "bymonth": onset.month, "byday": _nth_weekday(onset)})
        component.add_component(observance)
    return bytes(component.to_ical())


def _observance(onset: datetime, old: timedelta, new: timedelta, name: str) -> TimezoneStandard | TimezoneDaylight:
    """The larger offset is called DAYLIGHT whatever a country calls it (Ireland, Morocco): clients expect that."""
    observance = TimezoneDaylight() if new > old else TimezoneStandard()
    observance.add("dtstart", onset)
    observance.add("tzoffsetfrom", old)
    observance.add("tzoffsetto", new)
    observance.add("tzname", name)
    return observance


def _change(zone: ZoneInfo, moment: datetime, direction: int) -> datetime | None:
    """The last change of offset at or before ``moment`` (-1) or the first one after it (1), UTC; None within a year."""
    here = moment.astimezone(UTC)
    for _ in range(_SEARCH_DAYS):
        there = here + direction * timedelta(days=1)
        if _offset(zone, here) != _offset(zone, there):
            return _first_second(zone, *sorted((here, there)))
        here = there
    return None


def _first_second(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The second at which the offset of ``high`` begins; ``low`` still has another."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) != _offset(zone, high) else (low, middle)
    return high.replace(microsecond=0)


def _nth_weekday(day: datetime) -> str:
    """``2SU`` for the second Sunday of a month, ``-1SU`` for the last."""
    last = day.day + 7 > monthrange(day.year, day.month)[1]
    return f"{-1 if last else (day.day + 6) // 7}{_WEEKDAYS[day.weekday()]}"


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _name(zone: ZoneInfo, moment: datetime) -> str:
    return moment.astimezone(zone).tzname() or zone.key
