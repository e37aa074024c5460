"""Retention: deletes data at the end of its period; it never deletes anything that was not announced or confirmed.

It checks everything once an hour and then works in batches until nothing is due. Deletions are announced in the audit
log 72 hours ahead. Records overdue by a day are counted before anything is deleted, so that a failure is visible.

A machine whose time jumps makes a year of records due at once, by its own clock and by the database's. What falls due
without a notice therefore waits for an operator. A notice names one record and one step (``people``, ``answers-14``),
and ends when its record is no longer due in the coming days.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, TextClause, text

from shared.db.cleanup import HOURLY_S
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.metrics import housekeeping_held
from shared.security.audit_log import AuditRecord, add_audit_record

ANNOUNCED_AHEAD = timedelta(hours=72)
"""How long before its deletion a record is announced.

If time jumps, records may be deleted earlier by at most this; and the process may be down for this long, less
``NOTICE``, without records becoming due unannounced.
"""

NOTICE = timedelta(hours=24)
"""Minimum time between a notice and the deletion."""

RETENTION = "retention"
"""The actor in the audit log where no operator confirmed anything."""

MAY_GO = """EXISTS (SELECT 1 FROM retention_notice n WHERE n.step = :step AND n.subject = {id}
    AND (n.announced_at <= :announced_before OR n.confirmed_at IS NOT NULL))"""
"""Condition: a record was announced long enough ago, or an operator has confirmed its deletion."""

_ANNOUNCE = """
    INSERT INTO retention_notice (step, subject, form, announced_at)
    SELECT :step, coming.id, :form, :now FROM ({soon} EXCEPT {due}) coming
    ON CONFLICT (step, subject) DO UPDATE SET announced_at = excluded.announced_at
        WHERE retention_notice.announced_at > excluded.announced_at
"""
"""A notice from the future, of a time that was set back, starts again."""

_RETRACT = """
    DELETE FROM retention_notice WHERE form = :form AND step = :step AND subject NOT IN ({soon})
"""
_RETRACT_OTHERS = text("""
    DELETE FROM retention_notice n WHERE NOT EXISTS (
        SELECT FROM unnest(CAST(:forms AS text[]), CAST(:steps AS text[])) AS kept (form, step)
        WHERE kept.form = n.form AND kept.step = n.step)
""")
_WAITING = "{due} EXCEPT SELECT subject FROM retention_notice WHERE step = :step"
_CONFIRM = f"""
    INSERT INTO retention_notice (step, subject, form, announced_at, confirmed_at)
    SELECT :step, waiting.id, :form, :now, :now FROM ({_WAITING}) waiting ON CONFLICT (step, subject) DO NOTHING
"""  # noqa: S608 - constants
_COUNT = f"SELECT count(*) FROM ({_WAITING}) waiting"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class NoticeStatements:
    """Of one kind of step; :func:`notice_statements` makes them."""

    announce: TextClause
    retract: TextClause
    confirm: TextClause
    count: TextClause


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a step is about, for notices.

    Attributes:
        step: its name, of which there is one a form.
        form: slug.
        statements: the statements of its kind of step.
        values: the values of the statements' own parameters; ``before`` is one of them.
    """

    step: str
    form: str
    statements: NoticeStatements
    values: Mapping[str, Any]


def notice_statements(due: str) -> NoticeStatements:
    """Statements from the text of a query.

    Args:
        due: gives the ``id`` (uuid) of each record whose time was over ``:before``.
    """
    soon = due.replace(":before", ":soon")
    texts = (_ANNOUNCE, _RETRACT, _CONFIRM, _COUNT)
    return NoticeStatements(*(text(query.format(due=due, soon=soon)) for query in texts))


def announce(connection: Connection, noticed: Noticed, now: datetime) -> int:
    """Announce records that become due in the coming days, and withdraw other notices; return how many are new.

    Args:
        connection: the connection of the caller's transaction.
        noticed: a step.
        now: compared with the database's clock, by which notices are measured.
    """
    values = _values(noticed) | {"soon": noticed.values["before"] + ANNOUNCED_AHEAD}
    connection.execute(noticed.statements.retract, values)
    new = connection.execute(noticed.statements.announce, values | {"now": now}).rowcount
    if new:
        _record(connection, "retention-announced", noticed, new, now)
    return new


def retract_others(connection: Connection, kept: Sequence[Noticed]) -> None:
    """Delete the notices of steps that are not in ``kept``: a step that a form gets back is announced again."""
    values = {"forms": [notice.form for notice in kept], "steps": [notice.step for notice in kept]}
    connection.execute(_RETRACT_OTHERS, values)


def count_waiting(connection: Connection, noticed: Noticed) -> int:
    """How many records are due without an announcement."""
    found: int = connection.execute(noticed.statements.count, _values(noticed)).scalar_one()
    return found


def confirm(connection: Connection, noticed: Noticed, now: datetime, who: str) -> int:
    """Release what is due and was not announced, by decision of the operator ``who``; returns how many."""
    confirmed = connection.execute(noticed.statements.confirm, _values(noticed) | {"now": now}).rowcount
    if confirmed:
        _record(connection, "retention-confirmed", noticed, confirmed, now, who)
    return confirmed


