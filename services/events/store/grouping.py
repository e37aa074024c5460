"""Rows of a table counted: all that a filter finds, or by one or two of what is known of them. Every list says it so.

Who calls it gives the parts of a statement, which are constant; all values are parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from shared.core.errors import DomainError

MAX_GROUPS = 1000
MAX_KEYS = 2


@dataclass(frozen=True, slots=True)
class CountedGroup:
    """How many have the same values, and what their numbers come to."""

    by: Mapping[str, Any]
    count: int
    sums: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What is counted by, as SQL; ``join`` is what it needs beside the table."""

    sql: str
    join: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows to be counted.

    Attributes:
        source: ``FROM`` with the table and what belongs to it.
        where: conditions, joined by ``AND``.
        values: the parameters of ``where``.
    """

    source: str
    where: str
    values: Mapping[str, Any]


def group_names(asked: str, allowed: Sequence[str]) -> list[str]:
    """One or two names of fields, parted by a comma.

    Raises:
        DomainError: ``unknown-parameter``, it is none that can be counted by, or there are more.
    """
    names = [name.strip() for name in asked.split(",")]
    if not 1 <= len(names) <= MAX_KEYS or len(set(names)) != len(names) or not set(names) <= set(allowed):
        raise DomainError("unknown-parameter", f"group_by takes one or two of {', '.join(allowed) or 'nothing'}")
    return names


def count_all(connection: Connection, rows: Counted) -> int:
    """How many rows there are."""
    counted = text(f"SELECT count(*) {rows.source} WHERE {rows.where}")
    return int(connection.execute(counted, dict(rows.values)).scalar_one())


def count_by(
    connection: Connection, rows: Counted, keys: Mapping[str, GroupKey], at_least: int = 1
) -> list[CountedGroup]:
    """The largest groups first, at most ``MAX_GROUPS`` and one more.

    Args:
        connection: inside the caller's transaction.
        rows: what is counted.
        keys: what it is counted by, by name; one or two.
        at_least: without the smaller ones.
    """
    columns, joins = ", ".join(key.sql for key in keys.values()), " ".join(key.join for key in keys.values())
    positions = ", ".join(str(number + 1) for number in range(len(keys)))
    statement = f"""
        SELECT {columns}, count(*) AS found {rows.source} {joins} WHERE {rows.where}
        GROUP BY {positions} HAVING count(*) >= :at_least ORDER BY found DESC, {positions} LIMIT {MAX_GROUPS + 1}
    """
    found = connection.execute(text(statement), {**rows.values, "at_least": at_least})
    return [CountedGroup(dict(zip(keys, row[:-1], strict=True)), row[-1]) for row in found]
