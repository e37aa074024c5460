"""When a delivery is retried or given up, and when a webhook is switched off."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from services.notifications.webhooks.model import (
    DEAD,
    DELAYS,
    FAILED,
    GONE,
    OFF_AFTER,
    QUEUED,
    CallResult,
    DeliveryOutcome,
    outcome_of_call,
)

NOW = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_success_is_delivered(status: int) -> None:
    assert outcome_of_call(CallResult(status), 3, NOW, NOW, 1.0) == DeliveryOutcome("delivered", None, "")


@pytest.mark.parametrize(
    ("called", "reason"),
    [
        (CallResult(301), "answered 301"),
        (CallResult(404), "answered 404"),
        (CallResult(500), "answered 500"),
        (CallResult(fault="no answer in time"), "no answer in time"),
    ],
)
def test_all_else_is_tried_again_ever_later(called: CallResult, reason: str) -> None:
    found = [outcome_of_call(called, attempt, None, NOW, 1.0) for attempt in range(1, len(DELAYS) + 2)]
    assert [one.state for one in found] == [QUEUED] * len(DELAYS) + [FAILED]
    assert {one.reason for one in found} == {reason}
    waits = [one.due_at - NOW for one in found if one.due_at is not None]
    assert waits == list(DELAYS)
    assert all(sooner < later for sooner, later in pairwise(waits))


def test_answer_410_switches_the_webhook_off_at_once() -> None:
    assert outcome_of_call(CallResult(410), 1, None, NOW, 1.0) == DeliveryOutcome(FAILED, None, "answered 410", GONE)


@pytest.mark.parametrize(("sooner", "off"), [(timedelta(seconds=1), ""), (timedelta(0), DEAD)])
def test_address_that_has_failed_for_days_is_turned_off(sooner: timedelta, off: str) -> None:
    found = outcome_of_call(CallResult(500), 1, NOW - OFF_AFTER + sooner, NOW, 1.0)
    assert (found.off, found.state) == (off, FAILED if off else QUEUED)
