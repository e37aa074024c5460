"""Local times at changes of summer time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.local_time import is_zone, to_local, to_utc
from shared.runtime.errors import DomainError

ZONES = st.sampled_from(["America/New_York", "Europe/Zurich", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_offset_is_that_of_the_day() -> None:
    assert to_utc(local("2020-03-04 14:00"), "America/New_York") == datetime(2020, 3, 4, 19, tzinfo=UTC)
    assert to_utc(local("2020-03-11 14:00"), "America/New_York") == datetime(2020, 3, 11, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "code"),
    [
        ("2020-03-08 02:30", "America/New_York", "time-skipped"),
        ("2020-03-29 02:00", "Europe/Zurich", "time-skipped"),
        ("2020-11-01 01:30", "America/New_York", "time-ambiguous"),
        ("2020-10-25 02:59", "Europe/Zurich", "time-ambiguous"),
        ("2020-04-05 01:45", "Australia/Lord_Howe", "time-ambiguous"),
        ("2020-01-01 12:00", "Europe/Nowhere", "unknown-time-zone"),
        ("2020-01-01 12:00", "Europe", "unknown-time-zone"),
    ],
)
def test_time_without_exactly_one_meaning_is_refused(text: str, zone: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        to_utc(local(text), zone)
    assert refused.value.code == code


def test_neighbours_of_a_change_are_fine() -> None:
    for text in ("2020-03-08 01:59", "2020-03-08 03:00", "2020-11-01 00:59", "2020-11-01 02:00"):
        assert to_local(to_utc(local(text), "America/New_York"), "America/New_York") == local(text)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), ZONES)  # noqa: DTZ001 - wall times
def test_accepted_time_comes_back(wall: datetime, zone: str) -> None:
    try:
        instant = to_utc(wall, zone)
    except DomainError as error:
        assert error.code in ("time-skipped", "time-ambiguous")  # noqa: PT017 - both answers are right
        return
    assert to_local(instant, zone) == wall


def test_zone_names_are_those_of_the_database() -> None:
    assert [is_zone(name) for name in ("Europe/Zurich", "", "/etc/passwd", "Mars/Base")] == [True, False, False, False]
