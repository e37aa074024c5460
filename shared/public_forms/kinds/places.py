"""Choices that no definition has to repeat: countries, time zones, languages.

Codes come from the time zone database (ISO 3166 and IANA names), names from the CLDR by way of Babel.
"""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from babel.dates import get_timezone_location

from shared.i18n.languages import LANGUAGE_NAMES, locale_of
from shared.i18n.zones import table
from shared.public_forms.fields import Field, FieldKind, Widget
from shared.public_forms.kinds.behaviours import cell_as_is, encode_text, no_choices, no_initial, no_limits, parse_text
from shared.public_forms.kinds.choices import labels_of, one_of, one_of_schema, select
from shared.public_forms.texts import engine_texts

NOT_PLACES = frozenset({"Factory", "localtime", "posixrules"})


@cache
def country_codes() -> frozenset[str]:
    """Return all ISO 3166 alpha-2 codes."""
    return frozenset(row[0] for row in table("iso3166.tab"))


@cache
def zone_names() -> frozenset[str]:
    """Return all IANA names of time zones, the old spellings that browsers still report included."""
    return frozenset(available_timezones() - NOT_PLACES)


@cache
def country_options(language: str) -> tuple[tuple[str, str], ...]:
    """Return (code, name) of all countries, in the alphabetical order of the names in ``language``."""
    names = Locale.parse(locale_of(language)).territories
    pairs = [(code, names.get(code, code)) for code in country_codes()]
    return tuple(sorted(pairs, key=lambda pair: pair[1].casefold()))


@cache
def zone_options(language: str) -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
    """Return the time zones by part of the world: (name of the part, ((zone, country code, place), …)) in order."""
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for country, _, zone, *_ in table("zone.tab"):
        parts.setdefault(zone.split("/")[0], []).append((zone, country, _place(zone, language)))
    named = [
        (engine_texts().text(f"region.{part}", language), tuple(sorted(zones, key=lambda z: z[2].casefold())))
        for part, zones in parts.items()
    ]
    return (*sorted(named), ("UTC", (("UTC", "", "UTC"),)))


def _place(zone: str, language: str) -> str:
    """The zone's city in ``language``; the rest of the IANA name when two zones would read alike."""
    middle = zone.split("/")[1:-1]
    city = get_timezone_location(zone, locale=locale_of(language), return_city=True)
    return f"{city} ({middle[0].replace('_', ' ')})" if middle else city


def _is_country(field: Field, wanted: str | bool) -> bool:
    return wanted in country_codes()


def _is_zone(field: Field, wanted: str | bool) -> bool:
    return wanted in zone_names()


def _is_language(field: Field, wanted: str | bool) -> bool:
    return wanted in LANGUAGE_NAMES


def _schema_country(field: Field) -> dict[str, Any]:
    return one_of_schema(field, country_codes())


def _schema_zone(field: Field) -> dict[str, Any]:
    return {"type": "string", "maxLength": 60}


def _schema_language(field: Field) -> dict[str, Any]:
    return one_of_schema(field, LANGUAGE_NAMES)


def _zones(field: Field) -> Widget:
    return Widget("zones.html", {})


def _languages(field: Field) -> Widget:
    return Widget("select.html", {}, native_labels=True)


def _countries(field: Field, language: str) -> tuple[tuple[str, str], ...]:
    return country_options(language)


def _language_names(field: Field, language: str) -> tuple[tuple[str, str], ...]:
    return tuple(LANGUAGE_NAMES.items())


def _page_language(language: str) -> str:
    """Who reads a page in a language probably wants mails in it."""
    return language


def _display_country(field: Field, answer: Any, language: str) -> str:
    return labels_of(answer, country_options(language), ", ")


def _display_zone(field: Field, answer: Any, language: str) -> str:
    return str(answer).replace("_", " ")


def _display_language(field: Field, answer: Any, language: str) -> str:
    return LANGUAGE_NAMES.get(str(answer), str(answer))


COUNTRY = FieldKind(
    name="country", data_type="text", parse=parse_text, encode=encode_text,
    options="built-in", max_length=None, accepts_limit=no_limits,
    can_equal=_is_country, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=one_of(lambda _field: country_codes()), json_schema=_schema_country, widget=select,
    choices=_countries, initial=no_initial, display=_display_country, cell=cell_as_is,
)  # fmt: skip

TIME_ZONE = FieldKind(
    name="time_zone", data_type="text", parse=parse_text, encode=encode_text,
    options="built-in", max_length=None, accepts_limit=no_limits,
    can_equal=_is_zone, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=one_of(lambda _field: zone_names()), json_schema=_schema_zone, widget=_zones,
    choices=no_choices, initial=no_initial, display=_display_zone, cell=cell_as_is,
)  # fmt: skip

LANGUAGE = FieldKind(
    name="language", data_type="text", parse=parse_text, encode=encode_text,
    options="built-in", max_length=None, accepts_limit=no_limits,
    can_equal=_is_language, ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=one_of(lambda _field: LANGUAGE_NAMES), json_schema=_schema_language, widget=_languages,
    choices=_language_names, initial=_page_language, display=_display_language, cell=cell_as_is,
)  # fmt: skip
