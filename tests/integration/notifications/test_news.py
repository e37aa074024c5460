"""A date moves: everybody concerned is told once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from services.notifications.rules.service import announce_some, decide_news
from services.notifications.sending.composer import NEWS_UNTRUE
from shared.db.unit_of_work import UnitOfWork
from tests.integration.notifications.office import Office
from tests.integration.notifications.review import (
    NO_DATE,
    NOVEMBER,
    REVIEW,
    news,
    registered,
    send_all,
    tell,
    wait_and_tell,
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
def test_change_is_told_once_a_minute_after_it(office: Office, changes: dict[str, Any], kind: str) -> None:
    tell(office, 1, status="tentative")
    who = registered(office, 1)
    office.pass_time(minutes=1)
    tell(office, 2, **{"status": "tentative", **changes})
    office.pass_time(seconds=59)
    office.schedule()
    assert news(office) == []
    office.pass_time(seconds=1)
    office.schedule()
    office.schedule()
    assert news(office) == [(kind, who)]


def test_change_that_nobody_sees_is_not_told(office: Office) -> None:
    tell(office, 1)
    registered(office, 1)
    tell(office, 2, summary="Another text", asked_groups=[])
    wait_and_tell(office)
    assert news(office) == []


def test_change_that_is_taken_back_in_time_is_not_told(office: Office) -> None:
    tell(office, 1)
    registered(office, 1)
    tell(office, 2, **NOVEMBER)
    office.pass_time(seconds=30)
    tell(office, 3)
    wait_and_tell(office)
    assert news(office) == []


def test_changes_in_a_row_are_told_as_one_within_five_minutes(office: Office) -> None:
    tell(office, 1)
    who = registered(office, 1)
    for revision in range(2, 9):
        tell(office, revision, place=f"Room {revision}")
        office.pass_time(seconds=50)
        office.schedule()
    assert news(office) == [("event-changed", who)]


def test_revived_event_is_told_as_such(office: Office) -> None:
    tell(office, 1)
    who = registered(office, 1)
    tell(office, 2, status="cancelled")
    wait_and_tell(office)
    tell(office, 3)
    wait_and_tell(office)
    assert news(office) == [("event-cancelled", who), ("event-revived", who)]


def test_older_news_that_have_not_gone_are_cancelled_by_newer_ones(office: Office) -> None:
    tell(office, 1)
    registered(office, 1)
    tell(office, 2, status="cancelled")
    wait_and_tell(office)
    tell(office, 3)
    wait_and_tell(office)
    assert {kind: state for kind, state in office.states().items() if kind != "confirmation"} == {
        "event-cancelled": "cancelled",
        "event-revived": "queued",
    }


def test_only_people_with_a_live_registration_that_knew_another_state_are_told(office: Office) -> None:
    tell(office, 1)
    seated, waiting = registered(office, 1), registered(office, 2, key="waitlisted")
    registered(office, 3, key="cancelled")
    registered(office, 4, form_kind="interest")
    office.pass_time(seconds=1)
    tell(office, 2, **NOVEMBER)
    office.pass_time(seconds=1)
    registered(office, 5)
    wait_and_tell(office)
    assert news(office) == sorted([("event-rescheduled", seated), ("event-rescheduled", waiting)])


def test_person_with_two_registrations_is_told_by_their_own_seat(office: Office) -> None:
    tell(office, 1)
    registered(office, 1, form_kind="delegation")
    seat = registered(office, 1, form_kind="attendance")
    tell(office, 2, **NOVEMBER)
    wait_and_tell(office)
    assert news(office) == [("event-rescheduled", seat)]


def test_those_who_asked_are_told_that_remote_attendance_is_possible(office: Office) -> None:
    tell(office, 1)
    asked, seated = registered(office, 1, form_kind="interest"), registered(office, 2)
    tell(office, 2, mode="hybrid")
    wait_and_tell(office)
    assert news(office) == sorted([("remote-possible", asked), ("event-changed", seated)])
    tell(office, 3, mode="hybrid", **NOVEMBER)
    wait_and_tell(office)
    assert [kind for kind, subject in news(office) if subject == asked] == ["remote-possible"]


def test_who_has_withdrawn_their_interest_is_not_told(office: Office) -> None:
    tell(office, 1)
    asked = registered(office, 1, form_kind="interest")
    withdrawn: dict[str, Any] = {"form": "a-interest", "form_kind": "interest", "event": REVIEW}
    office.hear(office.told("cancelled", asked, 2, person_ref=f"{1:064x}", **withdrawn))
    tell(office, 2, mode="hybrid")
    wait_and_tell(office)
    assert news(office) == []


@pytest.mark.parametrize("status", ["tentative", "postponed"])
def test_event_without_a_date_is_told_when_it_has_one(office: Office, status: str) -> None:
    tell(office, 1, status=status, **NO_DATE)
    who = registered(office, 1)
    tell(office, 2, status="confirmed", **NOVEMBER)
    wait_and_tell(office)
    assert news(office) == [("event-rescheduled", who)]


@pytest.mark.parametrize(("mode", "state"), [("hybrid", "queued"), ("online", "queued"), ("in_person", "cancelled")])
def test_remote_attendance_that_has_not_been_told_yet_is_told_though_something_else_changes(
    office: Office, mode: str, state: str
) -> None:
    """The newer news are not for whoever only asked about it, so they replace theirs only if it is no longer so."""
    tell(office, 1)
    registered(office, 1, form_kind="interest")
    tell(office, 2, mode="hybrid")
    wait_and_tell(office)
    tell(office, 3, mode=mode, place="Room XX")
    wait_and_tell(office)
    assert [mail["state"] for mail in office.mails() if mail["kind"] == "remote-possible"] == [state]


@pytest.mark.parametrize("away", [{"status": "postponed", **NO_DATE}, {"status": "cancelled"}])
def test_those_who_asked_are_told_though_the_mode_changed_while_the_event_was_away(
    office: Office, away: dict[str, Any]
) -> None:
    tell(office, 1)
    asked = registered(office, 1, form_kind="interest")
    for revision, changes in enumerate((away, {**away, "mode": "hybrid"}, {"mode": "hybrid", **NOVEMBER}), start=2):
        assert news(office) == []
        tell(office, revision, **changes)
        wait_and_tell(office)
    tell(office, 5, mode="hybrid", place="Room XX", **NOVEMBER)
    wait_and_tell(office)
    assert news(office) == [("remote-possible", asked)]


def test_announcement_goes_on_after_each_kill_and_tells_everybody_once(office: Office) -> None:
    """Every chunk is rolled back once, as kill -9 would, before it is made for good."""
    tell(office, 1)
    people = [registered(office, person) for person in range(25)]
    tell(office, 2, **NOVEMBER)
    office.pass_time(minutes=6)
    assert decide_news(office.work, office.clock)
    dying, made = _Dying(office.engine, "notifications"), [0]
    while made[-1] < len(people):
        with pytest.raises(ZeroDivisionError):
            announce_some(dying, office.clock, "example.org", 4)
        assert len(news(office)) == made[-1]
        announce_some(office.work, office.clock, "example.org", 4)
        made.append(len(news(office)))
    assert announce_some(office.work, office.clock, "example.org", 4) is None
    assert made == [0, 4, 8, 12, 16, 20, 24, 25]
    assert news(office) == sorted(("event-rescheduled", person) for person in people)
    assert office.rows("SELECT mails, ended_at IS NOT NULL AS over FROM announcement") == [{"mails": 25, "over": True}]


@pytest.mark.parametrize("wrong", [timedelta(days=400), timedelta(minutes=-30)])
def test_change_that_a_wrong_clock_has_noted_is_told_all_the_same(office: Office, wrong: timedelta) -> None:
    """Ahead it would wait for a year; run backwards it would be older than the first change."""
    tell(office, 1)
    person = registered(office, 1)
    tell(office, 2, **NOVEMBER)
    right = office.clock()
    office.clock.advance(wrong)
    tell(office, 3, place="Room XX", **NOVEMBER)
    office.clock.set(right)
    wait_and_tell(office)
    assert news(office) == [("event-rescheduled", person)]


def test_announcement_under_way_ends_where_a_newer_one_begins(office: Office) -> None:
    """Whoever the first has not reached is told once, by the second."""
    tell(office, 1)
    people = [registered(office, person) for person in range(3)]
    tell(office, 2, **NOVEMBER)
    office.pass_time(minutes=6)
    assert decide_news(office.work, office.clock)
    announce_some(office.work, office.clock, "example.org", 1)
    tell(office, 3, status="cancelled")
    wait_and_tell(office)
    assert [kind for kind, _who in news(office)] == ["event-cancelled"] * 3 + ["event-rescheduled"]
    assert [who for kind, who in news(office) if kind == "event-cancelled"] == sorted(people)


def test_news_that_are_untrue_when_they_would_go_are_cancelled(office: Office) -> None:
    """The event changes again while they wait for a sender, and what that means has not been decided yet."""
    tell(office, 1)
    registered(office, 1)
    tell(office, 2, **NOVEMBER)
    wait_and_tell(office)
    tell(office, 3, status="cancelled")
    with Relay({}) as relay:
        send_all(office, relay)
        assert relay.mails == []
    (mail,) = [mail for mail in office.mails() if mail["kind"] == "event-rescheduled"]
    assert (mail["state"], mail["reason"]) == ("cancelled", NEWS_UNTRUE)


class _Dying(UnitOfWork):
    """Dies when all of a transaction is done, before its commit."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            raise ZeroDivisionError
