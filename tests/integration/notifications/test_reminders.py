"""Reminders come in time or not at all, once for each start, and follow the event when it moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notifications.usecases.plan_reminders import plan_reminders
from shared.core.ids import new_id
from shared.process.runner import Stop
from tests.integration.notifications.office import EVENT, Office
from tests.support.smtp_relay import Relay

START = datetime(2020, 3, 4, 19, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def reminders(office: Office) -> list[tuple[str, str]]:
    """Kind and state of all reminders."""
    rows = office.rows("SELECT kind, state FROM mail WHERE lane = 'reminder' ORDER BY due_at, created_at")
    return [(row["kind"], row["state"]) for row in rows]


def plan_at(office: Office, moment: datetime) -> None:
    """The scheduler's work at a moment."""
    office.clock.set(moment)
    office.schedule()


@pytest.fixture(autouse=True)
def known(office: Office) -> None:
    """The webinar, and one person with a seat."""
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))


def test_reminders_are_planned_a_day_and_an_hour_before(office: Office) -> None:
    plan_at(office, START - DAY - timedelta(minutes=16))
    assert reminders(office) == []
    plan_at(office, START - DAY - timedelta(minutes=15))
    plan_at(office, START - HOUR)
    rows = office.rows("SELECT kind, due_at FROM mail WHERE lane = 'reminder' ORDER BY due_at")
    assert [tuple(row.values()) for row in rows] == [
        ("reminder-1-day", START - DAY),
        ("reminder-1-hour", START - HOUR),
    ]


def test_reminder_is_planned_once_however_often_one_looks(office: Office) -> None:
    office.clock.set(START - DAY)
    made = [plan_reminders(office.work, office.clock, "example.org") for _ in range(3)]
    assert made == [1, 0, 0]


def test_reminder_goes_when_it_is_due_and_not_before(office: Office) -> None:
    plan_at(office, START - DAY - timedelta(minutes=10))
    with Relay({}) as relay:
        office.sender(relay.port).turn(Stop())
        assert reminders(office) == [("reminder-1-day", "queued")]
        office.clock.set(START - DAY)
        office.sender(relay.port).turn(Stop())
    assert reminders(office) == [("reminder-1-day", "sent")]


def test_reminder_that_could_not_go_in_time_is_missed_and_never_sent(office: Office) -> None:
    plan_at(office, START - HOUR)
    office.clock.set(START - timedelta(minutes=30))
    with Relay({}) as relay:
        for _ in range(3):
            office.sender(relay.port).turn(Stop())
        subjects = b"".join(relay.mails)
    assert b"In one hour" not in subjects
    office.schedule()
    assert reminders(office) == [("reminder-1-hour", "missed")]


@pytest.mark.parametrize("changes", [{"status": "cancelled"}, {"status": "postponed", "starts_at": None}])
def test_event_that_does_not_take_place_is_not_reminded_of(office: Office, changes: dict[str, Any]) -> None:
    plan_at(office, START - DAY)
    office.hear_event(revision=2, **changes)
    plan_at(office, START - HOUR)
    assert reminders(office) == [("reminder-1-day", "called_off")]


def test_reminders_follow_an_event_that_moves_and_moves_back(office: Office) -> None:
    plan_at(office, START - DAY)
    office.hear_event(revision=2, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    office.schedule()
    assert reminders(office) == [("reminder-1-day", "called_off")]
    office.hear_event(revision=3)
    plan_at(office, START - DAY + timedelta(minutes=1))
    assert reminders(office) == [("reminder-1-day", "queued")]
    office.hear_event(revision=4, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    plan_at(office, START)
    assert reminders(office) == [("reminder-1-day", "called_off"), ("reminder-1-day", "queued")]


def test_only_people_with_a_seat_who_were_there_before_it_was_due_are_reminded(office: Office) -> None:
    office.hear(office.told("waitlisted", new_id(), person_ref="01" * 32))
    office.hear(office.told("confirmed", new_id(), person_ref="02" * 32, form_kind="interest"))
    office.clock.set(START - DAY)
    office.hear(office.told("confirmed", new_id(), person_ref="03" * 32))
    office.schedule()
    assert len(reminders(office)) == 1
    plan_at(office, START - HOUR)
    assert len(reminders(office)) == 3


def test_cancellation_calls_the_reminder_off(office: Office) -> None:
    registration_id = new_id()
    office.hear(office.told("confirmed", registration_id, person_ref="04" * 32))
    plan_at(office, START - DAY)
    office.hear(office.told("cancelled", registration_id, 2, person_ref="04" * 32))
    assert sorted(state for _kind, state in reminders(office)) == ["called_off", "queued"]


def test_recording_is_announced_once_to_those_who_had_a_seat(office: Office) -> None:
    office.hear(office.told("waitlisted", new_id(), person_ref="05" * 32))
    for resource in ("first", "second"):
        office.hear_resource(id=resource, event=EVENT)
        office.schedule()
    assert [mail["kind"] for mail in office.mails() if mail["lane"] == "bulletin"] == ["recording-available"]


@pytest.mark.parametrize("changes", [{"event": None}, {"kind": "slides"}])
def test_resource_of_a_series_or_slides_cause_no_mail(office: Office, changes: dict[str, Any]) -> None:
    office.hear_resource(**changes)
    office.schedule()
    assert [mail["lane"] for mail in office.mails()] == ["transactional"]
    assert office.rows("SELECT revision FROM resource_copy") == [{"revision": 1}]
