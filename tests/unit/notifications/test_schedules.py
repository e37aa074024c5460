"""When a mail is retried or given up, and how a batch is divided among the lanes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.mails.kinds import KINDS, LANES
from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.sending.outcomes import (
    GIVE_UP_AFTER,
    GIVEN_UP,
    LEFT_UNKNOWN,
    MIN_ATTEMPTS,
    MIN_POSTPONEMENTS,
    RESENT,
    held_back,
    postponed,
    resolve_unknown,
    retried,
)
from services.notifications.sending.service import claim_plan
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import DomainError

MADE = datetime(2020, 3, 2, 9, tzinfo=UTC)


def claimed(attempts: int = 0) -> ClaimedMail:
    """A claimed mail, tried ``attempts`` times before."""
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


class NoDatabase:
    """A unit of work whose transactions reach no database, which has seen no time before."""

    @contextmanager
    def transaction(self) -> Iterator[object]:
        """A connection that stores nothing."""
        yield self

    def execute(self, *_statement: object) -> "NoDatabase":
        """The result is this object as well."""
        return self

    def one(self) -> tuple[object, ...]:
        """The row of ``highest_time`` before anything ran."""
        return None, None, None, timedelta()


def at(now: datetime, database_now: datetime | None = None) -> CheckedClock:
    """A process's clock at ``now``; the database's shows the same, or ``database_now``."""
    work = cast(UnitOfWork, NoDatabase())
    return CheckedClock(lambda: now, work, "test", lambda _connection: database_now or now)


def delays(attempt: int) -> list[float]:
    """Many delays after the same number of attempts, seconds."""
    found = [retried(claimed(attempt - 1), "a reason", at(MADE)).due_at for _ in range(200)]
    return [(instant - MADE).total_seconds() for instant in found if instant is not None]


def test_first_delay_is_spread_over_half_a_minute() -> None:
    waits = delays(1)
    assert len(waits) == 200
    assert 0 <= min(waits) < 5
    assert 25 < max(waits) <= 30


def test_delay_doubles_and_stays_below_four_hours() -> None:
    assert 60 < max(delays(3)) <= 120
    assert 3600 < max(delays(40)) <= 4 * 3600


@given(st.integers(0, 30), st.timedeltas(timedelta(), timedelta(days=10)))
def test_mail_is_given_up_after_72_hours_and_ten_attempts(attempts: int, age: timedelta) -> None:
    now = MADE + age
    outcome = retried(claimed(attempts), "a reason", at(now))
    if age >= GIVE_UP_AFTER and attempts + 1 >= MIN_ATTEMPTS:
        assert (outcome.result, outcome.due_at) == ("failed", None)
        assert outcome.reason == "given up after 72 hours: a reason"
    else:
        assert outcome.result == "deferred"
        assert outcome.due_at is not None
        assert outcome.due_at >= now


@given(st.integers(-20 * 86400, 20 * 86400))
def test_sender_whose_clock_is_wrong_gives_up_nothing(ahead_s: int) -> None:
    """Within two seconds it is right."""
    over = MADE + GIVE_UP_AFTER + timedelta(seconds=2)
    clock = at(over + timedelta(seconds=ahead_s), over)
    outcomes = [retried(claimed(500), "a reason", clock).result, postponed(claimed(5000), "a reason", clock).result]
    assert outcomes == ["failed" if abs(ahead_s) <= 2 else "deferred"] * 2


def test_event_is_looked_for_again_after_five_seconds_for_three_days() -> None:
    waiting = postponed(claimed(), "a reason", at(MADE))
    assert (waiting.result, waiting.due_at, waiting.tried) == ("deferred", MADE + timedelta(seconds=5), False)
    over = at(MADE + GIVE_UP_AFTER)
    tries = (MIN_POSTPONEMENTS - 2, MIN_POSTPONEMENTS - 1)
    assert [postponed(claimed(before), "a reason", over).result for before in tries] == ["deferred", "failed"]


def test_mail_that_coordinators_hold_back_is_looked_at_ever_more_rarely_for_three_days() -> None:
    for claims, most_s in ((1, 30), (3, 120), (40, 4 * 3600)):
        waiting = held_back(claimed(claims - 1), "a reason", at(MADE))
        assert (waiting.result, waiting.reason, waiting.tried) == ("deferred", "a reason", False)
        assert waiting.due_at is not None
        assert MADE <= waiting.due_at <= MADE + timedelta(seconds=most_s)
    over = at(MADE + GIVE_UP_AFTER)
    given_up = [held_back(claimed(claims - 1), "a reason", over) for claims in (MIN_ATTEMPTS - 1, MIN_ATTEMPTS)]
    assert [one.result for one in given_up] == ["deferred", "failed"]
    assert given_up[1].reason == "given up after 72 hours: a reason"


def test_outcome_that_no_claimed_mail_can_get_is_refused() -> None:
    with pytest.raises(DomainError):
        HandoverOutcome(claimed(), "bounced", MADE)


def test_unknown_is_resent_once_and_only_while_it_is_true() -> None:
    for kind in KINDS:
        assert resolve_unknown(kind, 1, outdated=False) == (RESENT if KINDS[kind].resent else GIVEN_UP)
        assert resolve_unknown(kind, 1, outdated=True) == GIVEN_UP
        assert resolve_unknown(kind, 2, outdated=False) == (LEFT_UNKNOWN if KINDS[kind].resent else GIVEN_UP)
        assert resolve_unknown(kind, 2, outdated=True) == GIVEN_UP


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
