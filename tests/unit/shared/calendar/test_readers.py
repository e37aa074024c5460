"""Three calendars read the writer's output in the same way: icalendar, ical.js and ts-ics."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from shared.calendar.ics import CalendarEvent, Status, all_day_dates, write_file
from tests.support.calendar_readers import ReadEntry, Reader, calendar_readers

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and zone != "Etc/UTC")
EVENT = CalendarEvent(
    uid="one@example.org",
    sequence=0,
    stamped_at=datetime(2020, 2, 27, 15, tzinfo=UTC),
    starts_at=datetime(2020, 3, 4, 19, tzinfo=UTC),
    ends_at=None,
    time_zone="America/New_York",
    status="CONFIRMED",
    title="Webinar",
)


@pytest.fixture(scope="module")
def readers(browser: Browser) -> Mapping[str, Reader]:
    """Three calendars."""
    return calendar_readers(browser)


def expected(event: CalendarEvent) -> ReadEntry:
    """What a calendar should see of ``event``."""
    starts, ends = all_day_dates(event) or (event.starts_at, event.ends_at)
    alarms = () if event.alarm_minutes is None or event.status == "CANCELLED" else (-float(event.alarm_minutes),)
    return ReadEntry(None, event.uid, event.sequence, event.stamped_at, starts, ends, event.status, event.title, alarms)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2015, 1, 1), datetime(2036, 1, 1)),  # noqa: DTZ001 - any local time
    minutes=st.one_of(st.none(), st.integers(1, 60 * 24 * 40)),
    whole_days=st.integers(0, 30),
    sequence=st.integers(0, 500),
    alarm=st.one_of(st.none(), st.integers(0, 40_320)),
    status=st.sampled_from(["TENTATIVE", "CONFIRMED", "CANCELLED"]),
    title=st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=120),
)
def test_readers_agree_with_what_was_written(
    readers: Mapping[str, Reader],
    zone: str,
    start: datetime,
    minutes: int | None,
    whole_days: int,
    sequence: int,
    alarm: int | None,
    status: Status,
    title: str,
) -> None:
    starts_at = start.replace(tzinfo=UTC, microsecond=0)
    ends_at = None if minutes is None else starts_at + timedelta(minutes=minutes)
    if whole_days:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
        zone, starts_at, ends_at = "Etc/UTC", midnight, midnight + timedelta(days=whole_days)
    event = replace(
        EVENT,
        time_zone=zone,
        starts_at=starts_at,
        ends_at=ends_at,
        sequence=sequence,
        alarm_minutes=alarm,
        status=status,
        title=f"t{title}t",
    )
    content = write_file(event, "Test").decode()
    for name, read in readers.items():
        assert (name, read([content])) == (name, [expected(event)])
