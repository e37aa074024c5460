"""Tables of things that coordinators set up: short, each read whole, one row for each value of the domain.

Texts by language are columns of jsonb; see :mod:`services.events.store.texts`.
"""

import json as json_text
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, TextClause, text

from services.events.store.texts import row_of, texts_read

T = TypeVar("T")
# ruff: noqa: S608 - names of our own tables and columns, all values are parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable(Generic[T]):
    """One table, and what is said to the database about it.

    Attributes:
        columns: of a value, ``id`` first.
        make: a value from its row.
        json: columns that hold JSON.
    """

    columns: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], T]
    json: frozenset[str]
    every: TextClause = field(metadata={"said_by": "read_all"})
    one: TextClause = field(metadata={"said_by": "find_for_change"})
    insert: TextClause = field(metadata={"said_by": "add_value"})
    upsert: TextClause = field(metadata={"said_by": "save_value"})
    delete: TextClause = field(metadata={"said_by": "remove_value"})


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
    values = ", ".join(f"CAST(:{one} AS jsonb)" if one in json else f":{one}" for one in columns)
    changed = ", ".join(f"{one} = excluded.{one}" for one in columns[1:])
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


def find_for_change(connection: Connection, table: StoredTable[T], value_id: str) -> T | None:
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
