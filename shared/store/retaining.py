"""Deletes data at the end of its retention period: for registration in ``tend``, for events in the relay's cleanup.

It checks everything once an hour and then works in batches until nothing is due. Deletions are announced in the audit
log 72 hours ahead; records that fall due without an announcement wait for an operator (``retention_notices``). Records
overdue by a day are counted before anything is deleted, so that a failure is visible.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.metrics import retention_done_total, retention_overdue, retention_unannounced
from shared.store.retention_notices import Noticed, announce, count_waiting, note_taken, retract_others
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
GRACE = timedelta(days=1)
"""What is due longer than this is overdue."""

BITE = 100
"""Records of one kind in one turn."""


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """Something that goes of one form at one time.

    Attributes:
        what: ``ended``, ``sealed``, ``answers`` or ``people``.
        noticed: by which it is announced.
        take: takes it from at most ``BITE`` records that may go, in transactions of its own; returns from how many.
    """

    what: str
    noticed: Noticed
    take: Callable[[UnitOfWork, datetime], int]


class Retaining:
    """One service's.

    Args:
        service: whose.
        overdue: how many records still have what should have gone by ``now - GRACE``, by what it is; changes nothing.
        steps: everything that can go, at a time.
    """

    def __init__(
        self,
        service: str,
        overdue: Callable[[UnitOfWork, datetime], Mapping[str, int]],
        steps: Callable[[UnitOfWork, datetime], Iterable[RetentionStep]],
    ) -> None:
        self._service, self._overdue, self._steps = service, overdue, steps
        self._next_look: datetime | None = None

    def turn(self, work: UnitOfWork, now: datetime) -> None:
        """Do a bite of what is due at ``now``; mostly nothing is, and nothing is asked.

        Args:
            work: on the service's database.
            now: compared with the database's clock.

        Raises:
            Unavailable: the database is away; the next turn goes on.
        """
        if self._next_look is not None and self._next_look - EVERY <= now < self._next_look:
            return
        late = self._overdue(work, now)
        for what, count in late.items():
            retention_overdue.labels(self._service, what).set(count)
        steps = list(self._steps(work, now))
        self._announce(work, steps, dict.fromkeys(late, 0), now)
        taken = [self._take(work, step, now) for step in steps]
        if max(taken, default=0) < BITE:
            self._next_look = now + EVERY

    def _announce(
        self, work: UnitOfWork, steps: Sequence[RetentionStep], waiting: dict[str, int], now: datetime
    ) -> None:
        """``waiting`` has a 0 for everything that can go, so that a gauge falls when its last step is no more."""
        with work.transaction() as connection:
            retract_others(connection, [step.noticed for step in steps])
        for step in steps:
            with work.transaction() as connection:
                new, left = announce(connection, step.noticed, now), count_waiting(connection, step.noticed)
            waiting[step.what] = waiting.get(step.what, 0) + left
            facts = step.noticed.form, step.noticed.step
            if new:
                log.info("retention announced", extra={"form": facts[0], "step": facts[1], "count": new})
            if left:
                log.error(
                    "due without a notice: waits for retention confirm",
                    extra={"form": facts[0], "step": facts[1], "count": left},
                )
        for what, count in waiting.items():
            retention_unannounced.labels(self._service, what).set(count)

    def _take(self, work: UnitOfWork, step: RetentionStep, now: datetime) -> int:
        done = step.take(work, now)
        if done:
            with work.transaction() as connection:
                note_taken(connection, step.noticed, done, now)
            retention_done_total.labels(self._service, step.what).inc(done)
            log.info("retention done", extra={"form": step.noticed.form, "step": step.noticed.step, "count": done})
        return done
