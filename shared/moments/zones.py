"""The name of a time zone as people know it: ``Geneva time (CET, UTC+1)``.

A zone is called after the city where the event is, for nobody in Geneva says Zurich; without a city after the city in
its IANA name, written in the reader's language (CLDR). The letters are those of the day, in summer others than in
winter; where a zone has none there are only numbers. The distance from UTC is always there: CST is three zones.
"""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from shared.forms.choices import zone_options
from shared.forms.texts import Catalogue, direction, load_catalogue, locale_of

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})

OTHER_CITIES = {
    "geneva": "Europe/Zurich",
    "washington": "America/New_York",
    "washington-d-c": "America/New_York",
    "washington-dc": "America/New_York",
}
"""Cities of reviews and consultations after which no zone is named."""


@cache
def zone_texts() -> Catalogue:
    """The fixed texts: how a zone is called, and the cities of reviews in six languages."""
    return load_catalogue(Path(__file__).parent / "strings")


def zone_name(moment: datetime, time_zone: str, language: str, city: str | None = None) -> str:
    """The zone in which an event is announced, for readers of ``language``.

    Args:
        moment: aware; decides between summer and winter.
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
    there = moment.astimezone(ZoneInfo(time_zone))
    place = zone_place(moment, time_zone, language, city)
    letters = there.tzname() or ""
    key = "zone.letters" if letters.isalpha() else "zone"
    of = "d\N{RIGHT SINGLE QUOTATION MARK}" if _begins_with_vowel(place) else "de "
    offset = set_apart(utc_offset(there), language)
    return zone_texts().text(key, language, place=place, of=of, letters=letters, offset=offset)


def zone_place(moment: datetime, time_zone: str, language: str, city: str | None = None) -> str:
    """The place after which :func:`zone_name` calls the zone, alone: ``Geneva``. Arguments and errors are the same."""
    there = moment.astimezone(ZoneInfo(time_zone))
    return _city(city, language) if city and _keeps_time(city, there) else _place_of(time_zone, language)


def city_name(city: str, language: str) -> str:
    """``city`` in ``language`` where we know it; as it was typed where we do not."""
    known = zone_texts().get(f"city.{_key(city)}", language)
    if known is None and (zone := _zone_of_cities().get(_key(city))):
        known = _place_of(zone, language)
    return known or city


def utc_offset(moment: datetime) -> str:
    """The distance from UTC of an aware moment: ``UTC-5``, ``UTC+5:45``."""
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def set_apart(text: str, language: str) -> str:
    """``text`` in an isolate of its own (Unicode UAX 9) where it might be torn apart: in Arabic or another script."""
    if direction(language) == "ltr" and text.isascii():
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _begins_with_vowel(place: str) -> bool:
    """For French, which says ``heure d'Oslo``; before an H either may be right, and the plain form is understood."""
    return normalize("NFKD", place.lstrip("\N{FIRST STRONG ISOLATE}"))[:1].casefold() in tuple("aeiouy")


def _keeps_time(city: str, there: datetime) -> bool:
    """Whether clocks in ``city`` show what they show ``there``; of a city that we do not know we believe it."""
    zone = _zone_of_cities().get(_key(city))
    return zone is None or there.astimezone(ZoneInfo(zone)).utcoffset() == there.utcoffset()


@cache
def _zone_of_cities() -> dict[str, str]:
    """The IANA zone of each city that a zone is named after, and of those that we know besides."""
    named = {_key(place.partition(" (")[0]): zone for _, zones in zone_options("en") for zone, _, place in zones}
    return named | OTHER_CITIES


def _key(city: str) -> str:
    return "-".join(city.casefold().replace(".", " ").replace(",", " ").split())


def _city(city: str, language: str) -> str:
    known = city_name(city, language)
    return set_apart(city, language) if known == city else known


def _place_of(time_zone: str, language: str) -> str:
    place: str = get_timezone_location(time_zone, locale=locale_of(language), return_city=True)
    return place
