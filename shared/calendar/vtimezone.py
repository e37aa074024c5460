"""VTIMEZONE components that Outlook, and every other client, reads right.

Outlook reads DTSTART, RRULE and the offsets of one STANDARD and one DAYLIGHT and ignores RDATE (MS-STANOICAL, notes
on RFC 5545 section 3.6.5). The lists of dates that icalendar 7.3 makes therefore show events an hour off there; it also
puts the spring change an hour late (DTSTART is the local time *before* the change, RFC 5545 section 3.6.5). So a zone
is defined by the two changes of the clock around one instant, each as a yearly rule. Such a definition is exact for
every instant whose own two changes follow the same rules; :mod:`shared.calendar.ics` writes all others in UTC.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_REACH = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, as VTIMEZONE wants it
CACHED = 1024
"""Zones and years, and zones and instants, that are remembered: many mails go about the same event."""


@dataclass(frozen=True, slots=True)
class Observance:
    """One change of the clock: ``onset`` is the local time before it; ``rule`` is month and weekday if it is yearly."""

    onset: datetime
    offset_from: timedelta
    offset_to: timedelta
    name: str
    rule: tuple[int, str] | None = None

    @property
    def yearly(self) -> tuple[object, ...]:
        """What two years have in common if their clocks follow the same rule."""
        when = (*self.rule, self.onset.time()) if self.rule else (self.onset,)
        return (self.offset_from, self.offset_to, *when)


@lru_cache(maxsize=CACHED)
def observances(zone: ZoneInfo, instant: datetime) -> tuple[Observance, ...]:
    """Return the changes of the clock that define ``zone`` around ``instant`` (aware).

    Two yearly ones where the zone has summer time; otherwise the change there is within a year, or none at all, after
    an observance that holds from the beginning.
    """
    before, after = _neighbours(zone, instant.astimezone(UTC))
    if before is not None and after is not None:
        return _observance(zone, before, yearly=True), _observance(zone, after, yearly=True)
    found = [_observance(zone, change) for change in (before, after) if change is not None]
    if before is None:
        offset = _offset(zone, instant)
        found.insert(0, Observance(_EPOCH, offset, offset, _name(zone, instant)))
    return tuple(found)


def rules(zone: ZoneInfo, instant: datetime) -> frozenset[tuple[object, ...]]:
    """Return what must be the same for two instants so that one definition of ``zone`` serves both."""
    return frozenset(observance.yearly for observance in observances(zone, instant))


@lru_cache(maxsize=CACHED)
def vtimezone(zone: ZoneInfo, instant: datetime) -> bytes:
    """Return the VTIMEZONE of ``zone`` for ``instant`` and all later ones under the same :func:`rules`."""
    component = Timezone()
    component.add("tzid", zone.key)
    for observance in observances(zone, instant):
        component.add_component(_component(observance))
    return bytes(component.to_ical())


def _component(observance: Observance) -> TimezoneStandard | TimezoneDaylight:
    """The larger offset is called DAYLIGHT whatever a country calls it (Ireland, Morocco): clients expect that."""
    forward = observance.offset_to > observance.offset_from
    component = TimezoneDaylight() if forward else TimezoneStandard()
    component.add("dtstart", observance.onset)
    component.add("tzoffsetfrom", observance.offset_from)
    component.add("tzoffsetto", observance.offset_to)
    component.add("tzname", observance.name)
    if observance.rule is not None:
        month, weekday = observance.rule
        component.add("rrule", {"freq": "yearly", "bymonth": month, "byday": weekday})
    return component


def _neighbours(zone: ZoneInfo, instant: datetime) -> tuple[datetime | None, datetime | None]:
    """The last change at or before ``instant`` and the first after it, in UTC; None if none is within a year."""
    changes = [change for year in range(-1, 2) for change in _changes(zone, instant.year + year)]
    before = [change for change in changes if instant - _REACH <= change <= instant]
    after = [change for change in changes if instant < change <= instant + _REACH]
    return (before[-1] if before else None), (after[0] if after else None)


@lru_cache(maxsize=CACHED)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The first seconds of new offsets in a year of UTC."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    return tuple(_scan(zone, start, end))


def _scan(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    here, offset = start, _offset(zone, start)
    while here < end:
        there = here + timedelta(days=1)
        next_offset = _offset(zone, there)
        if next_offset != offset:
            yield _first_second(zone, here, there)
        here, offset = there, next_offset


def _first_second(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The second at which the offset of ``high`` begins; ``low`` still has another."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) != _offset(zone, high) else (low, middle)
    return high


def _observance(zone: ZoneInfo, change: datetime, *, yearly: bool = False) -> Observance:
    old, new = _offset(zone, change - timedelta(seconds=1)), _offset(zone, change)
    onset = (change + old).replace(tzinfo=None)
    rule = (onset.month, _nth_weekday(onset)) if yearly else None
    return Observance(onset, old, new, _name(zone, change), rule)


def _nth_weekday(day: datetime) -> str:
    """``2SU`` for the second Sunday of a month, ``-1SU`` for the last."""
    last = day.day + 7 > monthrange(day.year, day.month)[1]
    return f"{-1 if last else (day.day + 6) // 7}{_WEEKDAYS[day.weekday()]}"


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _name(zone: ZoneInfo, instant: datetime) -> str:
    return instant.astimezone(zone).tzname() or zone.key
