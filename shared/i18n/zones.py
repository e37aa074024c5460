"""The name of a time zone as people know it: ``Geneva time (CET, UTC+1)``.

A zone is called after the city where the event is, for nobody in Geneva says Zurich; without a city after the city in
its IANA name, written in the reader's language (CLDR). The letters are those of the day, in summer others than in
winter; where a zone has none there are only numbers. The distance from UTC is always there: CST is three zones.
"""

from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from unicodedata import normalize
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from shared.i18n.languages import direction, locale_of
from shared.i18n.phrases import TEXTS, listed

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
    """Return ``text`` in an isolate of its own (Unicode UAX 9) where it might be torn apart: in right-to-left text, or
    if it may be in another script."""
    if direction(language) == "ltr" and text.replace("\N{MINUS SIGN}", "-").isascii():
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def table(name: str) -> list[list[str]]:
    """Return the rows of one of the time zone database's tables (``zone.tab``, ``iso3166.tab``), without comments."""
    text = (resources.files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _after_de(place: str) -> str:
    """``place`` as French says it after *heure*: ``de Genève``, ``d'Oslo``, ``du Caire``."""
    if place.startswith("Le "):
        return f"du {place[3:]}"
    return ("d\N{RIGHT SINGLE QUOTATION MARK}" if _begins_with_vowel(place) else "de ") + place


def _begins_with_vowel(place: str) -> bool:
    """For French, which says ``heure d'Oslo``; before an H either may be right, and the plain form is understood."""
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
    return place
