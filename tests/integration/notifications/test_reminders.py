"""Reminders arrive in time or not at all, once for each start, and follow the event when it moves."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from services.notifications.rules.model import RECORDING_HIDDEN
from services.notifications.rules.service import plan_reminders
from services.notifications.sending.service import begin_handover, claim_due
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import EVENT, NotificationService
from tests.integration.notifications.review import texts_sent
from tests.support.smtp_relay import Relay

LINKS = re.compile(r"https://videos\.example\.org/[a-z0-9-]+")
START = datetime(2020, 3, 4, 19, tzinfo=UTC)
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
BEFORE = {"reminder-7-days": WEEK, "reminder-1-day": DAY, "reminder-1-hour": HOUR}
LATE = {kind: BEFORE[kind] - timedelta(hours=hours) for kind, hours in zip(BEFORE, (12, 6, 0.5), strict=True)}
"""How long before the start each is too late."""


def reminders(notifications: NotificationService) -> list[tuple[str, str]]:
    """Kind and state of all reminders."""
    rows = notifications.rows("SELECT kind, state FROM mail WHERE lane = 'reminder' ORDER BY due_at, created_at")
    return [(row["kind"], row["state"]) for row in rows]


def plan_at(notifications: NotificationService, instant: datetime) -> None:
    """The scheduler's work at an instant."""
    notifications.clock.set(instant)
    notifications.schedule()


@pytest.fixture(autouse=True)
def known(notifications: NotificationService) -> None:
    """The webinar, and one person with a seat, well before."""
    notifications.clock.set(START - timedelta(days=10))
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))


def test_reminders_are_planned_a_week_a_day_and_an_hour_before(notifications: NotificationService) -> None:
    for before in (WEEK, DAY, HOUR):
        made = len(reminders(notifications))
        plan_at(notifications, START - before - timedelta(minutes=15, seconds=1))
        assert len(reminders(notifications)) == made
        plan_at(notifications, START - before - timedelta(minutes=15))
    rows = notifications.rows("SELECT kind, due_at, expires_at FROM mail WHERE lane = 'reminder' ORDER BY due_at")
    assert [tuple(row.values()) for row in rows] == [
        ("reminder-7-days", START - WEEK, START - LATE["reminder-7-days"]),
        ("reminder-1-day", START - DAY, START - LATE["reminder-1-day"]),
        ("reminder-1-hour", START - HOUR, START - LATE["reminder-1-hour"]),
    ]


def test_reminder_is_planned_once_by_repeated_runs(notifications: NotificationService) -> None:
    notifications.clock.set(START - DAY)
    made = [plan_reminders(notifications.work, notifications.clock(), "example.org") for _ in range(3)]
    assert made == [1, 0, 0]


def test_reminder_goes_when_it_is_due_and_not_before(notifications: NotificationService) -> None:
    plan_at(notifications, START - DAY - timedelta(minutes=10))
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert reminders(notifications) == [("reminder-1-day", "queued")]
        notifications.clock.set(START - DAY)
        notifications.sender(relay.port).run_once(Stop())
    assert reminders(notifications) == [("reminder-1-day", "sent")]


@pytest.mark.parametrize(
    ("kind", "before"), [("reminder-7-days", WEEK), ("reminder-1-day", DAY), ("reminder-1-hour", HOUR)]
)
def test_reminder_that_could_not_go_in_time_is_missed_and_never_sent(
    notifications: NotificationService, kind: str, before: timedelta
) -> None:
    plan_at(notifications, START - before)
    assert reminders(notifications) == [(kind, "queued")]
    notifications.clock.set(START - LATE[kind])
    with Relay({}) as relay:
        for _ in range(3):
            notifications.sender(relay.port).run_once(Stop())
        kinds = notifications.rows("SELECT kind FROM mail WHERE state = 'sent'")
        assert len(relay.mails) == len(kinds) == 1
    assert kinds == [{"kind": "confirmation"}]
    assert notifications.rows("SELECT fence FROM mail WHERE lane = 'reminder'") == [{"fence": 0}], "claimed, too late"
    notifications.schedule()
    assert reminders(notifications) == [(kind, "missed")]
    assert plan_reminders(notifications.work, notifications.clock(), "example.org") == 0


@pytest.mark.parametrize("kind", list(LATE))
def test_claimed_reminder_is_not_sent_after_its_time(notifications: NotificationService, kind: str) -> None:
    plan_at(notifications, START - BEFORE[kind])
    notifications.clock.set(START - LATE[kind] - timedelta(seconds=1))
    (claim,) = [claim for claim in claim_due(notifications.work, notifications.clock, 10) if claim.mail.kind == kind]
    notifications.pass_time(seconds=1)
    assert not begin_handover(notifications.work, notifications.clock, claim.mail)


