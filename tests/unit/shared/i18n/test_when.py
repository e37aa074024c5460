"""Dates and ranges for people, in six languages; the same period reads the same everywhere."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.languages import LANGUAGES
from shared.i18n.when import Period, compact_lines, day_text, hours_text, time_lines

COUNCIL = Period(datetime(2020, 2, 24, 8, tzinfo=UTC), datetime(2020, 3, 20, 17, tzinfo=UTC), "Europe/Zurich", "Geneva")
"""The 43rd session of the Human Rights Council."""

WEBINAR = Period(datetime(2020, 3, 4, 19, tzinfo=UTC), datetime(2020, 3, 4, 20, 30, tzinfo=UTC), "America/New_York")
MARKS = str.maketrans({"\u2066": None, "\u2067": None, "\u2068": None, "\u2069": None, "\u00a0": " ", "\u202f": " "})
RIGHT_TO_LEFT_ISOLATE, POP = "\u2067", "\u2069"


def lines(period: Period, language: str, own_zone: str = "") -> list[str]:
    """Without what the eye does not see."""
    return [line.text.translate(MARKS) for line in time_lines(period, language, own_zone)]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            "en",
            "From Monday 24 February 2020, 3:00 AM New York time (EST, UTC−5) "
            "to Friday 20 March 2020, 1:00 PM New York time (EDT, UTC−4)",
        ),
        (
            "fr",
            "Du lundi 24 février 2020 à 03:00, heure de New York (EST, UTC−5) "
            "au vendredi 20 mars 2020 à 13:00, heure de New York (EDT, UTC−4)",
        ),
        (
            "es",
            "Desde el lunes 24 de febrero de 2020, 3:00, hora de Nueva York (EST, UTC−5) "
            "hasta el viernes 20 de marzo de 2020, 13:00, hora de Nueva York (EDT, UTC−4)",
        ),
        (
            "ar",
            "من الاثنين، 24 فبراير 2020، 3:00 ص بتوقيت نيويورك (EST، UTC−5) "
            "إلى الجمعة، 20 مارس 2020، 1:00 م بتوقيت نيويورك (EDT، UTC−4)",
        ),
        (
            "ru",
            "С 24 февраля 2020 г. (понедельник), 03:00, время: Нью-Йорк (EST, UTC−5) "
            "до 20 марта 2020 г. (пятница), 13:00, время: Нью-Йорк (EDT, UTC−4)",
        ),
        (
            "zh",
            "自2020年2月24日星期一 03:00，纽约时间（EST，UTC−5），至2020年3月20日星期五 13:00，纽约时间（EDT，UTC−4）",
        ),
    ],
)
def test_range_of_days_is_a_sentence_that_names_the_zone_at_each_end(language: str, sentence: str) -> None:
    assert lines(COUNCIL, language, "America/New_York")[1] == sentence


def test_own_zone_comes_first_then_the_reader_s_then_utc() -> None:
    assert lines(COUNCIL, "en", "America/New_York") == [
        "From Monday 24 February 2020, 9:00 AM Geneva time (CET, UTC+1) "
        "to Friday 20 March 2020, 6:00 PM Geneva time (CET, UTC+1)",
        "From Monday 24 February 2020, 3:00 AM New York time (EST, UTC−5) "
        "to Friday 20 March 2020, 1:00 PM New York time (EDT, UTC−4)",
        "From Monday 24 February 2020, 8:00 AM UTC to Friday 20 March 2020, 5:00 PM UTC",
    ]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Wednesday 4 March 2020 · 2:00 – 3:30 PM · New York time (EST, UTC−5)"),
        ("fr", "mercredi 4 mars 2020 · 14:00 – 15:30 · heure de New York (EST, UTC−5)"),
        ("es", "miércoles 4 de marzo de 2020 · 14:00–15:30 · hora de Nueva York (EST, UTC−5)"),
        ("ar", "الأربعاء، 4 مارس 2020 · 2:00–3:30 م · بتوقيت نيويورك (EST، UTC−5)"),
        ("ru", "среда, 4 марта 2020 г. · 14:00–15:30 · время: Нью-Йорк (EST, UTC−5)"),
        ("zh", "2020年3月4日星期三 · 14:00–15:30 · 纽约时间（EST，UTC−5）"),
    ],
)
def test_hours_of_one_day_name_the_zone_once(language: str, line: str) -> None:
    assert lines(WEBINAR, language)[0] == line


@pytest.mark.parametrize(
    ("language", "first", "eleventh"),
    [
        ("fr", "vendredi 1er mai 2020", "lundi 11 mai 2020"),
        ("es", "viernes 1 de mayo de 2020", "lunes 11 de mayo de 2020"),
    ],
)
def test_french_counts_the_first_of_a_month_alone_as_an_ordinal(language: str, first: str, eleventh: str) -> None:
    assert (day_text(date(2020, 5, 1), language), day_text(date(2020, 5, 11), language)) == (first, eleventh)


def test_first_of_a_month_in_a_french_range() -> None:
    period = Period(datetime(2020, 5, 1, 8, tzinfo=UTC), datetime(2020, 6, 1, 8, tzinfo=UTC), "UTC")
    assert lines(period, "fr") == ["Du vendredi 1er mai 2020 à 08:00 UTC au lundi 1er juin 2020 à 08:00 UTC"]


def test_utc_names_its_day_where_it_is_alone_or_is_another_day() -> None:
    local, utc = time_lines(WEBINAR, "en")
    assert (utc.text.translate(MARKS), utc.beside(local).translate(MARKS)) == (
        "Wednesday 4 March 2020 · 7:00 – 8:30 PM UTC",
        "7:00 – 8:30 PM UTC",
    )
    late = Period(datetime(2020, 3, 5, 1, tzinfo=UTC), datetime(2020, 3, 5, 2, tzinfo=UTC), "America/New_York")
    local, utc = time_lines(late, "en")
    assert utc.beside(local).translate(MARKS) == "Thursday 5 March 2020 · 1:00 – 2:00 AM UTC"


def test_hours_across_a_change_of_the_clock_are_a_sentence() -> None:
    night = Period(datetime(2020, 3, 8, 6, 30, tzinfo=UTC), datetime(2020, 3, 8, 7, 30, tzinfo=UTC), "America/New_York")
    assert lines(night, "en")[0] == (
        "From Sunday 8 March 2020, 1:30 AM New York time (EST, UTC−5) "
        "to Sunday 8 March 2020, 3:30 AM New York time (EDT, UTC−4)"
    )


def test_zone_of_the_reader_is_shown_if_it_differs_at_either_end() -> None:
    """Between the changes of the clock in America and in Europe, New York and Geneva are five hours apart, not six."""
    assert len(time_lines(COUNCIL, "en", "Africa/Algiers")) == 2, "UTC+1 as Geneva, from the first day to the last"
    until_summer = Period(COUNCIL.starts_at, datetime(2020, 4, 3, 16, tzinfo=UTC), "Europe/Zurich")
    assert len(time_lines(until_summer, "en", "Africa/Algiers")) == 3


@pytest.mark.parametrize("zone", ["", "Europe/Geneva", "../etc/passwd", "America"])
def test_unknown_zone_of_the_reader_is_left_out(zone: str) -> None:
    assert [line.whose for line in time_lines(WEBINAR, "en", zone)] == ["event", "utc"]


@pytest.mark.parametrize("period", [COUNCIL, WEBINAR], ids=["days", "hours"])
def test_arabic_runs_right_to_left_in_any_context(period: Period) -> None:
    for line in time_lines(period, "ar"):
        for part in line.parts:
            assert (part[0], part[-1]) == (RIGHT_TO_LEFT_ISOLATE, POP)
    for text in (day_text(period.starts_at, "ar"), hours_text(period, "ar")):
        assert (text[0], text[-1]) == (RIGHT_TO_LEFT_ISOLATE, POP)
    assert all(mark not in text for mark in (RIGHT_TO_LEFT_ISOLATE, POP) for text in lines(period, "fr"))


def test_compact_lines_name_a_zone_for_each_end_where_it_changes() -> None:
    seen = Period(COUNCIL.starts_at, COUNCIL.ends_at, "America/New_York")
    found = compact_lines(seen)
    assert found is not None
    assert [text.translate(MARKS) for text in (found.local, found.zone, found.utc)] == [
        "Mon 24 Feb 2020, 03:00 New York time (EST, UTC−5) to Fri 20 Mar 2020, 13:00 New York time (EDT, UTC−4)",
        "",
        "Mon 24 Feb 2020, 08:00 to Fri 20 Mar 2020, 17:00 UTC",
    ]


@given(
    start=st.datetimes(datetime(2019, 1, 1), datetime(2031, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(0, 90_000),
    zone=st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})),
    language=st.sampled_from(LANGUAGES),
)
def test_every_offset_that_a_line_names_is_the_one_at_that_end(
    start: datetime, minutes: int, zone: str, language: str
) -> None:
    starts_at = start.replace(tzinfo=UTC, second=0, microsecond=0)
    period = Period(starts_at, starts_at + timedelta(minutes=minutes), zone)
    local = time_lines(period, language)[0].text
    expected = [instant.astimezone(ZoneInfo(zone)) for instant in (starts_at, starts_at + timedelta(minutes=minutes))]
    offsets = [re.sub(r"[−+]", "", part) for part in re.findall(r"UTC([−+][\d:]+)", local)]
    wanted = [
        f"{abs(seconds) // 3600}" + (f":{abs(seconds) % 3600 // 60:02}" if abs(seconds) % 3600 // 60 else "")
        for seconds in (int((end.utcoffset() or timedelta()).total_seconds()) for end in expected)
    ]
    assert offsets in ([], wanted[:1], wanted)
    if len(offsets) == 1:
        assert wanted[0] == wanted[1]
