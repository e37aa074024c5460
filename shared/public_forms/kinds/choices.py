"""Choices: one or some of a list, working groups, countries, time zones, languages.

Codes come from the time zone database (ISO 3166 and IANA names), names from the CLDR by way of Babel.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from babel.dates import get_timezone_location
from marshmallow import ValidationError

from shared.i18n.languages import LANGUAGE_NAMES, locale_of
from shared.i18n.when import table
from shared.public_forms.fields import (
    Check,
    Field,
    FieldKind,
    Widget,
    cell_as_is,
    encode_text,
    engine_texts,
    no_choices,
    no_initial,
    no_limits,
    parse_text,
)

MAX_RADIOS = 6
"""With more choices than this a list to open is easier to use than buttons."""


def one_of(values: Callable[[Field], Collection[str]]) -> Callable[[Field], Check]:
    """Return what makes the check of a field that holds one of ``values``."""

    def make(field: Field) -> Check:
        allowed = values(field)

        def check(raw: Any) -> str | None:
            if not isinstance(raw, str) or (raw and raw not in allowed):
                raise ValidationError("not-a-choice")
            return raw or None

        return check

    return make


def one_of_schema(field: Field, values: Collection[str]) -> dict[str, Any]:
    """Return the JSON Schema of one of ``values``; an optional one may be empty or null."""
    return {"type": "string", "enum": [*sorted(values), *(() if field.required else ("", None))]}


def labels_of(answer: Any, choices: Sequence[tuple[str, str]], separator: str) -> str:
    """Return the labels of one or several chosen values; a value without a label is its own label."""
    labels = dict(choices)
    return separator.join(
        labels.get(str(value), str(value)) for value in (answer if isinstance(answer, list) else [answer])
    )


def select(field: Field) -> Widget:
    """Return a list to open."""
    return Widget("select.html", {})


def _values(field: Field) -> list[str]:
    return [option.value for option in field.options]


def _can_equal(field: Field, wanted: str | bool) -> bool:
    return wanted in _values(field)


def _can_equal_group(field: Field, wanted: str | bool) -> bool:
    """Which groups there are is not known when a definition is read."""
    return isinstance(wanted, str) and (not field.options or wanted in _values(field))


def _check_some_of(field: Field) -> Check:
    order = _values(field)
    allowed = frozenset(order)

    def check(raw: Any) -> list[str] | None:
        if not isinstance(raw, list) or len(raw) > len(order):
            raise ValidationError("not-a-choice")
        if not all(isinstance(value, str) and value in allowed for value in raw):
            raise ValidationError("not-a-choice")
        return [value for value in order if value in raw] or None

    return check


def _schema_one_of(field: Field) -> dict[str, Any]:
    return one_of_schema(field, _values(field))


def _schema_some_of(field: Field) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": sorted(_values(field))}, "uniqueItems": True}


def _radios(field: Field) -> Widget:
    return Widget("choices.html", {"type": "radio"}) if len(field.options) <= MAX_RADIOS else select(field)


def _boxes(field: Field) -> Widget:
    return Widget("choices.html", {"type": "checkbox"})


def _choices(field: Field, language: str) -> tuple[tuple[str, str], ...]:
    return tuple((option.value, option.label.in_language(language)) for option in field.options)


def _display(field: Field, answer: Any, language: str) -> str:
    return labels_of(answer, _choices(field, language), ", ")


def _cell(field: Field, answer: Any) -> str:
    return labels_of(answer, _choices(field, "en"), "; ")


ONE_OF = FieldKind(
    name="one_of", data_type="text", parse=parse_text, encode=encode_text,
    options="listed", max_length=None, accepts_limit=no_limits, can_equal=_can_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=one_of(_values), json_schema=_schema_one_of, widget=_radios,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip

SOME_OF = FieldKind(
    name="some_of", data_type="list", parse=parse_text, encode=encode_text,
    options="listed", max_length=None, accepts_limit=no_limits, can_equal=_can_equal,
    ordered=False, sealing="by-choice", autocomplete="", is_consent=False,
    check=_check_some_of, json_schema=_schema_some_of, widget=_boxes,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip

WORKING_GROUP = FieldKind(
    name="working_group", data_type="text", parse=parse_text, encode=encode_text,
    options="offered", max_length=None, accepts_limit=no_limits, can_equal=_can_equal_group,
    ordered=False, sealing="never", autocomplete="", is_consent=False,
    check=one_of(_values), json_schema=_schema_one_of, widget=select,
    choices=_choices, initial=no_initial, display=_display, cell=_cell,
)  # fmt: skip


FURTHER_CITIES = {
    "Europe/Zurich": {
        "en": "Geneva", "fr": "Genève", "es": "Ginebra", "ar": "جنيف", "ru": "Женева", "zh": "日内瓦",
    },
}  # fmt: skip
"""Cities that people look for and that give no IANA zone its name, by zone and language."""

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
    """Return the time zones by region of the world: (name of the region, ((zone, country code, place), …)) in order."""
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for country, _, zone, *_ in table("zone.tab"):
        parts.setdefault(zone.split("/")[0], []).append((zone, country, _place(zone, language)))
    named = [
        (engine_texts().text(f"region.{part}", language), tuple(sorted(zones, key=lambda z: z[2].casefold())))
        for part, zones in parts.items()
    ]
    return (*sorted(named), ("UTC", (("UTC", "", "UTC"),)))


def _place(zone: str, language: str) -> str:
    """The zone's city in ``language``, with the middle of the IANA name in brackets unless the name says where it is.

    Where the CLDR has no name for a city, Babel returns all that follows the first slash of the IANA name.
    """
    middle = " ".join(zone.split("/")[1:-1]).replace("_", " ")
    city = get_timezone_location(zone, locale=locale_of(language), return_city=True).rpartition("/")[2]
    if zone in FURTHER_CITIES:
        return f"{city} ({FURTHER_CITIES[zone][language]})"
    return city if middle in city or city.endswith(")") else f"{city} ({middle})"


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
