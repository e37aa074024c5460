"""Who may join an event online, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.registration.forms.opening import END_UNKNOWN_AFTER, Joining, JoinState, Meeting, decide_joining

STARTS_AT = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
ENDS_AT = datetime(2020, 3, 4, 20, 30, tzinfo=UTC)
OPENS_AT = STARTS_AT - timedelta(minutes=15)
JOIN = "https://meet.example.org/upr-webinar-10"
MEETING = Meeting(
    form="upr-webinar-10",
    form_kind="webinar",
    status="confirmed",
    language="en",
    verified=True,
    changed_at=STARTS_AT - timedelta(days=7),
    event_status="confirmed",
    mode="online",
    join_url=JOIN,
    starts_at=STARTS_AT,
    ends_at=ENDS_AT,
    minutes_before=15,
)
OPEN = Joining(JoinState.OPEN, JOIN, OPENS_AT)
INSTANT = timedelta(microseconds=1)


def state(now: datetime = STARTS_AT, **changes: Any) -> JoinState:
    """Whether the meeting with ``changes`` can be joined."""
    return decide_joining(replace(MEETING, **changes), now).state


@pytest.mark.parametrize("form_kind", ["webinar", "attendance", "delegation", "interest"])
@pytest.mark.parametrize("changes", [{}, {"mode": "hybrid"}, {"event_status": "tentative"}, {"verified": False}])
def test_meeting_opens_before_the_start_and_closes_at_the_end(form_kind: str, changes: dict[str, Any]) -> None:
    meeting = replace(MEETING, form_kind=form_kind, **changes)
    assert decide_joining(meeting, OPENS_AT - INSTANT) == Joining(JoinState.EARLY, opens_at=OPENS_AT)
    assert decide_joining(meeting, OPENS_AT) == OPEN
    assert decide_joining(meeting, ENDS_AT - INSTANT) == OPEN
    assert decide_joining(meeting, ENDS_AT) == Joining(JoinState.OVER)


@pytest.mark.parametrize("minutes", [0, 60, 1440])
def test_coordinator_chooses_when_the_meeting_opens(minutes: int) -> None:
    opens_at = STARTS_AT - timedelta(minutes=minutes)
    assert state(opens_at - INSTANT, minutes_before=minutes) is JoinState.EARLY
    assert state(opens_at, minutes_before=minutes) is JoinState.OPEN


def test_meeting_without_an_end_stays_open_for_a_while() -> None:
    over_at = STARTS_AT + END_UNKNOWN_AFTER
    assert [state(now, ends_at=None) for now in (over_at - INSTANT, over_at)] == [JoinState.OPEN, JoinState.OVER]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "waitlisted"}, JoinState.NO_SEAT),
        ({"status": "cancelled"}, JoinState.NO_SEAT),
        ({"event_status": "postponed", "starts_at": None}, JoinState.POSTPONED),
        ({"event_status": "cancelled"}, JoinState.CANCELLED),
        ({"event_status": "held"}, JoinState.OVER),
        ({"event_status": "draft"}, JoinState.NOT_ONLINE),
        ({"event_status": None, "mode": None}, JoinState.NOT_ONLINE),
        ({"mode": "in_person"}, JoinState.NOT_ONLINE),
        ({"starts_at": None}, JoinState.NOT_ONLINE),
        ({"form_kind": "working_group"}, JoinState.NOT_ONLINE),
        ({"join_url": None}, JoinState.NO_ADDRESS),
        ({"join_url": ""}, JoinState.NO_ADDRESS),
        ({"join_url": "http://meet.example.org"}, JoinState.NO_ADDRESS),
        ({"join_url": "javascript:alert(1)"}, JoinState.NO_ADDRESS),
    ],
)
def test_what_cannot_be_joined_gives_the_reason_and_no_address(changes: dict[str, Any], expected: JoinState) -> None:
    joining = decide_joining(replace(MEETING, **changes), STARTS_AT)
    assert (joining.state, joining.address) == (expected, "")
