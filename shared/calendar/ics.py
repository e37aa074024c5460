"""iCalendar (RFC 5545): invitations, cancellations, files of one event, feeds, room calendars, VTIMEZONE.

A time is written in the event's zone, with its VTIMEZONE, so that calendars keep it if the zone's law changes. It is
written in UTC where the local time is ambiguous: in the hour that clocks repeat in autumn, and in years in which the
zone follows other rules than those the file defines. An event from midnight to midnight in its zone is written as
days, which no zone shifts. Must never change what a coordinator wrote, except characters that no calendar may hold.

Outlook reads DTSTART, RRULE and the offsets of one STANDARD and one DAYLIGHT and ignores RDATE (MS-STANOICAL, notes on
RFC 5545 section 3.6.5). The lists of dates that icalendar 7.3 makes therefore show events an hour off there; it also
puts the spring change an hour late (DTSTART is the local time *before* the change, RFC 5545 section 3.6.5). So a zone
is defined by the two clock changes around one instant, each as a yearly rule. Such a definition is exact for every
instant whose own two changes follow the same rules; all others are written in UTC.
"""

import unicodedata
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress, vText, vUri
from icalendar.prop import vInline

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_REACH = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, as VTIMEZONE wants it
CACHED = 1024
"""Zones and years, and zones and instants, that are remembered: many mails are about the same event."""


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
    """The larger offset is DAYLIGHT even if a country names it differently (Ireland, Morocco): clients expect that."""
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


MEDIA_TYPE = "text/calendar"
UTC_KEYS = frozenset({"UTC", "Etc/UTC"})
REFRESH = timedelta(hours=1)
"""How often a subscribed calendar should be read again."""

