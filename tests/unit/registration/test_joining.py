"""Who is shown where an event is joined online."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.registration.own.joining import OPEN_ENDED, OnlineEvent, join_address

STARTS_AT = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
ENDS_AT = datetime(2020, 3, 4, 20, 30, tzinfo=UTC)
JOIN = "https://meet.example.org/upr-webinar-10"
EVENT = OnlineEvent("confirmed", "online", JOIN, STARTS_AT, ENDS_AT)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize("form_kind", ["webinar", "attendance", "delegation", "interest"])
@pytest.mark.parametrize("changes", [{}, {"mode": "hybrid"}, {"status": "tentative"}])
def test_join_address_of_a_confirmed_registration_until_the_end(form_kind: str, changes: dict[str, Any]) -> None:
    event = replace(EVENT, **changes)
    assert join_address("confirmed", form_kind, event, ENDS_AT - INSTANT) == JOIN
    assert join_address("confirmed", form_kind, event, ENDS_AT) == ""


def test_join_address_of_an_event_without_an_end() -> None:
    event = replace(EVENT, ends_at=None)
    assert join_address("confirmed", "webinar", event, STARTS_AT + OPEN_ENDED - INSTANT) == JOIN
    assert join_address("confirmed", "webinar", event, STARTS_AT + OPEN_ENDED) == ""


@pytest.mark.parametrize("status", ["waitlisted", "cancelled"])
def test_join_address_without_a_seat_is_empty(status: str) -> None:
    assert join_address(status, "webinar", EVENT, STARTS_AT) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "postponed"},
        {"status": "cancelled"},
        {"status": "held"},
        {"mode": "in_person"},
        {"starts_at": None},
        {"join_url": None},
        {"join_url": ""},
        {"join_url": "http://meet.example.org"},
        {"join_url": "javascript:alert(1)"},
    ],
)
def test_join_address_of_what_cannot_be_joined_is_empty(changes: dict[str, Any]) -> None:
    assert join_address("confirmed", "webinar", replace(EVENT, **changes), STARTS_AT) == ""


def test_join_address_of_a_form_without_an_event_or_attendance_is_empty() -> None:
    assert join_address("confirmed", "webinar", None, STARTS_AT) == ""
    assert join_address("confirmed", "working_group", EVENT, STARTS_AT) == ""
