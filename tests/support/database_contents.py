"""The whole content of some databases, to compare with a later state."""

from collections import Counter
from collections.abc import Mapping

from tests.support.clients import rows

_RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
SEQUENCE = "S"
Contents = Mapping[str, Counter[str]]
"""Rows as text, by database and table; a sequence has one."""


def contents_of(urls: Mapping[str, str]) -> Contents:
    """Every row of every table and the state of every sequence, of databases by name."""
    return {
        f"{name}.{relation}": _rows(url, schema, relation, kind)
        for name, url in urls.items()
        for schema, relation, kind in rows(url, _RELATIONS)
    }


def changes(before: Contents, after: Contents) -> list[str]:
    """Where they differ, and in which rows; nothing if they do not."""
    found = []
    for place in sorted({*before, *after}):
        gone, come = (one.get(place, Counter()) - other.get(place, Counter()) for one, other in _both(before, after))
        found += [f"{place}: no longer {row}" for row in gone] + [f"{place}: now {row}" for row in come]
    return found


def _both(before: Contents, after: Contents) -> tuple[tuple[Contents, Contents], tuple[Contents, Contents]]:
    return (before, after), (after, before)


def _rows(url: str, schema: str, relation: str, kind: str) -> Counter[str]:
    shown = "last_value || ' ' || is_called" if kind == SEQUENCE else "t::text"
    return Counter(str(row) for (row,) in rows(url, f'SELECT {shown} FROM "{schema}"."{relation}" t'))