def record_taken(connection: Connection, noticed: Noticed, count: int, now: datetime) -> None:
    """Write into the audit log of how many records retention has taken something."""
    if count:
        _record(connection, "retention-done", noticed, count, now)


def _record(
    connection: Connection, action: str, noticed: Noticed, count: int, now: datetime, who: str = RETENTION
) -> None:
    detail = {"step": noticed.step, "count": count}
    add_audit_record(connection, AuditRecord(who, action, "form", noticed.form, detail), now)


def _values(noticed: Noticed) -> dict[str, Any]:
    return {**noticed.values, "step": noticed.step, "form": noticed.form}


log = logging.getLogger(__name__)

MAX_PER_HOUR = 5000
"""Records of one kind from which one process takes something in an hour: as many as candidates. What is announced in
error is not gone before an operator can look."""

EVERY = timedelta(hours=1)
GRACE = timedelta(days=1)
"""What is due longer than this is overdue."""

BATCH_SIZE = 100
"""Records of one kind in one tick."""


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """Data of one form that is deleted at one time.

    Attributes:
        what: the kind of data, in the service's words; the label of its metrics.
        noticed: used to announce it.
        take: deletes it from at most ``BATCH_SIZE`` records, in separate transactions; returns from how many.
    """

    what: str
    noticed: Noticed
    take: Callable[[UnitOfWork, datetime], int]


@dataclass(frozen=True, slots=True)
class RetentionMetrics:
    """Metrics of a service: the ``labels`` of each, to be called with the service and what goes.

    Attributes:
        overdue: records that hold what should have been gone for a day.
        unannounced: records that are due unannounced and wait for an operator.
        done: records from which something was taken.
    """

    overdue: Callable[[str, str], Gauge]
    unannounced: Callable[[str, str], Gauge]
    done: Callable[[str, str], Counter]


class Retaining:
    """The retention of one service.

    Args:
        service: the name of the service.
        metrics: the metrics that it updates.
        overdue: how many records still have data that should have been deleted by ``now - GRACE``, by kind; changes
            nothing.
        steps: everything that can be deleted, at a given time.
        max_per_hour: records of one kind; at least ``BATCH_SIZE``.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        service: str,
        metrics: RetentionMetrics,
        overdue: Callable[[UnitOfWork, datetime], Mapping[str, int]],
        steps: Callable[[UnitOfWork, datetime], Iterable[RetentionStep]],
        max_per_hour: int = MAX_PER_HOUR,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._metrics = service, metrics
        self._max_per_hour, self._monotonic = max_per_hour, monotonic
        self._hour_ends_s, self._taken = float("-inf"), dict[str, int]()
        self._overdue, self._steps = overdue, steps
        self._next_run_at: datetime | None = None

    def run_once(self, work: UnitOfWork, now: datetime) -> None:
        """Do a batch of what is due at ``now``; usually nothing is, and then no query is made.

        Args:
            work: the unit of work on the service's database.
            now: compared with the database's clock.

        Raises:
            Unavailable: the database is down; the next tick continues.
        """
        if self._next_run_at is not None and self._next_run_at - EVERY <= now < self._next_run_at:
            return
        late = self._overdue(work, now)
        for kind, count in late.items():
            self._metrics.overdue(self._service, kind).set(count)
        if self._monotonic() >= self._hour_ends_s:
            self._begin_hour(late)
        steps = list(self._steps(work, now))
        self._announce(work, steps, dict.fromkeys(late, 0), now)
        taken = [self._take(work, step, now) for step in steps]
        if max(taken, default=0) < BATCH_SIZE:
            self._next_run_at = now + EVERY

    def _announce(
        self, work: UnitOfWork, steps: Sequence[RetentionStep], waiting: dict[str, int], now: datetime
    ) -> None:
        """``waiting`` has a 0 for every kind of data, so that a gauge falls when its last step no longer exists."""
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
        for kind, count in waiting.items():
            self._metrics.unannounced(self._service, kind).set(count)

    def _begin_hour(self, kinds: Iterable[str]) -> None:
        self._hour_ends_s = self._monotonic() + HOURLY_S
        self._taken = dict.fromkeys(kinds, 0)
        for kind in self._taken:
            housekeeping_held.labels(self._service, kind, "limit").set(0)

    def _take(self, work: UnitOfWork, step: RetentionStep, now: datetime) -> int:
        if self._taken[step.what] + BATCH_SIZE > self._max_per_hour:
            housekeeping_held.labels(self._service, step.what, "limit").set(1)
            log.error(
                "more falls due than is ordinary: retention goes on in the next hour",
                extra={"form": step.noticed.form, "step": step.noticed.step, "count": self._taken[step.what]},
            )
            return 0
        done = step.take(work, now)
        self._taken[step.what] += done
        if done:
            with work.transaction() as connection:
                record_taken(connection, step.noticed, done, now)
            self._metrics.done(self._service, step.what).inc(done)
            log.info("retention done", extra={"form": step.noticed.form, "step": step.noticed.step, "count": done})
        return done
