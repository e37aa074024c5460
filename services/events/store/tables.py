"""Tables of things that coordinators set up: short, each read whole, one row for each value of the domain."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, text

T = TypeVar("T")
# ruff: noqa: S608 - names of our own tables and columns, all values are parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable(Generic[T]):
    """One table.

    Attributes:
        name: of the table.
        columns: of a value, ``id`` first.
        make: a value from its row.
        row: the columns of a value, as the database takes them.
        json: columns that hold JSON.
        order: in which the values are read.
    """

    name: str
    columns: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], T]
    row: Callable[[T], dict[str, Any]] = asdict  # type: ignore[assignment]  # every value is a dataclass
    json: frozenset[str] = frozenset()
    order: str = "id"

    def all(self, connection: Connection) -> list[T]:
        """Every value, in order."""
        query = text(f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY {self.order}")
        return [self.make(dict(row._mapping)) for row in connection.execute(query)]

    def find_for_change(self, connection: Connection, value_id: str) -> T | None:
        """The value with this id, locked until the transaction ends."""
        query = text(f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE id = :id FOR UPDATE")
        row = connection.execute(query, {"id": value_id}).first()
        return None if row is None else self.make(dict(row._mapping))

    def add(self, connection: Connection, value: T) -> bool:
        """Store a value that is not there yet; whether it was not."""
        query = text(f"{self._insert()} ON CONFLICT (id) DO NOTHING")
        return connection.execute(query, self._values(value)).rowcount == 1

    def save(self, connection: Connection, value: T) -> None:
        """Store ``value`` in place of what was stored under its id."""
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.columns[1:])
        connection.execute(text(f"{self._insert()} ON CONFLICT (id) DO UPDATE SET {changed}"), self._values(value))

    def remove(self, connection: Connection, value_id: str) -> None:
        """Delete the value with this id."""
        connection.execute(text(f"DELETE FROM {self.name} WHERE id = :id"), {"id": value_id})

    def _insert(self) -> str:
        values = (f"CAST(:{name} AS jsonb)" if name in self.json else f":{name}" for name in self.columns)
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({', '.join(values)})"

    def _values(self, value: T) -> dict[str, Any]:
        row = self.row(value)
        return {name: json.dumps(row[name], default=str) if name in self.json else row[name] for name in self.columns}
