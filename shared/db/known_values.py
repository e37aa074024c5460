"""Unknown values in the filters of a list: refused with the nearest known one.

A misspelt event would give an empty list, which reads like an event to which no one comes.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, TextClause

from shared.runtime.errors import MAX_NAME_CHARACTERS, DomainError


def require_known(
    connection: Connection, asked: Mapping[str, Any], sources: Mapping[str, TextClause], parameters: Mapping[str, Any]
) -> None:
    """Refuse a filter whose value names nothing that the caller may see.

    Args:
        connection: a connection with an open transaction.
        asked: the filters by name, each a value or several; empty ones are not checked.
        sources: the statement by filter that selects every value the caller may see. A filter without one is not
            checked, and neither is one whose statement finds no value: other services may not have published theirs
            yet.
        parameters: the parameters of these statements.

    Raises:
        DomainError: ``unknown-value``; its detail names the filter and the nearest known value.
    """
    for name, statement in sources.items():
        values = asked.get(name) or ()
        if not values:
            continue
        known = list(connection.execute(statement, dict(parameters)).scalars())
        for value in (values,) if isinstance(values, str) else values:
            if known and value.casefold() not in known:
                raise DomainError("unknown-value", f"{name}: {_advice(value, known)}")


def _advice(value: str, known: list[str]) -> str:
    near = get_close_matches(value.casefold(), known, n=1) if len(value) <= MAX_NAME_CHARACTERS else []
    return f"Unknown value; did you mean `{near[0]}`?" if near else "Unknown value"
