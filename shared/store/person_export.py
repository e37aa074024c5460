"""Everything that a service's tables hold about one person, for a data-subject request (GDPR, articles 15 and 20).

Rows are exported whole, so that a new column is part of the export unless somebody gives a reason why it is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """A table, or a view, with rows about people.

    Attributes:
        rows: of one person: ``FROM <table> t WHERE …``, with the parameters of its service.
        left_out: columns that are not exported, each with the reason.
    """

    rows: str
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the table."""
        return self.rows.split()[1]


def export_rows(
    connection: Connection, tables: Iterable[PersonalTable], person: Mapping[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one person as JSON values, by table; tables without any are empty lists.

    Args:
        connection: on the service's database; its login reads all columns of ``tables``.
        tables: of the service.
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
