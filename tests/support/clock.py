"""A clock that is frozen until a test moves it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock

OFFSET_FILE = "TROIKA_TEST_CLOCK"
"""Names the file with the seconds by which processes of ``tests.support.shifted_clock`` are ahead."""

ALONE = "TROIKA_TEST_CLOCK_ALONE"
"""Set for a process whose clock moves while its database's does not."""

JUMPS = "TROIKA_TEST_CLOCK_JUMPS"
"""Set for a process whose time, and its database's, jump together."""

ANY_STEP = timedelta(days=100_000)
"""For clocks that tests move: the time in between has passed in the ordinary way."""

WEBINAR_WEEK = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
"""Monday of the week of UPR Webinar Wednesday #10: where most tests begin."""


class FrozenClock:
    """A ``shared.runtime.clock.Clock``: call it for the time, ``advance`` it, or ``set`` it."""

    def __init__(self, now: datetime = WEBINAR_WEEK) -> None:
        self._now = _aware(now)

    def __call__(self) -> datetime:
        """The clock's time, aware, in UTC."""
        return self._now

    def advance(self, step: timedelta | None = None, *, seconds: float = 0.0) -> datetime:
        """Move on by ``step`` plus ``seconds`` (negative goes back) and return the new time."""
        self._now += (step or timedelta()) + timedelta(seconds=seconds)
        return self._now

    def set(self, now: datetime) -> datetime:
        """Set the clock to ``now`` (aware).

        Raises:
            ValueError: ``now`` has no time zone.
        """
        self._now = _aware(now)
        return self._now


def agreeing(clock: Clock, work: UnitOfWork) -> CheckedClock:
    """``clock`` as a process has it whose database server shows the same time."""
    return wrong(clock, work, timedelta())


def wrong(clock: Clock, work: UnitOfWork, ahead: timedelta) -> CheckedClock:
    """The clock of a process that is ``ahead`` of ``clock`` (negative: behind), which is its database server's."""

    def process_time() -> datetime:
        return clock() + ahead

    def database_time(_connection: Connection) -> datetime:
        return clock()

    return CheckedClock(process_time, work, "test", database_time, max_step=ANY_STEP)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a clock needs an aware datetime")
    return instant.astimezone(UTC)
