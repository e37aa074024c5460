"""Cleanup by rules, erasure and export of a person's rows, and text search without accents.

Each service lists its cleanup rules in one file (``services/<service>/cleanup.py``): a table, a condition, a period and
its reason; a test requires one for every table. It must never apply a rule by a time that was not compared with the
database's (:class:`shared.db.readiness.CheckedClock`). That time may be wrong all the same: what nothing can restore
goes by notice, and no table loses far more in an hour than is ordinary.

Each service lists once which of its tables contain data about people, for erasure and for the export, which answers a
data-subject request (GDPR, articles 15 and 20). Rows are exported whole, so that a new column is part of it unless a
reason is given.

Search compares text without case, accents and other marks, in every script: ``Müller`` is ``muller`` to it,
``Łódź`` is ``lodz``, and Arabic and Hebrew are the same with and without vowels. The function is in PostgreSQL,
because indexes use it. ``unaccent`` was rejected: not every server has it, it supports only Latin, Greek and Cyrillic,
and it is not immutable. Changing the function needs a migration that rebuilds every index that uses it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, text

from shared.db.highest_time import NOTICE
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import first_id_of
from shared.runtime.metrics import housekeeping_deleted_total, housekeeping_held

log = logging.getLogger(__name__)

BATCH = 2000
"""Rows of one transaction: milliseconds, so a transaction that waits for a row waits no longer than that."""

HOURLY_S = 3600.0
"""Seconds between two checks of tables whose rows are kept for months."""

MAX_PER_HOUR = 50_000
"""Rows that one process deletes from one table in an hour: ten times the largest rush that was measured, and more than
a million a day, so that after a day of attacks retention is late by hours."""

_IS_ANNOUNCED = """EXISTS (SELECT FROM highest_time h
    WHERE h.announced_at > CAST(:now AS timestamptz) - CAST(:notice AS interval))"""
"""Condition: what is due was announced less than a day ago, at the end of a wait after a jump of the time."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows that a table loses by age.

    Attributes:
        table: its name; the condition knows it as ``t``.
        due: SQL condition. It may use ``:before`` (now less ``kept``), ``:now``, and ``:made_before``, the identifier
            that was made at ``:before``, for tables whose primary key is in the order of time.
        kept: how long.
        why: the reason for that time, or what ends with it.
        change: what is set instead of deleting the row, for instance ``network = NULL``.
        order: columns by which the oldest rows are found first; of an index.
        batch: rows of one transaction.
        every_s: seconds between two checks while nothing more is due; 0 to check at each tick.
        skip_locked: skip rows that another transaction has locked, in place of waiting. It needs the right to update.
        by_notice: nothing can restore these rows: after a jump of the time they go a day after the wait has ended.
        max_per_hour: rows that one process deletes from the table in an hour; emptied columns do not count.
        statement: the SQL statement made from the attributes above.
        announced: the query that counts the rows waiting for the end of the notice.
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
    by_notice: bool = False
    max_per_hour: int = MAX_PER_HOUR
    statement: TextClause = field(init=False, repr=False, compare=False)
    announced: TextClause = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the statement. Without a lock a row may change after it was found: then it is judged again."""
        order = f" ORDER BY {self.order}" if self.order else ""
        lock, again = (" FOR UPDATE SKIP LOCKED", "") if self.skip_locked else ("", f" AND ({self.due})")
        due = f"({self.due}) AND NOT {_IS_ANNOUNCED}" if self.by_notice else self.due
        found = f"SELECT t.ctid FROM {self.table} t WHERE {due}{order} LIMIT :batch{lock}"  # noqa: S608 - constants
        waiting = f"SELECT count(*) FROM {self.table} t WHERE ({self.due}) AND {_IS_ANNOUNCED}"  # noqa: S608 - constants
        verb = f"UPDATE {self.table} t SET {self.change}" if self.change else f"DELETE FROM {self.table} t"  # noqa: S608
        object.__setattr__(self, "statement", text(f"{verb} WHERE t.ctid = ANY(ARRAY({found})){again}"))
        object.__setattr__(self, "announced", text(waiting))


class Cleanup:
    """Runs the rules of a service; any number of processes may do so at once.

    Args:
        work: the unit of work on the service's database.
        service: its name, for the metric.
        rules: the rules in an order in which each finds the rows that the previous one has made obsolete.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self, work: UnitOfWork, service: str, rules: Sequence[Rule], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._work, self._service, self._monotonic = work, service, monotonic
        self._due_s = dict.fromkeys(rules, float("-inf"))
        self._by_notice = [rule for rule in rules if rule.by_notice]
        self._hour_ends_s = float("-inf")
        self._deleted = dict.fromkeys((rule.table for rule in rules), 0)

    def run_once(self, now: datetime) -> bool:
        """Run a batch of each rule whose check is due, each in a separate transaction.

        Args:
            now: the current time by a checked clock.

        Returns:
            whether a batch was full, so that there is more at once.

        Raises:
            Unavailable: the database is down; the next tick continues.
        """
        now_s = self._monotonic()
        if now_s >= self._hour_ends_s:
            self._begin_hour(now, now_s)
        due_rules = [rule for rule, due_s in self._due_s.items() if due_s <= now_s]
        more = [rule for rule in due_rules if self._run(rule, now)]
        self._due_s |= {rule: now_s + rule.every_s for rule in due_rules if rule not in more}
        return bool(more)

    def _begin_hour(self, now: datetime, now_s: float) -> None:
        """Count deletions from 0, by seconds that no change of the time touches, and report what goes by notice."""
        self._hour_ends_s = now_s + HOURLY_S
        self._deleted = dict.fromkeys(self._deleted, 0)
        for table in self._deleted:
            housekeeping_held.labels(self._service, table, "limit").set(0)
        waiting = dict.fromkeys((rule.table for rule in self._by_notice), 0)
        for rule in self._by_notice:
            with self._work.transaction() as connection:
                waiting[rule.table] += connection.execute(rule.announced, _values(rule, now)).scalar_one()
        for table, count in waiting.items():
            housekeeping_held.labels(self._service, table, "notice").set(count > 0)
            if count:
                log.error(
                    "announced after a jump of the time: deleted in a day", extra={"table": table, "count": count}
                )

    def _run(self, rule: Rule, now: datetime) -> bool:
        """A batch of one rule; returns whether it was full, so that there is more at once."""
        left = rule.batch if rule.change else min(rule.batch, rule.max_per_hour - self._deleted[rule.table])
        if left <= 0:
            return False
        with self._work.transaction() as connection:
            rows = connection.execute(rule.statement, _values(rule, now) | {"batch": left}).rowcount
        if rows:
            housekeeping_deleted_total.labels(self._service, rule.table).inc(rows)
        if not rule.change:
            self._deleted[rule.table] += rows
            if rows == left and self._deleted[rule.table] >= rule.max_per_hour:
                self._report_limit(rule)
                return False
        return rows == rule.batch

    def _report_limit(self, rule: Rule) -> None:
        housekeeping_held.labels(self._service, rule.table, "limit").set(1)
        log.error(
            "more falls due than is ordinary: deletion goes on in the next hour",
            extra={"table": rule.table, "count": self._deleted[rule.table]},
        )


