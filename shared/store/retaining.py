"""Keeps nothing longer than was promised: a turn within a relay's housekeeping, for whichever service.

Once an hour it looks at everything, and goes on at each turn until nothing is due. What should be gone for a day and is
not is counted before anything is deleted, so that a failure shows.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from shared.core.metrics import retention_done_total, retention_overdue
from shared.store.unit_of_work import UnitOfWork

EVERY = timedelta(hours=1)
GRACE = timedelta(days=1)
"""What is due longer than this is overdue."""

BITE = 100
"""Records of one kind in one turn."""


class Retaining:
    """One service's.

    Args:
        service: whose.
        overdue: how many records still have what should have gone by ``now - GRACE``, by what it is; changes nothing.
        take: takes at most ``BITE`` records of each kind that is due at ``now``, in transactions of its own, and says
            of each kind what it was and how many there were.
    """

    def __init__(
        self,
        service: str,
        overdue: Callable[[UnitOfWork, datetime], Mapping[str, int]],
        take: Callable[[UnitOfWork, datetime], Iterable[tuple[str, int]]],
    ) -> None:
        self._service, self._overdue, self._take = service, overdue, take
        self._next_look: datetime | None = None

    def turn(self, work: UnitOfWork, now: datetime) -> None:
        """Do a bite of what is due at ``now``; mostly nothing is, and nothing is asked.

        Raises:
            Unavailable: the database is away; the next turn goes on.
        """
        if self._next_look is not None and now < self._next_look:
            return
        for what, count in self._overdue(work, now).items():
            retention_overdue.labels(self._service, what).set(count)
        more = False
        for what, done in self._take(work, now):
            if done:
                retention_done_total.labels(self._service, what).inc(done)
            more = more or done >= BITE
        if not more:
            self._next_look = now + EVERY
