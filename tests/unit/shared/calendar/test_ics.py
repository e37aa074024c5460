"""The iCalendar writer's output, read back by an independent parser."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]  # comes with icalendar, without types
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from shared.calendar.entries import personal_key, personal_uid, public_uid, sequence_of
from shared.calendar.ics import (
    CalendarEvent,
    Feed,
    clean,
    subscription_links,
    vtimezone,
    write_feed,
    write_file,
    write_invitation,
)

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and zone != "Etc/UTC")
WEBINAR = CalendarEvent(
    uid="one@example.org",
    sequence=0,
    stamped_at=datetime(2020, 2, 27, 15, tzinfo=UTC),
    starts_at=datetime(2020, 3, 4, 19, tzinfo=UTC),
    ends_at=datetime(2020, 3, 4, 20, tzinfo=UTC),
    time_zone="America/New_York",
    status="CONFIRMED",
    title="Webinar",
)
FEED = Feed("Programme", "en", "https://register.example.org/calendar/all.ics?lang=en")


def feed(*events: CalendarEvent) -> bytes:
    return write_feed(FEED, "Test", events)


def properties(content: bytes) -> list[dict[str, str]]:
    """Unfolded properties of each VEVENT, by name with parameters."""
    entries: list[dict[str, str]] = []
    for line in content.decode().replace("\r\n ", "").split("\r\n"):
        if line == "BEGIN:VEVENT":
            entries.append({})
        elif entries:
            name, _, value = line.partition(":")
            entries[-1].setdefault(name, value)
    return entries


def instant_of(entry: dict[str, str], name: str, zones: Any) -> datetime:
    """The instant of a property, by the zones that the file defines and no others."""
    for key, value in entry.items():
        if key == name:
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if key.startswith(f"{name};TZID="):
            local = datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=zones.get(key.partition("=")[2]))
            return local.astimezone(UTC)
    raise AssertionError(f"no {name} in {entry}")


@pytest.mark.parametrize(
    ("zone", "start", "utc"),
    [
        ("America/New_York", "2027-11-07T01:30:00-05:00", "20271107T063000Z"),
        ("America/New_York", "2027-11-07T01:30:00-04:00", "20271107T053000Z"),
        ("Europe/Zurich", "2020-10-25T02:30:00+01:00", "20201025T013000Z"),
    ],
)
def test_instant_in_the_repeated_hour_is_written_in_utc(zone: str, start: str, utc: str) -> None:
    starts_at = datetime.fromisoformat(start)
    event = replace(WEBINAR, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), time_zone=zone)
    (entry,) = properties(write_invitation(event, "Test", "REQUEST"))
    assert entry["DTSTART"] == utc
    assert entry["DTEND"] == f"{starts_at.astimezone(UTC) + timedelta(hours=2):%Y%m%dT%H%M%SZ}"


@given(
    zone=st.sampled_from(ZONES),
    starts=st.lists(st.datetimes(datetime(1995, 1, 1), datetime(2036, 1, 1)), min_size=1, max_size=6),  # noqa: DTZ001
    days=st.integers(0, 60),
)
def test_every_instant_is_read_back_from_the_file_alone(zone: str, starts: list[datetime], days: int) -> None:
    """Any zone, any years, one file: also where a country changes its rules between two events."""
    lasting = timedelta(days=days, minutes=45)
    events = [
        replace(WEBINAR, uid=f"{number}", starts_at=start, ends_at=start + lasting, time_zone=zone)
        for number, start in enumerate(found.replace(tzinfo=UTC, microsecond=0) for found in starts)
    ]
    content = feed(*events)
    zones = tzical(io.StringIO(content.decode())) if b"VTIMEZONE" in content else None
    read = [tuple(instant_of(entry, name, zones) for name in ("DTSTART", "DTEND")) for entry in properties(content)]
    assert read == [(event.starts_at, event.ends_at) for event in events]


@given(zone=st.sampled_from(ZONES), instant=st.datetimes(datetime(1995, 1, 1), datetime(2036, 1, 1)))  # noqa: DTZ001
def test_zone_is_defined_by_what_outlook_reads(zone: str, instant: datetime) -> None:
    """At most one STANDARD and one DAYLIGHT with a rule, and no RDATE (MS-STANOICAL, on RFC 5545 section 3.6.5)."""
    text = vtimezone(ZoneInfo(zone), instant.replace(tzinfo=UTC)).decode()
    assert "RDATE" not in text
    assert text.count("BEGIN:STANDARD") + text.count("BEGIN:DAYLIGHT") <= 2
    assert text.count("RRULE") in (0, 2)


def test_events_of_many_years_share_one_definition() -> None:
    later = replace(WEBINAR, uid="two", starts_at=datetime(2029, 7, 4, 19, tzinfo=UTC), ends_at=None)
    content = feed(later, WEBINAR)
    assert content.count(b"BEGIN:VTIMEZONE") == 1
    assert content.count(b"DTSTART;TZID=America/New_York:") == 2


def test_zone_has_one_yearly_rule_for_each_change() -> None:
    text = vtimezone(ZoneInfo("Europe/Zurich"), datetime(2020, 3, 4, tzinfo=UTC)).decode()
    assert text.split("\r\n")[:-1] == [
        "BEGIN:VTIMEZONE",
        "TZID:Europe/Zurich",
        "BEGIN:STANDARD",
        "DTSTART:20191027T030000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
        "TZNAME:CET",
        "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100",
        "END:STANDARD",
        "BEGIN:DAYLIGHT",
        "DTSTART:20200329T020000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "TZNAME:CEST",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
        "END:DAYLIGHT",
        "END:VTIMEZONE",
    ]


WRITTEN = (
    "Agenda:\n1. https://example.org/brief?a=1&b=2\n2. questions to team@example.org; all, welcome\n\n"
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937 " + "more " * 300
).strip()


@pytest.mark.parametrize("location", ["Room XX, example.org", "S:\\New\\notes\\\\N; a\\,b"])
def test_what_a_coordinator_wrote_is_read_back_unchanged(location: str) -> None:
    event = replace(WEBINAR, title="Meet us at team.example.org", description=WRITTEN, location=location)
    (entry,) = Calendar.from_ical(feed(event)).walk("VEVENT")
    assert [str(entry[name]) for name in ("SUMMARY", "DESCRIPTION", "LOCATION")] == [
        event.title,
        WRITTEN,
        event.location,
    ]


def test_what_no_calendar_may_hold_is_left_out() -> None:
    assert clean("a\x00b\x1bc\ud800d\u2028e\r\nf\rg\th") == "abcd\ne\nf\ng\th"


@given(text=st.text())
def test_any_text_leaves_one_entry_with_the_same_properties(text: str) -> None:
    event = replace(WEBINAR, title=f"t{text}", description=f"d{text}", location=f"l{text}", category=f"c{text}")
    content = feed(event)
    (entry,) = Calendar.from_ical(content).walk("VEVENT")
    assert sorted(entry.keys()) == sorted(
        ["UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "STATUS", "SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES"]
    )
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    assert content.decode().splitlines() == content.decode().split("\r\n")[:-1], "no other line break is in the file"


def test_feed_has_its_name_its_language_and_its_address() -> None:
    lines = feed(WEBINAR).decode().replace("\r\n ", "").split("\r\n")
    assert {
        "NAME;LANGUAGE=en:Programme",
        "X-WR-CALNAME:Programme",
        f"SOURCE;VALUE=URI:{FEED.address}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    } <= set(lines)


def test_feed_is_subscribed_to_by_webcal() -> None:
    assert subscription_links("/calendar/all.ics", "fr", "https://register.example.org") == (
        "webcal://register.example.org/calendar/all.ics?lang=fr",
        "/calendar/all.ics?lang=fr",
    )


def test_whole_days_are_dates_that_no_zone_shifts() -> None:
    """From the start of 24 February to the end of 20 March in Geneva; DTEND is exclusive (RFC 5545, 3.6.1)."""
    starts_at, ends_at = datetime(2020, 2, 23, 23, tzinfo=UTC), datetime(2020, 3, 20, 23, tzinfo=UTC)
    content = write_file(replace(WEBINAR, starts_at=starts_at, ends_at=ends_at, time_zone="Europe/Zurich"), "Test")
    (entry,) = properties(content)
    assert {name: entry[name] for name in entry if name.startswith("DT") and name != "DTSTAMP"} == {
        "DTSTART;VALUE=DATE": "20200224",
        "DTEND;VALUE=DATE": "20200321",
    }
    assert b"VTIMEZONE" not in content


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("2020-02-24T00:00:00+01:00", "2020-03-20T18:00:00+01:00", "Europe/Zurich"),
        ("2020-02-24T00:00:00+00:00", "2020-02-25T00:00:00+00:00", "Europe/Zurich"),
        ("2020-02-24T00:00:00+01:00", "", "Europe/Zurich"),
    ],
)
def test_event_with_hours_is_not_written_as_days(start: str, end: str, zone: str) -> None:
    ends_at = datetime.fromisoformat(end) if end else None
    event = replace(WEBINAR, starts_at=datetime.fromisoformat(start), ends_at=ends_at, time_zone=zone)
    assert b"VALUE=DATE:" not in write_file(event, "Test")


def test_file_of_one_event_asks_for_no_answer() -> None:
    content = write_file(WEBINAR, "Test")
    assert b"METHOD" not in content
    assert b"VALARM" not in content
    (entry,) = properties(content)
    assert (entry["UID"], entry["SEQUENCE"], entry["STATUS"]) == ("one@example.org", "0", "CONFIRMED")


@pytest.mark.parametrize(("minutes", "trigger"), [(0, timedelta()), (30, timedelta(minutes=-30))])
def test_alarm_goes_off_before_the_start(minutes: int, trigger: timedelta) -> None:
    event = replace(WEBINAR, alarm_minutes=minutes, title="Webinar; with, signs")
    found: list[Any] = Calendar.from_ical(write_invitation(event, "Test", "REQUEST")).walk("VALARM")
    (alarm,) = found
    assert (str(alarm["ACTION"]), alarm["TRIGGER"].dt) == ("DISPLAY", trigger)
    assert str(alarm["DESCRIPTION"]) == "Webinar; with, signs"


def test_cancelled_event_has_no_alarm() -> None:
    event = replace(WEBINAR, alarm_minutes=30, status="CANCELLED")
    assert b"VALARM" not in write_invitation(event, "Test", "CANCEL")


def test_entry_is_one_for_each_person_and_event() -> None:
    people, events = [f"{number:064x}" for number in range(3)], ("upr-review", "upr-webinar-10")
    found = {personal_key(person, event) for person in people for event in events}
    assert len(found) == 6
    assert personal_key(people[0], events[0]) == "be7c2d415c22b8247c4fd03a53ceac7f"
    assert all(len(key) == 32 for key in found)


def test_uid_ends_with_the_host_of_the_system() -> None:
    assert personal_uid("a1", "https://Register.example.org:8443/x") == "a1@register.example.org"
    assert public_uid("upr-review", "https://register.example.org") == "event-upr-review@register.example.org"


@given(event=st.integers(1, 1000), person=st.integers(1, 1000), more=st.integers(1, 50))
def test_sequence_rises_strictly_with_either_revision(event: int, person: int, more: int) -> None:
    assert sequence_of(1, 1) == 0
    assert sequence_of(event + more, person) > sequence_of(event, person)
    assert sequence_of(event, person + more) > sequence_of(event, person)