@pytest.mark.parametrize("changes", [{"status": "cancelled"}, {"status": "postponed", "starts_at": None}])
def test_event_that_does_not_take_place_is_not_reminded_of(
    notifications: NotificationService, changes: dict[str, Any]
) -> None:
    plan_at(notifications, START - DAY)
    notifications.consume_event(revision=2, **changes)
    plan_at(notifications, START - HOUR)
    assert reminders(notifications) == [("reminder-1-day", "cancelled")]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"place": "Another room"}, "queued"),
        ({"starts_at": "2020-03-05T19:00:00Z", "ends_at": "2020-03-05T20:00:00Z"}, "queued"),
        ({"status": "tentative", "starts_at": None, "ends_at": None}, "queued"),
        ({"status": "postponed", "starts_at": None, "ends_at": None}, "cancelled"),
        ({"status": "cancelled"}, "cancelled"),
    ],
)
def test_request_for_details_is_cancelled_only_with_the_event(
    notifications: NotificationService, changes: dict[str, Any], state: str
) -> None:
    (registration_id,) = [str(row["subject"]) for row in notifications.rows("SELECT subject FROM recipient")]
    notifications.consume(notifications.registration_message("details-requested", registration_id))
    assert reminders(notifications) == [("details", "queued")]
    notifications.consume_event(revision=2, **changes)
    assert reminders(notifications) == [("details", state)]


def test_reminders_follow_an_event_that_moves_and_moves_back(notifications: NotificationService) -> None:
    plan_at(notifications, START - DAY)
    notifications.consume_event(revision=2, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    notifications.schedule()
    assert reminders(notifications) == [("reminder-1-day", "cancelled")]
    notifications.consume_event(revision=3)
    plan_at(notifications, START - DAY + timedelta(minutes=1))
    assert reminders(notifications) == [("reminder-1-day", "queued")]
    notifications.consume_event(revision=4, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:00:00Z")
    plan_at(notifications, START)
    assert reminders(notifications) == [("reminder-1-day", "cancelled"), ("reminder-1-day", "queued")]


def test_reminder_planned_while_the_event_moved_is_cancelled_by_the_sender(notifications: NotificationService) -> None:
    """The planner has read the old date, and the move cancelled what was there before the planner stored its own."""

    class Moving(UnitOfWork):
        moved = False

        @contextmanager
        def transaction(self) -> Iterator[Connection]:
            with super().transaction() as connection:
                yield connection
            if not self.moved:
                self.moved = True
                notifications.consume_event(
                    revision=2, starts_at="2020-03-05T19:00:00Z", ends_at="2020-03-05T20:30:00Z"
                )

    notifications.clock.set(START - DAY)
    assert plan_reminders(Moving(notifications.engine, "notifications"), notifications.clock(), "example.org") == 1
    assert reminders(notifications) == [("reminder-1-day", "queued")]
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 1
    assert reminders(notifications) == [("reminder-1-day", "cancelled")]


def test_week_begins_again_when_the_event_moves_by_a_week(notifications: NotificationService) -> None:
    plan_at(notifications, START - WEEK)
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    notifications.consume_event(revision=2, starts_at="2020-03-11T19:00:00Z", ends_at="2020-03-11T20:30:00Z")
    plan_at(notifications, START - DAY)
    assert reminders(notifications) == [("reminder-7-days", "sent")]
    plan_at(notifications, START)
    assert sorted(reminders(notifications)) == [("reminder-7-days", "queued"), ("reminder-7-days", "sent")]


def test_only_people_with_a_seat_who_were_there_before_it_was_due_are_reminded(
    notifications: NotificationService,
) -> None:
    notifications.consume(notifications.registration_message("waitlisted", new_id(), person_ref="01" * 32))
    notifications.consume(
        notifications.registration_message("confirmed", new_id(), person_ref="02" * 32, form_kind="interest")
    )
    notifications.clock.set(START - DAY)
    notifications.consume(notifications.registration_message("confirmed", new_id(), person_ref="03" * 32))
    notifications.schedule()
    assert len(reminders(notifications)) == 1
    plan_at(notifications, START - HOUR)
    assert len(reminders(notifications)) == 3


def test_cancellation_calls_the_reminder_off(notifications: NotificationService) -> None:
    registration_id = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration_id, person_ref="04" * 32))
    plan_at(notifications, START - DAY)
    notifications.consume(notifications.registration_message("cancelled", registration_id, 2, person_ref="04" * 32))
    assert sorted(state for _kind, state in reminders(notifications)) == ["cancelled", "queued"]


