"""Lists of choices that no definition has to repeat: countries, time zones, languages, yes and no.

Codes come from the time zone database (ISO 3166 and IANA names), names from the CLDR by way of Babel.
"""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.dates import get_timezone_location

from shared.i18n.languages import LANGUAGE_NAMES, locale_of
from shared.i18n.zones import table
from shared.public_forms.fields import Field
from shared.public_forms.texts import engine_texts

NOT_PLACES = frozenset({"Factory", "localtime", "posixrules"})


@cache
def country_codes() -> frozenset[str]:
    """All ISO 3166 alpha-2 codes."""
    return frozenset(row[0] for row in table("iso3166.tab"))


@cache
def zone_names() -> frozenset[str]:
    """All IANA time zone names that may be answered, the old spellings that browsers still report included."""
    return frozenset(available_timezones() - NOT_PLACES)


@cache
def country_options(language: str) -> tuple[tuple[str, str], ...]:
    """(code, name) of all countries, in the alphabetical order of the names in ``language``."""
    names = Locale.parse(locale_of(language)).territories
    pairs = [(code, names.get(code, code)) for code in country_codes()]
    return tuple(sorted(pairs, key=lambda pair: pair[1].casefold()))


@cache
def zone_options(language: str) -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
    """Time zones by part of the world: (name of the part, ((zone, country code, place), …)) in order."""
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for country, _, zone, *_ in table("zone.tab"):
        parts.setdefault(zone.split("/")[0], []).append((zone, country, _place(zone, language)))
    named = [
        (engine_texts().text(f"region.{part}", language), tuple(sorted(zones, key=lambda z: z[2].casefold())))
        for part, zones in parts.items()
    ]
    return (*sorted(named), ("UTC", (("UTC", "", "UTC"),)))


def allowed_values(field: Field) -> frozenset[str]:
    """What a field with choices may hold."""
    if field.options or field.kind in ("one_of", "some_of", "working_group"):
        return frozenset(option.value for option in field.options)
    return {"country": country_codes, "time_zone": zone_names}.get(field.kind, _language_codes)()


def options_of(field: Field, language: str) -> tuple[tuple[str, str], ...]:
    """(value, label in ``language``) of a field's choices; for time zones all names without a label of their own."""
    if field.options:
        return tuple((option.value, option.label.in_language(language)) for option in field.options)
    if field.kind == "country":
        return country_options(language)
    if field.kind == "time_zone":
        return tuple((zone, place) for _, zones in zone_options(language) for zone, _, place in zones)
    return tuple(LANGUAGE_NAMES.items()) if field.kind == "language" else ()


def _language_codes() -> frozenset[str]:
    return frozenset(LANGUAGE_NAMES)


def _place(zone: str, language: str) -> str:
    """The zone's city in ``language``; the rest of the IANA name when two zones would read alike."""
    middle = zone.split("/")[1:-1]
    city = get_timezone_location(zone, locale=locale_of(language), return_city=True)
    return f"{city} ({middle[0].replace('_', ' ')})" if middle else city
