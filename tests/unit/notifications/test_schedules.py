"""When a mail is tried again or given up, and how a batch is shared among the lanes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.kinds import KINDS, LANES
from services.notifications.domain.mail import ClaimedMail, Verdict
from services.notifications.domain.retrying import GIVE_UP_AFTER, GIVEN_UP, LEFT, RESENT, resolve_unknown
from services.notifications.domain.sharing import claim_plan
from services.notifications.sending.judging import postponed, retried
from shared.core.errors import DomainError

MADE = datetime(2020, 3, 2, 9, tzinfo=UTC)


def claimed(attempts: int = 0) -> ClaimedMail:
    """A mail in hand, tried ``attempts`` times before."""
    return ClaimedMail(
        id="01900000-0000-7000-8000-000000000001",
        kind="confirmation",
        subject="01900000-0000-7000-8000-000000000002",
        revision=1,
        event="upr-webinar-10",
        message_id="<01900000-0000-7000-8000-000000000001@example.org>",
        fence=attempts + 1,
        attempts=attempts,
        unknowns=0,
        lease_until=MADE,
        cause_at=MADE,
        created_at=MADE,
        correlation_id="",
    )


def delays(attempt: int) -> list[float]:
    """Many delays after the same number of attempts, seconds."""
    found = [retried(claimed(attempt - 1), "a reason", MADE).due_at for _ in range(200)]
    return [(moment - MADE).total_seconds() for moment in found if moment is not None]


def test_first_delay_is_spread_over_half_a_minute() -> None:
    waits = delays(1)
    assert len(waits) == 200
    assert 0 <= min(waits) < 5
    assert 25 < max(waits) <= 30


def test_delay_doubles_and_stays_below_four_hours() -> None:
    assert 60 < max(delays(3)) <= 120
    assert 3600 < max(delays(40)) <= 4 * 3600


@given(st.integers(0, 500), st.timedeltas(timedelta(), timedelta(days=10)))
def test_mail_is_tried_again_exactly_within_72_hours(attempts: int, age: timedelta) -> None:
    now = MADE + age
    verdict = retried(claimed(attempts), "a reason", now)
    if age >= GIVE_UP_AFTER:
        assert (verdict.outcome, verdict.due_at) == ("failed", None)
        assert verdict.reason == "given up after 72 hours: a reason"
    else:
        assert verdict.outcome == "deferred"
        assert verdict.due_at is not None
        assert verdict.due_at >= now


def test_event_is_looked_for_again_after_five_seconds_for_three_days() -> None:
    waiting = postponed(claimed(), "a reason", MADE)
    assert (waiting.outcome, waiting.due_at, waiting.tried) == ("deferred", MADE + timedelta(seconds=5), False)
    assert postponed(claimed(), "a reason", MADE + GIVE_UP_AFTER).outcome == "failed"


def test_verdict_that_no_claimed_mail_can_get_is_refused() -> None:
    with pytest.raises(DomainError):
        Verdict(claimed(), "bounced", MADE)


def test_unknown_is_resent_once_and_only_while_it_is_true() -> None:
    for kind in KINDS:
        assert resolve_unknown(kind, 1, untrue=False) == (RESENT if KINDS[kind].resent else GIVEN_UP)
        assert resolve_unknown(kind, 1, untrue=True) == GIVEN_UP
        assert resolve_unknown(kind, 2, untrue=False) == (LEFT if KINDS[kind].resent else GIVEN_UP)
        assert resolve_unknown(kind, 2, untrue=True) == GIVEN_UP


@given(st.dictionaries(st.sampled_from(LANES), st.integers(0, 30)), st.integers(1, 20))
def test_batch_is_full_if_it_can_be_and_starves_no_lane(due: dict[str, int], most: int) -> None:
    left = {lane: due.get(lane, 0) for lane in LANES}
    taken = dict.fromkeys(LANES, 0)
    for lane, share in claim_plan(most):
        now = min(share, most - sum(taken.values()), left[lane])
        taken[lane] += now
        left[lane] -= now
    assert sum(taken.values()) == min(most, sum(due.values()))
    if most >= len(LANES):
        assert all(taken[lane] > 0 for lane in LANES if due.get(lane, 0))
    assert taken["transactional"] >= min(due.get("transactional", 0), most - len(LANES) + 1)
