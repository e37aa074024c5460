"""Retention of proposals: speakers go after fourteen days, the person with everything else after ninety."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.events.retained import (
    ALL,
    ANSWERS,
    NOBODY,
    PERSON,
    SECOND,
    SPEAKERS,
    UNDECIDED,
    WHOLE,
    decided,
    kept,
)
from tests.integration.events.side_events import Desk
from tests.integration.events.test_schedule_guards import MORNING, NOON, change_event
from tests.support.clients import rows

ENDS_AT = datetime(2020, 5, 6, 12, 0, tzinfo=UTC)
"""Of what stands at ``NOON``."""


def scheduled(desk: Desk) -> str:
    """A proposal in the published timetable, whose side event ends at ``ENDS_AT``."""
    proposal = desk.accepted("Housing", **ANSWERS)
    desk.put(proposal, "garden-room", NOON)
    assert desk.publish().status_code == 201
    return proposal


@pytest.mark.parametrize("verb", ["decline", "withdraw"])
def test_each_goes_on_its_day(desk: Desk, database: str, keep_house: Callable[[datetime], None], verb: str) -> None:
    """Not a second before; the days run from the decision."""
    desk.clock.advance(timedelta(days=30))
    decided(desk, verb)
    for after, before_it, after_it in ((SPEAKERS, ALL, PERSON), (WHOLE, PERSON, NOBODY)):
        keep_house(desk.clock() + after)
        assert kept(database) == [before_it]
        keep_house(desk.clock() + after + SECOND)
        assert kept(database) == [after_it]


@pytest.mark.parametrize("verb", ["", "return", "accept"])
def test_nothing_of_what_waits_for_a_decision_goes_for_a_year(
    desk: Desk, database: str, keep_house: Callable[[datetime], None], verb: str
) -> None:
    """It is decided on as a whole, and a review may be moved by half a year."""
    proposal = desk.propose("Housing", **ANSWERS)
    if verb:
        desk.clock.advance(timedelta(days=30))
        desk.decide(proposal, verb, "A note.")
    keep_house(desk.clock() + UNDECIDED)
    assert kept(database) == [ALL]
    keep_house(desk.clock() + UNDECIDED + SECOND)
    assert kept(database) == [NOBODY]


def test_days_of_what_is_published_run_from_the_end_of_its_event(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    scheduled(desk)
    keep_house(ENDS_AT + SPEAKERS)
    assert kept(database) == [ALL]
    for after, left in ((SPEAKERS + SECOND, PERSON), (WHOLE, PERSON), (WHOLE + SECOND, NOBODY)):
        keep_house(ENDS_AT + after)
        assert kept(database) == [left]


def test_what_took_place_stays_counted_and_no_later_timetable_takes_it_back(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """Its participants would be told months later that it is cancelled."""
    scheduled(desk)
    event = "SELECT title, status, revision FROM event WHERE kind = 'side_event' AND title = 'Housing'"
    before = rows(database, event)
    keep_house(ENDS_AT + WHOLE + SECOND)
    assert rows(database, "SELECT status, title FROM proposal") == [("scheduled", "")]
    desk.clock.set(ENDS_AT + WHOLE + timedelta(days=1))
    desk.put(desk.accepted("Health"), "garden-room", MORNING)
    assert desk.publish().status_code == 201
    assert rows(database, event) == before
    told = "SELECT type FROM outbox WHERE subject = (SELECT id FROM event WHERE title = 'Housing') ORDER BY id"
    assert rows(database, told) == [("org.troika.event.published.v1",)]


def test_published_without_a_date_is_kept_until_it_has_one(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """The review was moved: the side event will be, nobody knows when."""
    proposal = scheduled(desk)
    [(event,)] = rows(database, "SELECT event_id FROM proposal")
    assert change_event(desk, event, "postpone").status_code == 200
    path = desk.link(proposal)
    desk.clock.advance(timedelta(days=3650))
    keep_house(desk.clock())
    assert kept(database) == [ALL]
    assert desk.client.get(path).status_code == 200
    assert change_event(desk, event, "cancel").status_code == 200
    keep_house(desk.clock() + SPEAKERS)
    assert kept(database) == [ALL]
    keep_house(desk.clock() + WHOLE + SECOND)
    assert kept(database) == [NOBODY]


def test_answer_that_goes_is_in_no_record_of_changes_either(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    proposal = desk.propose("Housing", **ANSWERS)
    path = f"/v1/proposals/{proposal}"
    seen = {**desk.headers, "If-Match": desk.client.get(path, headers=desk.headers).headers["ETag"]}
    assert desk.client.patch(path, json={"unavailable_on": [], "title": "Rooms"}, headers=seen).status_code == 200
    desk.decide(proposal, "decline")
    changed = "SELECT changed FROM proposal_change WHERE changed <> '[]'"
    assert "2020-05-07" in str(rows(database, changed))
    keep_house(desk.clock() + SPEAKERS + SECOND)
    assert rows(database, changed) == [([{"field": "title", "before": "Housing", "after": "Rooms"}],)]
