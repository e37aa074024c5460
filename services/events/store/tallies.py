"""Live registrations by kind of form, partner, country and day. Kept by difference, so the overview never counts.

Those of internal events are tallied apart: whether an event is internal is looked up where a number moves.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

Entry = tuple[str, str]
"""A dimension and a name in it: ``("country", "CH")``."""

_IS_INTERNAL = "EXISTS (SELECT FROM event WHERE event.id = :event_id AND event.internal)"
_ADDED = """
    ON CONFLICT (internal, dimension, name) DO UPDATE SET registrations = tally.registrations + excluded.registrations
"""
# ruff: noqa: S608 - the parts above are constant, all values are parameters
_MORE = text(f"""
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT {_IS_INTERNAL}, dimension, name, 1
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[])) AS each (dimension, name) {_ADDED}
""")
_MORE_OF = text(f"""
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT {_IS_INTERNAL}, dimension, name, number
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[]), CAST(:numbers AS integer[]))
        AS each (dimension, name, number) {_ADDED}
""")
_LESS = text(f"""
    UPDATE tally SET registrations = registrations - 1
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[])) AS each (dimension, name)
    WHERE tally.internal = {_IS_INTERNAL} AND tally.dimension = each.dimension AND tally.name = each.name
""")
_MOVE = text(f"""
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT side.internal, dimension, name, side.sign * registrations
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[]), CAST(:numbers AS integer[]))
        AS each (dimension, name, registrations),
        (VALUES (:internal, 1), (NOT :internal, -1)) AS side (internal, sign) {_ADDED}
""")
_READ = text("""
    SELECT name, registrations FROM tally
    WHERE internal = :internal AND dimension = :dimension AND registrations <> 0 ORDER BY name
""")


def more(connection: Connection, entries: Sequence[Entry], event_id: str | None) -> None:
    """One registration of an event more in each of ``entries``, which differ."""
    if entries:
        connection.execute(_MORE, _arrays(entries) | {"event_id": event_id})


def more_of(connection: Connection, numbers: Mapping[Entry, int], event_id: str | None) -> None:
    """So many registrations of an event more in each entry."""
    if numbers:
        entries = sorted(numbers)
        values = _arrays(entries) | {"numbers": [numbers[entry] for entry in entries], "event_id": event_id}
        connection.execute(_MORE_OF, values)


def less(connection: Connection, entries: Sequence[Entry], event_id: str | None) -> None:
    """One registration of an event less in each of ``entries``, which differ."""
    if entries:
        connection.execute(_LESS, _arrays(entries) | {"event_id": event_id})


def move(connection: Connection, numbers: Mapping[Entry, int], *, internal: bool) -> None:
    """So many registrations of each entry count as internal from now on, or as others, and no longer where they did."""
    if numbers:
        values = _arrays(list(numbers)) | {"numbers": list(numbers.values()), "internal": internal}
        connection.execute(_MOVE, values)


def by(connection: Connection, dimension: str, *, internal: bool) -> Mapping[str, int]:
    """Live registrations by the names of one dimension, in their order; names without any are not in it."""
    rows = connection.execute(_READ, {"dimension": dimension, "internal": internal})
    return {row.name: row.registrations for row in rows}


def _arrays(entries: Sequence[Entry]) -> dict[str, list[str]]:
    return {"dimensions": [dimension for dimension, _ in entries], "names": [name for _, name in entries]}