def _values(rule: Rule, now: datetime) -> dict[str, Any]:
    before = now - rule.kept
    values = {"now": now, "before": before, "made_before": first_id_of(before)}
    return values | ({"notice": NOTICE} if rule.by_notice else {})


ISSUED_BY = "issued_by"
"""Metadata of a field with SQL: the one function here that executes it, so that rights can be distinguished."""


DIGEST = "a check value of the other columns, for the audit; it contains nothing else"
"""Why the digest of a row is not exported."""


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """A table, or a view, with rows about people.

    Attributes:
        rows: the part of a SELECT that finds the rows of one person: ``FROM <table> t WHERE …``, with the parameters of
            the service's export.
        left_out: columns that are not exported, each with the reason.
        erase: the statement that erases the person, with the parameters of the service's erasure.
        ends: where there is no such statement: what ends the rows, or why they outlive the person.
    """

    rows: str = field(metadata={ISSUED_BY: "export_rows"})
    left_out: Mapping[str, str] = field(default_factory=dict)
    erase: str = field(default="", metadata={ISSUED_BY: "erase_rows"})
    ends: str = ""

    @property
    def name(self) -> str:
        """Of the table."""
        return self.rows.split()[1]


def erase_rows(connection: Connection, tables: Iterable[PersonalTable], erased: Mapping[str, Any]) -> None:
    """Erase a person from all tables, one after the other.

    Args:
        connection: the connection of the erasure's single transaction.
        tables: the service's tables about people.
        erased: parameters of their statements.
    """
    for table in tables:
        if table.erase:
            connection.execute(text(table.erase), erased)


