"""Zones for people: the city of the event, with abbreviation and offset from UTC, in six languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfoNotFoundError, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.languages import LANGUAGES
from shared.i18n.when import UTC_NAMES, city_name, place_text, zone_name

WINTER, SUMMER = datetime(2020, 3, 4, 19, tzinfo=UTC), datetime(2020, 5, 11, 7, tzinfo=UTC)
MARKS = str.maketrans("", "", "\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}")


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "Geneva time (CET, UTC+1)"),
        ("fr", "heure de Genève (CET, UTC+1)"),
        ("es", "hora de Ginebra (CET, UTC+1)"),
        ("ar", "بتوقيت جنيف (CET، UTC+1)"),
        ("ru", "время: Женева (CET, UTC+1)"),
        ("zh", "日内瓦时间（CET，UTC+1）"),
    ],
)
def test_an_event_s_own_city_names_its_zone(language: str, name: str) -> None:
    assert zone_name(WINTER, "Europe/Zurich", language, "Geneva").translate(MARKS) == name


@pytest.mark.parametrize(
    ("instant", "zone", "language", "city", "name"),
    [
        (SUMMER, "Europe/Zurich", "en", "Geneva", "Geneva time (CEST, UTC+2)"),
        (SUMMER, "Europe/Zurich", "en", None, "Geneva time (CEST, UTC+2)"),
        (WINTER, "America/New_York", "en", None, "New York time (EST, UTC−5)"),
        (WINTER, "America/New_York", "ru", "", "время: Нью-Йорк (EST, UTC−5)"),
        (SUMMER, "America/New_York", "en", "Washington, D.C.", "Washington, D.C. time (EDT, UTC−4)"),
        (WINTER, "Asia/Kathmandu", "en", None, "Kathmandu time (UTC+5:45)"),
        (WINTER, "Europe/Zurich", "es", "Bern", "hora de Bern (CET, UTC+1)"),
        (WINTER, "Europe/Oslo", "fr", None, "heure d\N{RIGHT SINGLE QUOTATION MARK}Oslo (CET, UTC+1)"),
        (WINTER, "Africa/Addis_Ababa", "fr", None, "heure d\N{RIGHT SINGLE QUOTATION MARK}Addis-Abeba (EAT, UTC+3)"),
        (WINTER, "Africa/Cairo", "fr", None, "heure du Caire (EET, UTC+2)"),
        (WINTER, "Etc/UTC", "fr", "Geneva", "UTC"),
        (WINTER, "America/New_York", "en", "Geneva", "New York time (EST, UTC−5)"),
        (WINTER, "Europe/Zurich", "en", "Nairobi", "Geneva time (CET, UTC+1)"),
        (WINTER, "Africa/Kampala", "ru", "Nairobi", "время: Найроби (EAT, UTC+3)"),
        (WINTER, "America/New_York", "es", "new york", "hora de Nueva York (EST, UTC−5)"),
        (WINTER, "America/New_York", "fr", "Washington DC", "heure de Washington (EST, UTC−5)"),
    ],
)
def test_how_zones_are_called(instant: datetime, zone: str, language: str, city: str | None, name: str) -> None:
    assert zone_name(instant, zone, language, city) == name


def test_what_runs_left_to_right_is_set_apart_in_arabic_alone() -> None:
    assert "\N{FIRST STRONG ISOLATE}UTC+1\N{POP DIRECTIONAL ISOLATE}" in zone_name(WINTER, "Europe/Zurich", "ar")
    assert zone_name(WINTER, "America/New_York", "en", "Bern").replace("\N{MINUS SIGN}", "").isascii()
    assert "\N{FIRST STRONG ISOLATE}Köniz\N{POP DIRECTIONAL ISOLATE}" in zone_name(
        WINTER, "Europe/Zurich", "en", "Köniz"
    )


@given(st.sampled_from(sorted(available_timezones() - UTC_NAMES - {"Factory"})), st.sampled_from(LANGUAGES))
def test_every_zone_shows_its_offset_from_utc(zone: str, language: str) -> None:
    name = zone_name(WINTER, zone, language)
    assert ("UTC+" in name or "UTC−" in name, "{" in name) == (True, False)


@pytest.mark.parametrize(
    ("place", "city", "online", "language", "text"),
    [
        ("Room XX", "Geneva", "", "fr", "Room XX, Genève"),
        ("Room XX", "Geneva", "线上", "zh", "Room XX，日内瓦，线上"),
        (None, "Springfield", "Online", "en", "Springfield, Online"),
        ("", "", "В интернете", "ru", "В интернете"),
    ],
)
def test_place_names_the_city_in_the_language(
    place: str | None, city: str | None, online: str, language: str, text: str
) -> None:
    assert place_text(place, city, online, language) == text


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        zone_name(WINTER, "Europe/Geneva", "en", "Geneva")


@pytest.mark.parametrize("language", LANGUAGES)
def test_zone_of_geneva_is_not_called_zurich(language: str) -> None:
    """With and without the event's city: registration, programme, mails and console name the zone in the same way."""
    assert zone_name(WINTER, "Europe/Zurich", language) == zone_name(WINTER, "Europe/Zurich", language, "Geneva")
    assert city_name("Geneva", language) in zone_name(WINTER, "Europe/Zurich", language)
