"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock

OFFSET_FILE = "TROIKA_TEST_CLOCK"
"""Names the file that says by how much processes of ``tests.support.moved`` are ahead, seconds."""

ALONE = "TROIKA_TEST_CLOCK_ALONE"
"""Set for a process whose clock moves while its database's does not."""

WEBINAR_WEEK = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
"""Monday of the week of UPR Webinar Wednesday #10: where most tests begin."""


class FrozenClock:
    """A ``shared.runtime.clock.Clock``: call it for the time, ``advance`` it, or ``set`` it."""

    def __init__(self, now: datetime = WEBINAR_WEEK) -> None:
        self._now = _aware(now)

    def __call__(self) -> datetime:
        """The aware UTC moment at which the clock stands."""
        return self._now

    def advance(self, step: timedelta | None = None, *, seconds: float = 0.0) -> datetime:
        """Move on by ``step`` plus ``seconds`` (negative goes back) and return the new time."""
        self._now += (step or timedelta()) + timedelta(seconds=seconds)
        return self._now

    def set(self, now: datetime) -> datetime:
        """Stand at ``now`` (aware).

        Raises:
            ValueError: ``now`` has no time zone.
        """
        self._now = _aware(now)
        return self._now


def agreeing(clock: Clock, work: UnitOfWork) -> CheckedClock:
    """``clock`` as a process has it whose database server shows the same time."""

    def database_time(_connection: Connection) -> datetime:
        return clock()

    return CheckedClock(clock, work, "test", database_time)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a clock needs an aware datetime")
    return moment.astimezone(UTC)
