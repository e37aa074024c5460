"""Reminders come in time or not at all, once for each start, and follow the event when it moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from services.notifications.rules.service import plan_reminders
from services.notifications.sending.service import begin_handover, claim_due
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.office import EVENT, Office
from tests.support.smtp_relay import Relay

START = datetime(2020, 3, 4, 19, tzinfo=UTC)
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
BEFORE = {"reminder-7-days": WEEK, "reminder-1-day": DAY, "reminder-1-hour": HOUR}
LATE = {kind: BEFORE[kind] - timedelta(hours=hours) for kind, hours in zip(BEFORE, (12, 6, 0.5), strict=True)}
"""How long before the start each is too late."""


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
    """The webinar, and one person with a seat, well before."""
    office.clock.set(START - timedelta(days=10))
    office.hear_event()
    office.hear(office.told("confirmed", new_id()))


def test_reminders_are_planned_a_week_a_day_and_an_hour_before(office: Office) -> None:
    for before in (WEEK, DAY, HOUR):
        made = len(reminders(office))
        plan_at(office, START - before - timedelta(minutes=15, seconds=1))
        assert len(reminders(office)) == made
        plan_at(office, START - before - timedelta(minutes=15))
    rows = office.rows("SELECT kind, due_at, expires_at FROM mail WHERE lane = 'reminder' ORDER BY due_at")
    assert [tuple(row.values()) for row in rows] == [
        ("reminder-7-days", START - WEEK, START - LATE["reminder-7-days"]),
        ("reminder-1-day", START - DAY, START - LATE["reminder-1-day"]),
        ("reminder-1-hour", START - HOUR, START - LATE["reminder-1-hour"]),
    ]


def test_reminder_is_planned_once_however_often_one_looks(office: Office) -> None:
    office.clock.set(START - DAY)
    made = [plan_reminders(office.work, office.clock(), "example.org") for _ in range(3)]
    assert made == [1, 0, 0]


def test_reminder_goes_when_it_is_due_and_not_before(office: Office) -> None:
    plan_at(office, START - DAY - timedelta(minutes=10))
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
        assert reminders(office) == [("reminder-1-day", "queued")]
        office.clock.set(START - DAY)
        office.sender(relay.port).run_once(Stop())
    assert reminders(office) == [("reminder-1-day", "sent")]


@pytest.mark.parametrize(
    ("kind", "before"), [("reminder-7-days", WEEK), ("reminder-1-day", DAY), ("reminder-1-hour", HOUR)]
)
def test_reminder_that_could_not_go_in_time_is_missed_and_never_sent(
    office: Office, kind: str, before: timedelta
) -> None:
    plan_at(office, START - before)
    assert reminders(office) == [(kind, "queued")]
    office.clock.set(START - LATE[kind])
    with Relay({}) as relay:
        for _ in range(3):
            office.sender(relay.port).run_once(Stop())
        kinds = office.rows("SELECT kind FROM mail WHERE state = 'sent'")
        assert len(relay.mails) == len(kinds) == 1
    assert kinds == [{"kind": "confirmation"}]
    assert office.rows("SELECT fence FROM mail WHERE lane = 'reminder'") == [{"fence": 0}], "taken in hand, too late"
    office.schedule()
    assert reminders(office) == [(kind, "missed")]
    assert plan_reminders(office.work, office.clock(), "example.org") == 0


@pytest.mark.parametrize("kind", list(LATE))
def test_reminder_is_not_begun_when_its_time_passed_in_the_senders_hands(office: Office, kind: str) -> None:
    plan_at(office, START - BEFORE[kind])
    office.clock.set(START - LATE[kind] - timedelta(seconds=1))
    (claim,) = [claim for claim in claim_due(office.work, office.clock, 10) if claim.mail.kind == kind]
    office.pass_time(seconds=1)
    assert not begin_handover(office.work, office.clock, claim.mail)


@pytest.mark.parametrize("changes", [{"status": "cancelled"}, {"status": "postponed", "starts_at": None}])
def test_event_that_does_not_take_place_is_not_reminded_of(office: Office, changes: dict[str, Any]) -> None:
    plan_at(office, START - DAY)
    office.hear_event(revision=2, **changes)
    plan_at(office, START - HOUR)
    assert reminders(office) == [("reminder-1-day", "cancelled")]


def test_reminders_follow_an_event_that_moves_and_moves_back(office: Office) -> None:
    plan_at(office, START - DAY)
    office.hear_event(revision=2, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    office.schedule()
    assert reminders(office) == [("reminder-1-day", "cancelled")]
    office.hear_event(revision=3)
    plan_at(office, START - DAY + timedelta(minutes=1))
    assert reminders(office) == [("reminder-1-day", "queued")]
    office.hear_event(revision=4, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    plan_at(office, START)
    assert reminders(office) == [("reminder-1-day", "cancelled"), ("reminder-1-day", "queued")]


def test_reminder_planned_while_the_event_moved_is_cancelled_by_the_sender(office: Office) -> None:
    """The planner has read the old date, and the move cancelled what was there before the planner stored its own."""

    class Moving(UnitOfWork):
        moved = False

        @contextmanager
        def transaction(self) -> Iterator[Connection]:
            with super().transaction() as connection:
                yield connection
            if not self.moved:
                self.moved = True
                office.hear_event(revision=2, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:30:00Z")

    office.clock.set(START - DAY)
    assert plan_reminders(Moving(office.engine, "notifications"), office.clock(), "example.org") == 1
    assert reminders(office) == [("reminder-1-day", "queued")]
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 1
    assert reminders(office) == [("reminder-1-day", "cancelled")]


def test_week_begins_anew_when_the_event_moves_by_a_week(office: Office) -> None:
    plan_at(office, START - WEEK)
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
    office.hear_event(revision=2, starts_at="2020-03-11T19:00:00Z", ends_at="2020-03-11T20:30:00Z")
    plan_at(office, START - DAY)
    assert reminders(office) == [("reminder-7-days", "sent")]
    plan_at(office, START)
    assert sorted(reminders(office)) == [("reminder-7-days", "queued"), ("reminder-7-days", "sent")]


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
    assert sorted(state for _kind, state in reminders(office)) == ["cancelled", "queued"]


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
