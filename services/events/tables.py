"""SQL that the tables of several features share: texts by language, counts by group, and short tables read whole.

Texts by language are columns of jsonb, such as ``{"en": "Housing", "fr": "Logement"}``. Callers give the constant parts
of a statement; all values are parameters.
"""

# ruff: noqa: S608 - names of our own tables and columns, all values are parameters
import json as json_text
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, TextClause, text

from shared.i18n.languages import Text
from shared.runtime.errors import DomainError

TEXT_COLUMNS = ("title", "summary", "room_title")
"""Columns that hold such a text wherever they hold jsonb."""

MAX_GROUPS = 1000
MAX_KEYS = 2

T = TypeVar("T")


def row_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as parameters of a statement, by name."""
    return {field.name: _parameter(getattr(value, field.name)) for field in fields(value)}


def texts_read(row: Row[Any]) -> dict[str, Any]:
    """A row by column, with its texts as values of the domain."""
    found = dict(row._mapping)
    read = {name: Text.of(found[name]) for name in TEXT_COLUMNS if isinstance(found.get(name), dict)}
    return found | read


def in_every_language(column: str) -> str:
    """An expression of SQL: the texts of ``column`` in all its languages, in one."""
    return f"(SELECT string_agg(value, ' ') FROM jsonb_each_text({column}))"


def lacks(column: str) -> str:
    """A condition of SQL: ``column`` holds a text, but none in the language ``:missing_language``."""
    return f"({column} <> '{{}}' AND NOT {column} ? :missing_language)"


def _parameter(value: Any) -> Any:
    return Jsonb(value.as_mapping) if isinstance(value, Text) else value


@dataclass(frozen=True, slots=True)
class CountedGroup:
    """How many have the same values, and the sum of their numbers."""

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
    """One or two names of fields, separated by a comma.

    Raises:
        DomainError: ``unknown-parameter``, a field that cannot be counted by, or more than two.
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
        connection: the connection of the caller's transaction.
        rows: what is counted.
        keys: what it is counted by, by name; one or two.
        at_least: the smallest count of a group in the result.
    """
    columns, joins = ", ".join(key.sql for key in keys.values()), " ".join(key.join for key in keys.values())
    positions = ", ".join(str(number + 1) for number in range(len(keys)))
    statement = f"""
        SELECT {columns}, count(*) AS found {rows.source} {joins} WHERE {rows.where}
        GROUP BY {positions} HAVING count(*) >= :at_least ORDER BY found DESC, {positions} LIMIT {MAX_GROUPS + 1}
    """
    found = connection.execute(text(statement), {**rows.values, "at_least": at_least})
    return [CountedGroup(dict(zip(keys, row[:-1], strict=True)), row[-1]) for row in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable(Generic[T]):
    """One table and its statements.

    Attributes:
        columns: the columns of a value, ``id`` first.
        make: a value from its row.
        json: columns that hold JSON.
    """

    columns: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], T]
    json: frozenset[str]
    every: TextClause = field(metadata={"issued_by": "read_all"})
    one: TextClause = field(metadata={"issued_by": "lock_value"})
    insert: TextClause = field(metadata={"issued_by": "add_value"})
    upsert: TextClause = field(metadata={"issued_by": "save_value"})
    delete: TextClause = field(metadata={"issued_by": "remove_value"})


def stored_table(
    name: str,
    columns: tuple[str, ...],
    make: Callable[[Mapping[str, Any]], T],
    *,
    json: frozenset[str] = frozenset(),
    order: str = "id",
) -> StoredTable[T]:
    """The table ``name``, which is read in ``order``."""
    listed = ", ".join(columns)
    values = ", ".join(f"CAST(:{column} AS jsonb)" if column in json else f":{column}" for column in columns)
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    insert = f"INSERT INTO {name} ({listed}) VALUES ({values}) ON CONFLICT (id) DO"
    return StoredTable(
        columns=columns,
        make=make,
        json=json,
        every=text(f"SELECT {listed} FROM {name} ORDER BY {order}"),
        one=text(f"SELECT {listed} FROM {name} WHERE id = :id FOR UPDATE"),
        insert=text(f"{insert} NOTHING"),
        upsert=text(f"{insert} UPDATE SET {changed}"),
        delete=text(f"DELETE FROM {name} WHERE id = :id"),
    )


def read_all(connection: Connection, table: StoredTable[T]) -> list[T]:
    """Every value, in order."""
    return [table.make(texts_read(row)) for row in connection.execute(table.every)]


def lock_value(connection: Connection, table: StoredTable[T], value_id: str) -> T | None:
    """The value with this id, locked until the transaction ends."""
    row = connection.execute(table.one, {"id": value_id}).first()
    return None if row is None else table.make(texts_read(row))


def add_value(connection: Connection, table: StoredTable[T], value: T) -> bool:
    """Store a value that is not there yet; whether it was not."""
    return connection.execute(table.insert, _row(table, value)).rowcount == 1


def save_value(connection: Connection, table: StoredTable[T], value: T) -> None:
    """Store ``value`` in place of what was stored under its id."""
    connection.execute(table.upsert, _row(table, value))


def remove_value(connection: Connection, table: StoredTable[T], value_id: str) -> None:
    """Delete the value with this id."""
    connection.execute(table.delete, {"id": value_id})


def _row(table: StoredTable[T], value: Any) -> dict[str, Any]:
    content = asdict(value) if table.json else {}
    return row_of(value) | {name: json_text.dumps(content[name], default=str) for name in table.json}
