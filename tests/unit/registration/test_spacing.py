"""The spacing of confirmation mails to one mailbox, and the quotas of a domain and of all together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.intake.mailboxes import MAX_GROWTH, next_mail_at, total_quota

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("step", "wait"),
    [
        (1, timedelta(minutes=5)),
        (2, timedelta(minutes=30)),
        (3, timedelta(hours=2)),
        (4, timedelta(hours=6)),
        (5, timedelta(hours=12)),
        (6, timedelta(hours=12)),
        (1000, timedelta(hours=12)),
    ],
)
def test_wait_after_each_mail(step: int, wait: timedelta) -> None:
    assert next_mail_at(step, NOON) == NOON + wait


def test_mailbox_whose_owner_does_nothing_gets_six_mails_on_the_first_day() -> None:
    """Something waits for it all the time, so every mail goes as soon as it may."""
    sent = [NOON]
    while (following := next_mail_at(len(sent), sent[-1])) < NOON + timedelta(days=1):
        sent.append(following)
    assert len(sent) == 6
    later = next_mail_at(len(sent) + 1, following)
    assert later - following == timedelta(hours=12)


@given(st.integers(1, 50))
def test_wait_never_gets_shorter(step: int) -> None:
    assert next_mail_at(step, NOON) <= next_mail_at(step + 1, NOON)


@pytest.mark.parametrize(
    ("mailed", "verified", "factor"), [(0, 0, 1), (200, 0, 1), (200, 100, 2.5), (200, 200, MAX_GROWTH)]
)
def test_budget_over_all_grows_with_the_share_that_confirms(mailed: int, verified: int, factor: float) -> None:
    assert total_quota(1000, mailed, verified) == 1000 * factor


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_budget_over_all_stays_within_its_bounds(mailed: int, verified: int) -> None:
    assert 1000 <= total_quota(1000, mailed, verified) <= 1000 * MAX_GROWTH