def export_rows(
    connection: Connection, tables: Iterable[PersonalTable], person: Mapping[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one person as JSON values, by table; tables without any are empty lists.

    Args:
        connection: a connection to the service's database, whose login may read all columns of ``tables``.
        tables: the service's tables about people.
        person: parameters of their conditions.
    """
    return {table.name: _rows(connection, table, person) for table in tables}


def reasons_of(tables: Iterable[PersonalTable]) -> dict[str, str]:
    """Return why columns are not exported, by ``table.column``."""
    return {f"{table.name}.{column}": why for table in tables for column, why in table.left_out.items()}


def _rows(connection: Connection, table: PersonalTable, person: Mapping[str, Any]) -> list[dict[str, Any]]:
    statement = f"SELECT to_jsonb(t) - CAST(:left_out AS text[]) {table.rows} ORDER BY to_jsonb(t)"
    found: Sequence[dict[str, Any]] = (
        connection.execute(text(statement), {**person, "left_out": list(table.left_out)}).scalars().all()
    )
    return list(found)


_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n", "ς": "σ",
    "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ٱ": "ا",
    "’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "‐": "-", "–": "-", "—": "-",
}  # fmt: skip
"""Letters that Unicode does not decompose (in lower case), and characters that people type in several ways."""

_SEVERAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}

_MARKS = (
    (0x00AD, 0x00AD), (0x0300, 0x036F), (0x0483, 0x0487), (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2),
    (0x05C4, 0x05C5), (0x05C7, 0x05C7), (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06DC), (0x06DF, 0x06E4), (0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
    (0x200B, 0x200F), (0x2060, 0x2060), (0x20D0, 0x20FF), (0xFE20, 0xFE2F), (0xFEFF, 0xFEFF),
)  # fmt: skip
"""Accents, Arabic and Hebrew vowel signs, the Arabic stretching sign, and what cannot be seen."""


def folding_function() -> str:
    """The statement that makes ``folded(text)``, for a migration.

    Text in ASCII takes the short path: every registration calls the function.
    """
    marks = "".join(rf"\u{first:04x}-\u{last:04x}" for first, last in _MARKS)
    folded = f"lower(regexp_replace(normalize(words, NFKD), '[{marks}]', '', 'g'))"
    for letter, letters in _SEVERAL.items():
        folded = f"replace({folded}, '{letter}', '{letters}')"
    one, other = ("".join(part).replace("'", "''") for part in (_LETTERS.keys(), _LETTERS.values()))
    return f"""
        CREATE FUNCTION folded(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
            CASE WHEN octet_length(words) = char_length(words) THEN lower(words)
                ELSE translate({folded}, '{one}', '{other}') END
    """


def words_of(column: str) -> str:
    """The words of a text column as a GIN index holds them: split at blanks, and only there.

    A lexeme has at most 2,046 bytes; 500 letters have at most 2,000.
    """
    return f"array_to_tsvector(array_remove(string_to_array(left(folded({column}), 500), ' '), ''))"


def word_query(folded: str) -> str:
    """A ``tsquery`` (as text) for the first word of ``folded``: whole if another follows, else a prefix."""
    first, more, _rest = folded.partition(" ")
    quoted = first[:500].replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'" if more else f"'{quoted}':*"
