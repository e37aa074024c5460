"""Dates, times and time zones in words: the same event reads the same on pages, in mails and in calendars.

A time without its zone is how people miss a meeting, so each end of a range names its zone: summer time may begin in
between. The event's own zone comes first, then the reader's, then UTC. Hours are those of the language (CLDR): English
and Arabic count to twelve, the others to twenty-four. In Arabic each text is an isolate that runs from right to left,
in any surrounding text (Unicode UAX 9).

A zone is named after the city where the event is (``Geneva time (CET, UTC+1)``), else after the city in its IANA name,
written in the reader's language (CLDR). The abbreviation is that of the day; where a zone has none there are only
numbers. The distance from UTC is always there: CST is three zones.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Literal
from unicodedata import normalize
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_interval, format_time, get_timezone_location

from shared.i18n.catalogue import TEXTS, listed
from shared.i18n.languages import direction, locale_of

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})

CITIES = {
    "geneva": "Europe/Zurich",
    "washington": "America/New_York",
    "washington-d-c": "America/New_York",
    "washington-dc": "America/New_York",
}
"""Cities of reviews and consultations after which no zone is named."""

CALLED_AFTER = {"Europe/Zurich": "geneva"}
"""Zones that people here know by another city than the one in the name."""


def zone_name(instant: datetime, time_zone: str, language: str, city: str | None = None) -> str:
    """Return the name of the zone in which an event is announced, for readers of ``language``.

    Args:
        instant: aware; decides between summer and winter.
        time_zone: IANA name.
        language: one of ``LANGUAGES``.
        city: where the event is, as it was typed; None or empty if it is in none. It is left out of the name if it is
            known to keep another time: an event in Geneva may be announced in New York's.

    Returns:
        ``Geneva time (CET, UTC+1)``; ``UTC`` alone for UTC itself.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such zone.
    """
    if time_zone in UTC_NAMES:
        return "UTC"
    there = instant.astimezone(ZoneInfo(time_zone))
    place = zone_place(instant, time_zone, language, city)
    letters = there.tzname() or ""
    key = "zone.letters" if letters.isalpha() else "zone"
    if language == "fr":
        place = _after_de(place)
    offset = isolated(utc_offset(there), language)
    return TEXTS.text(key, language, place=place, letters=letters, offset=offset)


def zone_place(instant: datetime, time_zone: str, language: str, city: str | None = None) -> str:
    """Return the place after which :func:`zone_name` calls the zone, alone: ``Geneva``. Args and raises as there."""
    there = instant.astimezone(ZoneInfo(time_zone))
    return _typed_city(city, language) if city and _keeps_time(city, there) else _place_of(time_zone, language)


def city_name(city: str, language: str) -> str:
    """Return ``city`` in ``language`` where it is known; as it was typed where it is not."""
    key = _key(city)
    if key in CITIES:
        return TEXTS.text(f"city.{key}", language)
    zone = _zone_of_cities().get(key)
    return _location(zone, language) if zone else city


def place_text(place: str | None, city: str | None, online: str, language: str) -> str:
    """Return where an event is on one line: its place, its city as ``language`` calls it, and the word for online.

    Each may be empty.
    """
    parts = (place, city_name(city, language) if city else "", online)
    return listed([part for part in parts if part], language)


def utc_offset(instant: datetime) -> str:
    """Return the distance from UTC of an aware instant: ``UTC−5``, ``UTC+5:45``."""
    minutes = (instant.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign, minutes = ("\N{MINUS SIGN}" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def isolated(text: str, language: str) -> str:
    """Return ``text`` in its own isolate (Unicode UAX 9) where the reading direction could split it.

    In right-to-left text, or if it may be in another script.
    """
    if direction(language) == "ltr" and text.replace("\N{MINUS SIGN}", "-").isascii():
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def table(name: str) -> list[list[str]]:
    """Return the rows of one of the time zone database's tables (``zone.tab``, ``iso3166.tab``), without comments."""
    text = (resources.files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _after_de(place: str) -> str:
    """``place`` in the French form after *heure*: ``de Genève``, ``d'Oslo``, ``du Caire``."""
    if place.startswith("Le "):
        return f"du {place[3:]}"
    return ("d\N{RIGHT SINGLE QUOTATION MARK}" if _begins_with_vowel(place) else "de ") + place


def _begins_with_vowel(place: str) -> bool:
    """For the French ``heure d'Oslo``; before an H either may be right, and the plain form is understood."""
    return normalize("NFKD", place.lstrip("\N{FIRST STRONG ISOLATE}"))[:1].casefold() in tuple("aeiouy")


def _keeps_time(city: str, there: datetime) -> bool:
    """Whether clocks in ``city`` show what they show ``there``; of a city that is not known it is believed."""
    zone = _zone_of_cities().get(_key(city))
    return zone is None or there.astimezone(ZoneInfo(zone)).utcoffset() == there.utcoffset()


@cache
def _zone_of_cities() -> dict[str, str]:
    """The IANA zone of each city that a zone is named after, and of those that are known besides."""
    return {_key(_location(zone, "en")): zone for _, _, zone, *_ in table("zone.tab")} | CITIES


def _key(city: str) -> str:
    return "-".join(city.casefold().replace(".", " ").replace(",", " ").split())


def _typed_city(city: str, language: str) -> str:
    known = city_name(city, language)
    return isolated(city, language) if known == city else known


def _place_of(time_zone: str, language: str) -> str:
    city = CALLED_AFTER.get(time_zone)
    return TEXTS.text(f"city.{city}", language) if city else _location(time_zone, language)


def _location(time_zone: str, language: str) -> str:
    place: str = get_timezone_location(time_zone, locale=locale_of(language), return_city=True)
    return place.rpartition("/")[2]  # "Argentina/Buenos Aires" where the CLDR has no name for the city


NO_BREAK = "\N{NO-BREAK SPACE}"
CACHED = 4096
"""Ways to write a time that are remembered: each event in the languages and zones of its people."""

DAYS = {"en": "EEEE d MMMM y", "es": "EEEE d 'de' MMMM 'de' y"}
"""Where the CLDR's full date is not what people write."""

RANGE_DAYS = {"ru": "d MMMM y 'г.' (EEEE)"}
"""Days in a sentence, where the nominative of a day's name is wrong."""

HALF_DAYS = frozenset({"en", "ar"})
"""Languages whose readers count hours to twelve."""

_SPACES = str.maketrans({"\u2009": NO_BREAK, "\u202f": NO_BREAK, " ": NO_BREAK})


@dataclass(frozen=True, slots=True)
class Period:
    """When something is: aware instants (no end if open), the IANA zone and the city in which it is announced."""

    starts_at: datetime
    ends_at: datetime | None
    time_zone: str
    city: str | None = None

    @property
    def iso(self) -> str:
        """The start for programs: RFC 3339 in UTC."""
        return self.starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One way to express the time, complete in itself: day, hours and zone, or one sentence over several days."""

    whose: Literal["event", "reader", "utc"]
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " · ".join(self.parts)

    def beside(self, other: "TimeLine") -> str:
        """Return this line without the day if ``other``, which is next to it, contains the same day."""
        same = len(self.parts) > 1 and self.parts[0] == other.parts[0]
        return " · ".join(self.parts[1:] if same else self.parts)


@dataclass(frozen=True, slots=True)
class CompactLines:
    """A period in its own zone, that zone's name (empty where the ends have two, which are beside them), in UTC."""

    local: str
    zone: str
    utc: str
    iso: str


def period(
    starts_at: datetime | None, ends_at: datetime | None, time_zone: str, city: str | None = None
) -> Period | None:
    """Return when something is; None while it has no date."""
    return None if starts_at is None else Period(starts_at, ends_at, time_zone, city)


def time_lines(period: Period, language: str, own_zone: str = "") -> list[TimeLine]:
    """Return when something is in its own zone, in the reader's if that reads differently, and in UTC.

    Args:
        period: when it is.
        language: one of ``LANGUAGES``.
        own_zone: IANA name; empty or unknown (it is what a browser claimed) leaves that line out.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the period's zone does not exist.
    """
    zone, own = ZoneInfo(period.time_zone), known_zone(own_zone)
    lines = [TimeLine("event", _parts(period, language))]
    if own is not None and own.key not in UTC_NAMES and _offsets(period, own) != _offsets(period, zone):
        lines.append(TimeLine("reader", _parts(_in_zone(period, own.key), language)))
    if zone.key not in UTC_NAMES:
        lines.append(TimeLine("utc", _parts(_in_zone(period, "UTC"), language)))
    return lines


def known_zone(name: str) -> ZoneInfo | None:
    """Return the zone called ``name``, or None if there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of the database
        return None


def day_text(day: date, language: str) -> str:
    """Return a date in full: ``Wednesday 4 March 2020``. A date has no zone: none may shift it."""
    return _directed(_date(day, DAYS.get(language, "full"), language), language)


def hours_text(period: Period, language: str, time_zone: str = "") -> str:
    """Return the hours of a period within one day, without its zone: ``2:00 – 3:00 PM``; UTC or another zone if asked.

    The caller has to show the zone beside it. Raises as :func:`time_lines`.
    """
    zone = ZoneInfo(time_zone or period.time_zone)
    start, end = (instant.astimezone(zone) for instant in (period.starts_at, period.ends_at or period.starts_at))
    return _directed(_hours(start, end, language), language)


def compact_day(day: date) -> str:
    """Return a date for a coordinator's table, in English: ``Wed 4 Mar 2020``."""
    return f"{day:%a}{NO_BREAK}{day.day}{NO_BREAK}{day:%b}{NO_BREAK}{day.year}"


def compact_instant(instant: datetime) -> str:
    """Return an aware instant for a coordinator's table, in English: ``4 Mar 2020, 19:00 UTC``."""
    in_utc = instant.astimezone(UTC)
    return f"{in_utc.day}{NO_BREAK}{in_utc:%b %Y, %H:%M}{NO_BREAK}UTC"


def compact_hours(period: Period) -> str:
    """Return hours for a coordinator's table, in English and in the period's zone: ``14:00 to 15:00``."""
    start, end = _ends(period)
    return f"{start:%H:%M}{NO_BREAK}to{NO_BREAK}{end:%H:%M}"


def compact_lines(period: Period | None) -> CompactLines | None:
    """Return a period for a coordinator's table, in English; None if there is none."""
    if period is None:
        return None
    zones = [zone_name(end, period.time_zone, "en", period.city) for end in _ends(period)]
    utc = f"{_compact(_in_zone(period, 'UTC'))}{NO_BREAK}UTC"
    if zones[0] == zones[1]:
        return CompactLines(_compact(period), zones[0], utc, period.iso)
    start, end = (f"{compact_day(end)}, {end:%H:%M} {zone}" for end, zone in zip(_ends(period), zones, strict=True))
    return CompactLines(f"{start} to {end}", "", utc, period.iso)


def _compact(period: Period) -> str:
    start, end = _ends(period)
    if start.date() == end.date():
        return f"{compact_day(start)}, {compact_hours(period)}"
    return f"{compact_day(start)}, {start:%H:%M} to {compact_day(end)}, {end:%H:%M}"


def _in_zone(period: Period, time_zone: str) -> Period:
    return Period(period.starts_at, period.ends_at, time_zone)


def _ends(period: Period) -> tuple[datetime, datetime]:
    """Start and end in the period's zone; the same where the end is open or not later."""
    zone = ZoneInfo(period.time_zone)
    start, end = period.starts_at.astimezone(zone), (period.ends_at or period.starts_at).astimezone(zone)
    return start, max(start, end)


def _offsets(period: Period, zone: ZoneInfo) -> list[timedelta | None]:
    return [instant.astimezone(zone).utcoffset() for instant in (period.starts_at, period.ends_at) if instant]


@lru_cache(maxsize=CACHED)
def _parts(period: Period, language: str) -> tuple[str, ...]:
    start, end = _ends(period)
    if start.date() != end.date() or start.utcoffset() != end.utcoffset():
        return (_directed(_sentence(period, start, end, language), language),)
    zone = zone_name(start, period.time_zone, language, period.city)
    hours = [_hours(start, end, language), zone]
    shown = hours if period.time_zone not in UTC_NAMES else [NO_BREAK.join(hours)]
    return day_text(start, language), *(_directed(part, language) for part in shown)


def _sentence(period: Period, start: datetime, end: datetime, language: str) -> str:
    """``From <day>, <time> <zone> to <day>, <time> <zone>`` in ``language``."""
    pattern = RANGE_DAYS.get(language, DAYS.get(language, "full"))
    key = "range.end.utc" if period.time_zone in UTC_NAMES else "range.end"
    ends = [
        TEXTS.text(
            key,
            language,
            day=_date(instant, pattern, language),
            time=_time(instant, language),
            zone=zone_name(instant, period.time_zone, language, period.city),
        )
        for instant in (start, end)
    ]
    return TEXTS.text("range", language, start=ends[0], end=ends[1])


def _date(day: date, pattern: str, language: str) -> str:
    """A date by the CLDR, except that French counts the first day of a month as an ordinal: ``1er mai``."""
    text = str(format_date(day, pattern, locale=locale_of(language)))
    return text.replace(" 1 ", " 1er ", 1) if language == "fr" else text


def _hours(start: datetime, end: datetime, language: str) -> str:
    if start == end:
        return _time(start, language)
    skeleton = "hm" if language in HALF_DAYS else "Hm"
    naive_start, naive_end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    return format_interval(naive_start, naive_end, skeleton, locale=locale_of(language)).translate(_SPACES)


def _time(instant: datetime, language: str) -> str:
    return str(format_time(instant.replace(tzinfo=None), "short", locale=locale_of(language))).translate(_SPACES)


def _directed(text: str, language: str) -> str:
    if direction(language) == "ltr":
        return text
    return f"\N{RIGHT-TO-LEFT ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