def test_recording_is_announced_once_to_those_who_had_a_seat(notifications: NotificationService) -> None:
    notifications.consume(notifications.registration_message("waitlisted", new_id(), person_ref="05" * 32))
    for resource in ("first", "second"):
        notifications.consume_resource(id=resource, event=EVENT)
        notifications.schedule()
    assert [mail["kind"] for mail in notifications.mails() if mail["lane"] == "bulletin"] == ["recording-available"]


def recordings(notifications: NotificationService) -> list[str]:
    """The addresses in all mails about recordings that are sent now."""
    notifications.schedule()
    return [link for _subject, words in texts_sent(notifications) for link in LINKS.findall(words)]


def held(notifications: NotificationService) -> list[tuple[Any, ...]]:
    """State, reason and attempts of all mails about recordings."""
    return [
        (mail["state"], mail["reason"], mail["attempts"])
        for mail in notifications.mails()
        if mail["kind"] == "recording-available"
    ]


def test_recording_is_mailed_once_by_its_newest_address(notifications: NotificationService) -> None:
    """However its messages arrive: the correction before the publication, a change after the mail."""
    notifications.consume_resource(revision=2, url="https://videos.example.org/corrected")
    notifications.schedule()
    notifications.consume_resource(revision=1)
    notifications.consume_resource(revision=3, url="https://videos.example.org/newest")
    assert set(recordings(notifications)) == {"https://videos.example.org/newest"}
    for revision, published in ((4, True), (5, False), (6, True)):
        notifications.consume_resource(revision=revision, published=published)
        assert recordings(notifications) == []


def test_recording_that_is_hidden_is_not_mailed_until_it_is_shown(notifications: NotificationService) -> None:
    notifications.consume_resource(revision=2, published=False)
    notifications.consume_resource(revision=1)
    assert recordings(notifications) == []
    notifications.consume_resource(revision=3)
    assert set(recordings(notifications)) == {"https://videos.example.org/upr-webinar-10"}


@pytest.mark.parametrize("changes", [{"published": False}, {"event": "another"}, {"kind": "slides"}])
def test_mail_waits_while_its_recording_is_hidden_and_is_sent_when_it_is_shown_again(
    notifications: NotificationService, changes: dict[str, Any]
) -> None:
    notifications.consume_resource()
    notifications.schedule()
    notifications.consume_resource(revision=2, **changes)
    assert recordings(notifications) == []
    assert held(notifications) == [("deferred", RECORDING_HIDDEN, 0)]
    notifications.pass_time(hours=5)
    assert recordings(notifications) == []
    notifications.consume_resource(revision=3, url="https://videos.example.org/corrected")
    assert set(recordings(notifications)) == {"https://videos.example.org/corrected"}
    assert recordings(notifications) == []
    assert held(notifications) == [("sent", None, 1)]


@pytest.mark.parametrize("is_claimed_between", [True, False])
def test_mail_about_a_hidden_recording_is_sent_with_the_next_one_of_its_event(
    notifications: NotificationService, is_claimed_between: bool
) -> None:
    notifications.consume_resource()
    notifications.schedule()
    notifications.consume_resource(revision=2, published=False)
    if is_claimed_between:
        assert recordings(notifications) == []
    notifications.consume_resource(id="of-another-event", event="another", url="https://videos.example.org/another")
    notifications.consume_resource(id="slides", kind="slides", url="https://videos.example.org/slides")
    notifications.consume_resource(id="replacement", url="https://videos.example.org/replacement")
    assert set(recordings(notifications)) == {"https://videos.example.org/replacement"}
    assert held(notifications) == [("sent", None, 1)]


def test_announced_recording_is_mailed_rather_than_another_one(notifications: NotificationService) -> None:
    notifications.consume_resource()
    notifications.schedule()
    for other in ("a-first", "z-last"):
        notifications.consume_resource(id=other, url=f"https://videos.example.org/{other}")
    assert set(recordings(notifications)) == {"https://videos.example.org/upr-webinar-10"}


@pytest.mark.parametrize("changes", [{"event": None}, {"kind": "slides"}])
def test_resource_of_a_series_or_slides_cause_no_mail(
    notifications: NotificationService, changes: dict[str, Any]
) -> None:
    notifications.consume_resource(**changes)
    notifications.schedule()
    assert [mail["lane"] for mail in notifications.mails()] == ["transactional"]
    assert notifications.rows("SELECT revision FROM resource_copy") == [{"revision": 1}]
