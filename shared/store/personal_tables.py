"""What a service's tables hold about people: each service lists them once, for its erasure and for its export.

The export answers a data-subject request (GDPR, articles 15 and 20). Rows are exported whole, so that a new column is
part of it unless somebody gives a reason why it is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

SAID_BY = "said_by"
"""Metadata of a field with SQL: the one function here that says it, so that rights can be told apart."""


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """A table, or a view, with rows about people.

    Attributes:
        rows: of one person: ``FROM <table> t WHERE …``, with the parameters of the service's export.
        left_out: columns that are not exported, each with the reason.
        erase: the statement by which an erasure takes the person out, with the parameters of the service's erasure.
        ends: where there is no such statement: what ends the rows, or why they outlive the person.
    """

    rows: str = field(metadata={SAID_BY: "export_rows"})
    left_out: Mapping[str, str] = field(default_factory=dict)
    erase: str = field(default="", metadata={SAID_BY: "erase_rows"})
    ends: str = ""

    @property
    def name(self) -> str:
        """Of the table."""
        return self.rows.split()[1]


def erase_rows(connection: Connection, tables: Iterable[PersonalTable], erased: Mapping[str, Any]) -> None:
    """Take somebody out of all tables, one after the other.

    Args:
        connection: of the one transaction of the erasure.
        tables: of the service.
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
