"""Live registrations by kind of form, partner, country and day. Kept by difference, so the overview never counts."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

Entry = tuple[str, str]
"""A dimension and a name in it: ``("country", "CH")``."""

_MORE = text("""
    INSERT INTO tally (dimension, name, registrations)
    SELECT dimension, name, 1 FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[])) AS each (dimension, name)
    ON CONFLICT (dimension, name) DO UPDATE SET registrations = tally.registrations + 1
""")
_LESS = text("""
    UPDATE tally SET registrations = registrations - 1
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[])) AS each (dimension, name)
    WHERE tally.dimension = each.dimension AND tally.name = each.name
""")
_READ = text("SELECT name, registrations FROM tally WHERE dimension = :dimension AND registrations <> 0 ORDER BY name")


def more(connection: Connection, entries: Sequence[Entry]) -> None:
    """One registration more in each of ``entries``, which differ."""
    if entries:
        connection.execute(_MORE, _arrays(entries))


def less(connection: Connection, entries: Sequence[Entry]) -> None:
    """One registration less in each of ``entries``, which differ."""
    if entries:
        connection.execute(_LESS, _arrays(entries))


def by(connection: Connection, dimension: str) -> Mapping[str, int]:
    """Live registrations by the names of one dimension, in their order; names without any are not in it."""
    return {row.name: row.registrations for row in connection.execute(_READ, {"dimension": dimension})}


def _arrays(entries: Sequence[Entry]) -> dict[str, list[str]]:
    return {"dimensions": [dimension for dimension, _ in entries], "names": [name for _, name in entries]}