Status = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]
Method = Literal["REQUEST", "CANCEL"]
Rules = frozenset[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class CalendarUser:
    """A person named in an entry: ``address`` is one plain mailbox; ``parameters`` are those of RFC 5545, 3.2."""

    address: str
    name: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One VEVENT. Instants are aware; ``time_zone`` is an IANA name; empty texts are left out.

    ``stamped_at`` is when the invitation is made (with a METHOD), or when the entry was last revised (in a feed, RFC
    5545, 3.8.7.2). ``private`` entries are shown as "busy" to people with whom a calendar is shared. ``alarm_minutes``
    is how long before the start a calendar alerts its owner; None leaves that to the calendar.
    """

    uid: str
    sequence: int
    stamped_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    time_zone: str
    status: Status
    title: str
    description: str = ""
    location: str = ""
    url: str = ""
    category: str = ""
    private: bool = False
    alarm_minutes: int | None = None
    organizer: CalendarUser | None = None
    attendee: CalendarUser | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar to subscribe to: its name for people, its language and its own address."""

    name: str
    language: str
    address: str


def subscription_links(path: str, language: str, public_url: str) -> tuple[str, str]:
    """Return how a feed is subscribed to (``webcal:``, which opens a calendar program), and its address to download."""
    address, query = urlsplit(public_url), urlencode({"lang": language})
    return f"webcal://{address.netloc}{address.path}{path}?{query}", f"{path}?{query}"


def write_invitation(event: CalendarEvent, product: str, method: Method) -> bytes:
    """Return an iCalendar object that puts ``event`` in a calendar (REQUEST) or takes it out (CANCEL; RFC 5546).

    Args:
        event: the only entry.
        product: name of the program part, for PRODID.
        method: the iTIP method (RFC 5546).

    Returns:
        UTF-8 with CRLF line ends, folded at 75 octets.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    return _assembled(_calendar(product, [("method", method)]), [event])


def write_file(event: CalendarEvent, product: str) -> bytes:
    """Return an iCalendar object that a person downloads to add ``event`` to their calendar.

    It has no METHOD: no calendar takes it for an invitation and answers it. Args and raises are those of
    :func:`write_invitation`.
    """
    return _assembled(_calendar(product, []), [event])


def write_feed(feed: Feed, product: str, events: Sequence[CalendarEvent]) -> bytes:
    """Return a calendar to subscribe to; the same events give the same bytes.

    Args and raises are those of :func:`write_invitation`; NAME, SOURCE and REFRESH-INTERVAL are those of RFC 7986.
    """
    name = _text(feed.name, language=feed.language)
    calendar = _calendar(product, [("name", name), ("x-wr-calname", _text(feed.name)), ("source", vUri(feed.address))])
    calendar["source"].params["value"] = "URI"
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    return _assembled(calendar, events)


def all_day_dates(event: CalendarEvent) -> tuple[date, date] | None:
    """Return the first day of an event that lasts whole days in its zone, and the day after its last; else None.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    if event.ends_at is None or event.ends_at <= event.starts_at:
        return None
    start, end = (instant.astimezone(ZoneInfo(event.time_zone)) for instant in (event.starts_at, event.ends_at))
    return (start.date(), end.date()) if start.time() == end.time() == time() else None


def clean(text: str) -> str:
    """Return ``text`` without what no calendar may hold: controls and lone surrogates; line breaks of any kind stay.

    Joiners (U+200C, U+200D) stay: they are part of the spelling of Persian and of Indian scripts.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in unified if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def _text(text: str, **parameters: str) -> vInline:
    """A value of type TEXT (RFC 5545, 3.3.11). icalendar 7.3 would write a typed backslash and N as a line break."""
    return vInline(clean(text).translate(_ESCAPED), params=parameters)


def _calendar(product: str, properties: Iterable[tuple[str, object]]) -> Calendar:
    calendar = Calendar()
    fixed = (("version", "2.0"), ("prodid", f"-//Troika//{product}//EN"), ("calscale", "GREGORIAN"))
    for key, value in (*fixed, *properties):
        calendar.add(key, value)
    return calendar


def _assembled(calendar: Calendar, events: Sequence[CalendarEvent]) -> bytes:
    """The calendar's own properties, its zones, its entries: zones are written once for many mails."""
    opening, end = bytes(calendar.to_ical()).rsplit(b"END:VCALENDAR", 1)
    first = _first_instants(events)
    defined = {key: rules(ZoneInfo(key), instant) for key, instant in first.items()}
    zones = [vtimezone(ZoneInfo(key), instant) for key, instant in sorted(first.items())]
    entries = [bytes(_entry(event, defined).to_ical()) for event in events]
    return b"".join((opening, *zones, *entries, b"END:VCALENDAR", end))


def _first_instants(events: Sequence[CalendarEvent]) -> dict[str, datetime]:
    """The instant by which each zone is defined: the earliest one under the rules that most of its events have."""
    found: defaultdict[str, defaultdict[Rules, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        zone = ZoneInfo(event.time_zone)
        if all_day_dates(event) or event.time_zone in UTC_KEYS:
            continue
        if not _repeated(event.starts_at, zone):
            starts_at = event.starts_at.replace(microsecond=0)
            found[event.time_zone][rules(zone, starts_at)].append(starts_at)
    return {key: min(sorted(groups.values(), key=len)[-1]) for key, groups in found.items()}


def _repeated(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in the zone show this local time twice."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _zone_for(event: CalendarEvent, defined: Mapping[str, Rules]) -> tzinfo:
    """The zone to write an event in: its own where the definition in the file gives each instant back, else UTC."""
    if event.time_zone not in defined:
        return UTC
    zone = ZoneInfo(event.time_zone)
    instants = [instant.replace(microsecond=0) for instant in (event.starts_at, event.ends_at) if instant]
    exact = all(
        not _repeated(instant, zone) and rules(zone, instant) == defined[event.time_zone] for instant in instants
    )
    return zone if exact else UTC


def _entry(event: CalendarEvent, defined: Mapping[str, Rules]) -> Event:
    entry = Event()
    entry.add("uid", event.uid)
    entry.add("sequence", event.sequence)
    entry.add("dtstamp", _local(event.stamped_at, UTC))
    _add_times(entry, event, _zone_for(event, defined))
    entry.add("status", event.status)
    for key, text in (("summary", event.title), ("description", event.description), ("location", event.location)):
        if text:
            entry.add(key, _text(text))
    if event.category:
        entry.add("categories", _text(event.category))
    if event.url:
        entry.add("url", vUri(event.url))
    if event.private:
        entry.add("class", "PRIVATE")
    for key, user in (("organizer", event.organizer), ("attendee", event.attendee)):
        if user is not None:
            entry.add(key, _address(user), encode=False)
    if event.alarm_minutes is not None and event.status != "CANCELLED":
        entry.add_component(_alarm(event.alarm_minutes, event.title))
    return entry


def _add_times(entry: Event, event: CalendarEvent, zone: tzinfo) -> None:
    days = all_day_dates(event)
    if days is not None:
        entry.add("dtstart", days[0])
        entry.add("dtend", days[1])
        return
    entry.add("dtstart", _local(event.starts_at, zone))
    if event.ends_at is not None and event.ends_at > event.starts_at:
        entry.add("dtend", _local(event.ends_at, zone))


def _alarm(minutes: int, title: str) -> Alarm:
    """RFC 5545, 3.6.6: what is displayed needs a description."""
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _text(title))
    alarm.add("trigger", timedelta(minutes=-minutes))
    return alarm


def _local(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(microsecond=0)


def _address(user: CalendarUser) -> vCalAddress:
    """A ``mailto:`` (RFC 6068) with its parameters. A parameter cannot contain double quotes (RFC 5545, 3.1)."""
    value = vCalAddress(f"mailto:{quote(user.address, safe='@!$*+.=_~-')}")
    value.params["cn"] = vText(clean(user.name).replace('"', "'") or user.address)
    for key, text in user.parameters:
        value.params[key] = vText(text)
    return value
