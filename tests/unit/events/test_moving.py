"""Moving a folder's dates: whole weeks, and clocks on the wall show the same time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deploy
from services.events.event.lifecycle import postpone
from services.events.event.model import Event, EventStatus
from services.events.loading.folder import Loaded, moved, read_folder, time_to_next
from services.events.local_time import to_local
from shared.runtime.errors import SettingsError
from tests.unit.events.builders import HOUR, START, an_event

SAMPLE = Path(deploy.__file__).parent / "samples" / "upr2020"
WEDNESDAY = 2
WEEK = timedelta(weeks=1)


def only(event: Event) -> Loaded:
    return Loaded((), (), (event,), ())


def wall(event: Event) -> datetime:
    assert event.starts_at is not None
    return to_local(event.starts_at, event.time_zone)


@pytest.mark.parametrize(
    ("now", "weeks"),
    [
        ("2020-03-03T12:00:00+00:00", 0),
        ("2020-03-04T12:00:00+00:00", 1),
        ("2020-03-05T03:00:00+00:00", 1),
        ("2020-03-04T04:59:00+00:00", 0),
        ("2020-02-26T12:00:00+00:00", 0),
        ("2020-02-25T12:00:00+00:00", -1),
        ("2026-11-24T12:00:00+00:00", 351),
    ],
)
def test_next_wednesday_is_after_today_where_the_event_is(now: str, weeks: int) -> None:
    loaded = only(an_event())
    assert time_to_next(loaded, "upr-webinar-10", WEDNESDAY, datetime.fromisoformat(now)) == weeks * WEEK


@settings(max_examples=20)
@given(st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_moved_scenario_is_ahead_and_keeps_wall_times_and_distances(now: datetime) -> None:
    loaded = read_folder(SAMPLE)
    after = moved(loaded, time_to_next(loaded, "upr-webinar-10", WEDNESDAY, now))
    webinar = after.events[0]
    today = to_local(now, webinar.time_zone).date()
    assert timedelta() < wall(webinar).date() - today <= WEEK
    by = wall(webinar) - wall(loaded.events[0])
    for old, new in zip(loaded.events, after.events, strict=True):
        assert replace(new, starts_at=old.starts_at, ends_at=old.ends_at) == old
        if old.starts_at is not None:
            assert wall(new) == wall(old) + by
    assert after == read_folder(SAMPLE, by)


def test_hour_on_the_wall_stays_over_summer_time() -> None:
    event = moved(only(an_event()), WEEK).events[0]
    assert event.starts_at == START + WEEK - HOUR
    assert (wall(event).hour, event.revision) == (14, 1)


def test_remembered_date_is_moved_too() -> None:
    event = moved(only(postpone(an_event())), WEEK).events[0]
    assert (event.starts_at, event.last_starts_at) == (None, START + WEEK - HOUR)


def test_move_to_a_time_that_clocks_skip_is_refused() -> None:
    night = datetime(2020, 3, 1, 7, 30, tzinfo=UTC)
    with pytest.raises(SettingsError) as refused:
        moved(only(an_event(starts_at=night, ends_at=night + 2 * HOUR)), WEEK)
    assert refused.value.problems == [
        "events.yaml: upr-webinar-10: moved by 7 days: 02:30 on 2020-03-08 in America/New_York does not exist: "
        "clocks go forward over it; choose another time"
    ]


def test_move_by_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="whole days"):
        moved(only(an_event()), HOUR)


@pytest.mark.parametrize(
    ("event", "weekday"),
    [(an_event(id="another"), WEDNESDAY), (an_event(EventStatus.DRAFT), WEDNESDAY), (an_event(), WEDNESDAY + 1)],
)
def test_event_to_move_by_must_be_there_on_its_weekday(event: Event, weekday: int) -> None:
    with pytest.raises(SettingsError):
        time_to_next(only(event), "upr-webinar-10", weekday, START)
