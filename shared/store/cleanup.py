"""Deletes what was kept long enough, by rules of one shape: a table, a condition, how long, and why so long.

Each service lists its rules in one file (``services/<service>/cleanup.py``); a test asks every table for one. What must
never happen here: a rule that runs by a time which was not compared with the database's (``checked_clock``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text

from shared.core.ids import first_id_of
from shared.core.metrics import housekeeping_deleted_total
from shared.store.unit_of_work import UnitOfWork

BATCH = 2000
"""Rows of one transaction: milliseconds, so whoever waits for a row waits no longer than that."""

HOURLY_S = 3600.0
"""Seconds between two looks for what is kept for months."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a table loses by age.

    Attributes:
        table: its name; the condition knows it as ``t``.
        due: SQL condition. It may use ``:before`` (now less ``kept``), ``:now``, and ``:made_before``, the identifier
            that was made at ``:before``, for tables whose primary key is in the order of time.
        kept: how long.
        why: the reason for that time, or what ends with it.
        change: what is set instead of deleting the row, for instance ``network = NULL``.
        order: columns by which the oldest rows are found first; of an index.
        batch: rows of one transaction.
        every_s: seconds between two looks while nothing more is due; 0: at each turn.
        skip_locked: leave rows alone that somebody holds, in place of waiting. It needs the right to update.
        statement: made of all that.
    """

    table: str
    due: str
    kept: timedelta
    why: str
    change: str = ""
    order: str = ""
    batch: int = BATCH
    every_s: float = 0.0
    skip_locked: bool = False
    statement: TextClause = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the statement. Without a lock a row may change after it was found: then it is judged once more."""
        order = f" ORDER BY {self.order}" if self.order else ""
        lock, again = (" FOR UPDATE SKIP LOCKED", "") if self.skip_locked else ("", f" AND ({self.due})")
        found = f"SELECT t.ctid FROM {self.table} t WHERE {self.due}{order} LIMIT :batch{lock}"  # noqa: S608 - constants
        verb = f"UPDATE {self.table} t SET {self.change}" if self.change else f"DELETE FROM {self.table} t"  # noqa: S608
        object.__setattr__(self, "statement", text(f"{verb} WHERE t.ctid = ANY(ARRAY({found})){again}"))


class Cleanup:
    """Runs the rules of a service; any number of processes may do so at once.

    Args:
        work: on the service's database.
        service: its name, for the metric.
        rules: in an order in which each finds what the one before has left without a reason to stay.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self, work: UnitOfWork, service: str, rules: Sequence[Rule], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._work, self._service, self._monotonic = work, service, monotonic
        self._look_at_s = dict.fromkeys(rules, float("-inf"))

    def turn(self, now: datetime) -> bool:
        """Run a batch of each rule whose look is due, each in a transaction of its own.

        Args:
            now: of a checked clock.

        Returns:
            whether a batch was full, so that there is more at once.

        Raises:
            Unavailable: the database is away; the next turn goes on.
        """
        now_s = self._monotonic()
        looked = [rule for rule, look_at_s in self._look_at_s.items() if look_at_s <= now_s]
        more = [rule for rule in looked if self._run(rule, now) == rule.batch]
        self._look_at_s |= {rule: now_s + rule.every_s for rule in looked if rule not in more}
        return bool(more)

    def _run(self, rule: Rule, now: datetime) -> int:
        before = now - rule.kept
        values = {"now": now, "before": before, "made_before": first_id_of(before), "batch": rule.batch}
        with self._work.transaction() as connection:
            rows = connection.execute(rule.statement, values).rowcount
        if rows:
            housekeeping_deleted_total.labels(self._service, rule.table).inc(rows)
        return rows
