"""A date moves: everyone concerned is notified once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from services.notifications.rules.service import announce_some, decide_news
from services.notifications.sending.composer import NEWS_UNTRUE
from shared.db.unit_of_work import UnitOfWork
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.review import (
    NO_DATE,
    NOVEMBER,
    REVIEW,
    consume_review,
    news,
    registered,
    send_all,
    settle,
    wait_and_announce,
)
from tests.support.smtp_relay import Relay


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (NOVEMBER, "event-rescheduled"),
        ({"status": "postponed", **NO_DATE}, "event-postponed"),
        ({"status": "cancelled"}, "event-cancelled"),
        ({"status": "confirmed"}, "event-confirmed"),
        ({"place": "Room XX"}, "event-changed"),
        ({"title": "Another title"}, "event-changed"),
    ],
)
def test_change_is_announced_once_a_minute_after_it(
    notifications: NotificationService, changes: dict[str, Any], kind: str
) -> None:
    consume_review(notifications, 1, status="tentative")
    who = registered(notifications, 1)
    notifications.pass_time(minutes=1)
    consume_review(notifications, 2, **{"status": "tentative", **changes})
    notifications.pass_time(seconds=59)
    notifications.schedule()
    assert news(notifications) == []
    notifications.pass_time(seconds=1)
    notifications.schedule()
    notifications.schedule()
    assert news(notifications) == [(kind, who)]


def test_invisible_change_is_not_announced(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    registered(notifications, 1)
    consume_review(notifications, 2, summary="Another text", asked_groups=[])
    wait_and_announce(notifications)
    assert news(notifications) == []


def test_change_that_is_taken_back_in_time_is_not_announced(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    registered(notifications, 1)
    consume_review(notifications, 2, **NOVEMBER)
    notifications.pass_time(seconds=30)
    consume_review(notifications, 3)
    wait_and_announce(notifications)
    assert news(notifications) == []


def test_changes_in_a_row_are_announced_as_one_within_five_minutes(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    who = registered(notifications, 1)
    for revision in range(2, 9):
        consume_review(notifications, revision, place=f"Room {revision}")
        notifications.pass_time(seconds=50)
        notifications.schedule()
    assert news(notifications) == [("event-changed", who)]


def test_revived_event_is_announced_as_such(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    who = registered(notifications, 1)
    consume_review(notifications, 2, status="cancelled")
    wait_and_announce(notifications)
    consume_review(notifications, 3)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-cancelled", who), ("event-revived", who)]


def test_older_news_that_have_not_gone_are_cancelled_by_newer_ones(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    registered(notifications, 1)
    consume_review(notifications, 2, status="cancelled")
    wait_and_announce(notifications)
    consume_review(notifications, 3)
    wait_and_announce(notifications)
    assert {kind: state for kind, state in notifications.states().items() if kind != "confirmation"} == {
        "event-cancelled": "cancelled",
        "event-revived": "queued",
    }


def test_only_people_with_a_live_registration_and_outdated_information_are_notified(
    notifications: NotificationService,
) -> None:
    consume_review(notifications, 1)
    seated, waiting = registered(notifications, 1), registered(notifications, 2, key="waitlisted")
    registered(notifications, 3, key="cancelled")
    registered(notifications, 4, form_kind="interest")
    notifications.pass_time(seconds=1)
    consume_review(notifications, 2, **NOVEMBER)
    notifications.pass_time(seconds=1)
    registered(notifications, 5)
    wait_and_announce(notifications)
    assert news(notifications) == sorted([("event-rescheduled", seated), ("event-rescheduled", waiting)])


def test_person_with_two_registrations_is_notified_by_their_own_seat(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    registered(notifications, 1, form_kind="delegation")
    seat = registered(notifications, 1, form_kind="attendance")
    consume_review(notifications, 2, **NOVEMBER)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-rescheduled", seat)]


def test_interested_people_are_notified_that_remote_attendance_is_possible(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    asked, seated = registered(notifications, 1, form_kind="interest"), registered(notifications, 2)
    consume_review(notifications, 2, mode="hybrid")
    wait_and_announce(notifications)
    assert news(notifications) == sorted([("remote-possible", asked), ("event-changed", seated)])
    consume_review(notifications, 3, mode="hybrid", **NOVEMBER)
    wait_and_announce(notifications)
    assert [kind for kind, subject in news(notifications) if subject == asked] == ["remote-possible"]


def test_withdrawn_interest_is_not_notified(notifications: NotificationService) -> None:
    consume_review(notifications, 1)
    asked = registered(notifications, 1, form_kind="interest")
    withdrawn: dict[str, Any] = {"form": "a-interest", "form_kind": "interest", "event": REVIEW}
    notifications.consume(
        notifications.registration_message("cancelled", asked, 2, person_ref=f"{1:064x}", **withdrawn)
    )
    consume_review(notifications, 2, mode="hybrid")
    wait_and_announce(notifications)
    assert news(notifications) == []


@pytest.mark.parametrize("status", ["tentative", "postponed"])
def test_event_without_a_date_is_announced_when_it_has_one(notifications: NotificationService, status: str) -> None:
    consume_review(notifications, 1, status=status, **NO_DATE)
    who = registered(notifications, 1)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-rescheduled", who)]


@pytest.mark.parametrize(("mode", "state"), [("hybrid", "queued"), ("online", "queued"), ("in_person", "cancelled")])
def test_unannounced_remote_attendance_is_announced_after_another_change(
    notifications: NotificationService, mode: str, state: str
) -> None:
    """The newer news are not for people who only want remote attendance, and replace theirs only if it is revoked."""
    consume_review(notifications, 1)
    registered(notifications, 1, form_kind="interest")
    consume_review(notifications, 2, mode="hybrid")
    wait_and_announce(notifications)
    consume_review(notifications, 3, mode=mode, place="Room XX")
    wait_and_announce(notifications)
    assert [mail["state"] for mail in notifications.mails() if mail["kind"] == "remote-possible"] == [state]


@pytest.mark.parametrize("away", [{"status": "postponed", **NO_DATE}, {"status": "cancelled"}])
def test_interested_people_are_notified_though_the_mode_changed_while_the_event_was_postponed(
    notifications: NotificationService, away: dict[str, Any]
) -> None:
    consume_review(notifications, 1)
    asked = registered(notifications, 1, form_kind="interest")
    for revision, changes in enumerate((away, {**away, "mode": "hybrid"}, {"mode": "hybrid", **NOVEMBER}), start=2):
        assert news(notifications) == []
        consume_review(notifications, revision, **changes)
        wait_and_announce(notifications)
    consume_review(notifications, 5, mode="hybrid", place="Room XX", **NOVEMBER)
    wait_and_announce(notifications)
    assert news(notifications) == [("remote-possible", asked)]


def test_announcement_continues_after_each_kill_and_notifies_everyone_once(notifications: NotificationService) -> None:
    """Every chunk is rolled back once, as kill -9 would, before it is made for good."""
    consume_review(notifications, 1)
    people = [registered(notifications, person) for person in range(25)]
    consume_review(notifications, 2, **NOVEMBER)
    notifications.pass_time(minutes=6)
    assert decide_news(notifications.work, notifications.clock)
    dying, made = _Dying(notifications.engine, "notifications"), [0]
    while made[-1] < len(people):
        with pytest.raises(ZeroDivisionError):
            announce_some(dying, notifications.clock, "example.org", 4)
        assert len(news(notifications)) == made[-1]
        announce_some(notifications.work, notifications.clock, "example.org", 4)
        made.append(len(news(notifications)))
    assert announce_some(notifications.work, notifications.clock, "example.org", 4) is None
    assert made == [0, 4, 8, 12, 16, 20, 24, 25]
    assert news(notifications) == sorted(("event-rescheduled", person) for person in people)
    assert notifications.rows("SELECT mails, ended_at IS NOT NULL AS over FROM announcement") == [
        {"mails": 25, "over": True}
    ]


@pytest.mark.parametrize("wrong", [timedelta(days=400), timedelta(minutes=-30)])
def test_change_noted_by_a_wrong_clock_is_announced(notifications: NotificationService, wrong: timedelta) -> None:
    """Ahead it would wait for a year; run backwards it would be older than the first change."""
    consume_review(notifications, 1)
    person = registered(notifications, 1)
    consume_review(notifications, 2, **NOVEMBER)
    right = notifications.clock()
    notifications.clock.advance(wrong)
    consume_review(notifications, 3, place="Room XX", **NOVEMBER)
    notifications.clock.set(right)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-rescheduled", person)]


def test_announcement_under_way_ends_where_a_newer_one_begins(notifications: NotificationService) -> None:
    """People whom the first did not reach are notified once, by the second."""
    consume_review(notifications, 1)
    people = [registered(notifications, person) for person in range(3)]
    consume_review(notifications, 2, **NOVEMBER)
    notifications.pass_time(minutes=6)
    assert decide_news(notifications.work, notifications.clock)
    announce_some(notifications.work, notifications.clock, "example.org", 1)
    consume_review(notifications, 3, status="cancelled")
    wait_and_announce(notifications)
    assert [kind for kind, _who in news(notifications)] == ["event-cancelled"] * 3 + ["event-rescheduled"]
    assert [who for kind, who in news(notifications) if kind == "event-cancelled"] == sorted(people)


def test_news_that_are_untrue_when_they_would_go_are_cancelled(notifications: NotificationService) -> None:
    """The event changes again while they wait for a sender, and what that means has not been decided yet."""
    consume_review(notifications, 1)
    registered(notifications, 1)
    consume_review(notifications, 2, **NOVEMBER)
    wait_and_announce(notifications)
    consume_review(notifications, 3, status="cancelled")
    with Relay({}) as relay:
        send_all(notifications, relay)
        assert relay.mails == []
    (mail,) = [mail for mail in notifications.mails() if mail["kind"] == "event-rescheduled"]
    assert (mail["state"], mail["reason"]) == ("cancelled", NEWS_UNTRUE)


AFTERWARDS = datetime(2020, 5, 12, tzinfo=UTC)


def test_change_of_an_event_that_is_over_is_no_news(notifications: NotificationService) -> None:
    """Until it has a date to come."""
    consume_review(notifications, 1, status="tentative")
    who = registered(notifications, 1)
    notifications.clock.set(AFTERWARDS)
    for revision, changes in enumerate(({"status": "confirmed"}, {"place": "Room XX"}, {"status": "cancelled"}), 2):
        consume_review(notifications, revision, **changes)
        wait_and_announce(notifications)
    assert news(notifications) == []
    assert notifications.rows("SELECT event FROM event_news") == []
    consume_review(notifications, 5, **NOVEMBER)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-rescheduled", who)]


def test_date_to_come_is_compared_with_what_people_know(notifications: NotificationService) -> None:
    """They know that it was cancelled; that it was revived on a date that had passed was not announced."""
    consume_review(notifications, 1)
    who = registered(notifications, 1)
    consume_review(notifications, 2, status="cancelled")
    wait_and_announce(notifications)
    settle(notifications)
    notifications.clock.set(AFTERWARDS)
    consume_review(notifications, 3)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-cancelled", who)]
    consume_review(notifications, 4, **NOVEMBER)
    wait_and_announce(notifications)
    assert news(notifications) == [("event-cancelled", who), ("event-revived", who)]


def test_change_before_the_end_is_announced_although_its_news_are_due_after_it(
    notifications: NotificationService,
) -> None:
    """The coordinator has seen that people would get a mail."""
    consume_review(notifications, 1)
    who = registered(notifications, 1)
    notifications.clock.set(datetime(2020, 5, 11, 15, 59, tzinfo=UTC))
    consume_review(notifications, 2, place="Room XX")
    wait_and_announce(notifications)
    assert news(notifications) == [("event-changed", who)]


def test_clock_that_is_ahead_of_the_database_lets_no_event_be_over(notifications: NotificationService) -> None:
    """All processes of a host may have the same wrong clock; the news would be lost for good."""
    date = {"starts_at": "2999-05-11T12:30:00Z", "ends_at": "2999-05-11T16:00:00Z"}
    consume_review(notifications, 1, **date)
    who = registered(notifications, 1)
    notifications.clock.set(datetime(2999, 5, 12, tzinfo=UTC))
    consume_review(notifications, 2, place="Room XX", **date)
    notifications.pass_time(minutes=6)
    assert decide_news(notifications.work, notifications.clock)
    assert announce_some(notifications.work, notifications.clock, "example.org") == 1
    assert news(notifications) == [("event-changed", who)]


class _Dying(UnitOfWork):
    """Is killed when all of a transaction is done, before its commit."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            raise ZeroDivisionError
