"""What a change means, and that no two states lead to news that are wrong at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.event.model import EventStatus
from services.events.event.notices import has_ended
from services.notifications.rules.model import (
    LOOK_AHEAD,
    REMINDERS,
    News,
    are_over,
    differs,
    is_news_outdated,
    known_after,
    minute_of,
    news_of,
    planned_reminders,
    reminder_horizon,
)
from shared.calendar.event_news import MAX_WAIT, NEWS_KINDS, NEWS_WAIT, SHOWN, due_after
from shared.runtime.clock import rfc3339
from tests.unit.events.builders import an_event

BASE: dict[str, Any] = {
    "starts_at": "2020-05-11T12:30:00Z",
    "ends_at": None,
    "time_zone": "Europe/Zurich",
    "status": "confirmed",
    "mode": "in_person",
    "place": None,
    "city": "Geneva",
    "join_url": None,
    "title": "Review",
}
NOW = datetime(2020, 3, 2, 9, tzinfo=UTC)

states = st.fixed_dictionaries(
    {
        **{name: st.just(value) for name, value in BASE.items()},
        "starts_at": st.sampled_from([None, "2020-05-11T12:30:00Z", "2020-11-09T13:30:00Z"]),
        "status": st.sampled_from(["tentative", "confirmed", "postponed", "cancelled", "held"]),
        "mode": st.sampled_from(["in_person", "hybrid", "online"]),
        "title": st.sampled_from(["Review", "The review"]),
    }
)


@given(states)
def test_known_state_is_no_news(state: dict[str, Any]) -> None:
    assert not differs(state, dict(state))
    assert news_of(state, dict(state)) is None


@given(states, states)
def test_news_are_of_a_known_kind_and_true(known: dict[str, Any], now: dict[str, Any]) -> None:
    news = news_of(known, now)
    if news is None:
        return
    assert news.kind in NEWS_KINDS
    assert not is_news_outdated(news.kind, now)
    if news.remote:
        assert not is_news_outdated("remote-possible", now)


@given(states, st.lists(states, max_size=8))
def test_interest_is_notified_when_remote_attendance_is_first_confirmed(
    first: dict[str, Any], later: list[dict[str, Any]]
) -> None:
    """For any states in between: a change of the mode while the event is postponed is announced when it is back."""
    known, known_as = {**first, "mode": "in_person", "status": "confirmed"}, "in_person"
    for now in later:
        news = news_of(known, now)
        known = known_after(known, now)
        takes_place = now["status"] in ("tentative", "confirmed")
        due = takes_place and known_as == "in_person" and now["mode"] != "in_person"
        assert (news is not None and news.remote) == due
        known_as = now["mode"] if takes_place else known_as


@pytest.mark.parametrize("away", ["postponed", "cancelled"])
def test_mode_changed_while_the_event_is_postponed_is_announced_when_it_is_back(away: str) -> None:
    gone, hybrid = {**BASE, "status": away}, {**BASE, "status": away, "mode": "hybrid"}
    known = known_after(known_after(BASE, gone), hybrid)
    news = news_of(known, {**BASE, "mode": "hybrid"})
    assert news is not None
    assert news.remote
    assert news_of(known_after(known, {**BASE, "mode": "hybrid"}), {**BASE, "mode": "hybrid", "title": "x"}) == News(
        "event-changed"
    )


@given(states, states)
def test_changes_that_affect_calendars_are_announced(known: dict[str, Any], now: dict[str, Any]) -> None:
    def entry(state: dict[str, Any]) -> tuple[str, str] | None:
        shown = state["status"] in ("tentative", "confirmed") and state["starts_at"]
        return (state["starts_at"], state["status"]) if shown else None

    if now["status"] != "held" and entry(known) != entry(now):
        assert news_of(known, now) is not None


@pytest.mark.parametrize("ends_in_hours", [-1, 0, 1, None])
@pytest.mark.parametrize("status", ["tentative", "confirmed", "cancelled", "held"])
def test_events_and_notifications_agree_whether_an_event_is_over(ends_in_hours: int | None, status: str) -> None:
    """The preview of a change counts recipients by the one rule, and news are decided by the other."""
    ends_at = None if ends_in_hours is None else NOW + timedelta(hours=ends_in_hours)
    starts_at = None if ends_at is None else ends_at - timedelta(hours=1)
    status = "postponed" if ends_at is None else status
    event = an_event(status=EventStatus(status), starts_at=starts_at, ends_at=ends_at)
    state = {**BASE, "status": status, "starts_at": _text(starts_at), "ends_at": _text(ends_at)}
    assert has_ended(event, NOW) == are_over(state, state, NOW) == (ends_in_hours in (-1, 0))


def test_news_need_one_date_that_has_not_passed() -> None:
    past = {**BASE, "starts_at": "2020-03-01T12:30:00Z"}
    postponed = {**BASE, "status": "postponed", "starts_at": None}
    pairs = [(past, past), (past, BASE), (BASE, past), (past, postponed), (postponed, past)]
    assert [are_over(known, now, NOW) for known, now in pairs] == [True, False, False, False, False]


def _text(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


@pytest.mark.parametrize("name", SHOWN)
def test_each_thing_that_people_see_is_compared(name: str) -> None:
    assert differs(BASE, {**BASE, name: "another"})


def test_what_people_do_not_see_is_not_compared() -> None:
    assert not differs(BASE, {**BASE, "summary": "another", "revision": 7, "asked_groups": []})


@given(st.integers(0, 600), st.integers(0, 600))
def test_news_wait_a_minute_after_the_last_change_and_five_after_the_first(first_s: int, more_s: int) -> None:
    began_at, changed_at = NOW + timedelta(seconds=first_s), NOW + timedelta(seconds=first_s + more_s)
    due_at = due_after(began_at, changed_at)
    assert began_at + NEWS_WAIT <= due_at <= began_at + MAX_WAIT
    assert due_at == changed_at + NEWS_WAIT or due_at == began_at + MAX_WAIT


@given(st.timedeltas(timedelta(), timedelta(days=3)))
def test_reminder_is_planned_from_a_quarter_of_an_hour_before_it_is_due_until_it_is_late(left: timedelta) -> None:
    starts_at = NOW + left
    expected = [
        reminder.kind
        for reminder in REMINDERS
        if reminder.before - reminder.late_after < left <= reminder.before + LOOK_AHEAD
    ]
    planned = planned_reminders(starts_at, NOW)
    assert [one.kind for one in planned] == expected
    assert all(one.number == minute_of(starts_at) for one in planned)
    assert all(one.due_at < one.expires_at <= starts_at for one in planned)
    assert not planned or left <= reminder_horizon()
