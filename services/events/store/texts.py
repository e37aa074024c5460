"""Texts by language in tables: each is one object of jsonb, such as ``{"en": "Housing", "fr": "Logement"}``."""

from dataclasses import fields
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Row

from shared.i18n.content import Text

COLUMNS = ("title", "summary", "room_title")
"""Columns that hold such a text wherever they hold jsonb."""


def row_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as parameters of a statement, by name."""
    return {field.name: _parameter(getattr(value, field.name)) for field in fields(value)}


def texts_read(row: Row[Any]) -> dict[str, Any]:
    """A row by column, with its texts as values of the domain."""
    found = dict(row._mapping)
    read = {name: Text.of(found[name]) for name in COLUMNS if isinstance(found.get(name), dict)}
    return found | read


def in_every_language(column: str) -> str:
    """An expression of SQL: the texts of ``column`` in all its languages, in one."""
    return f"(SELECT string_agg(value, ' ') FROM jsonb_each_text({column}))"  # noqa: S608 - a column of ours


def lacks(column: str) -> str:
    """A condition of SQL: ``column`` holds a text, but none in the language ``:missing_language``."""
    return f"({column} <> '{{}}' AND NOT {column} ? :missing_language)"


def _parameter(value: Any) -> Any:
    return Jsonb(value.as_mapping) if isinstance(value, Text) else value
