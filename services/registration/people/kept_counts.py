"""Registrations counted over all forms from counts kept up to date: a question reads no registration.

A trigger stores each change of a registration as +1 and -1 in ``registration_count_change``; ``tend`` adds these rows
to ``registration_count``. A question reads both tables in one statement, so its numbers are exact at any time.
Different people cannot be counted so: they are counted within a form or an event alone.
"""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import text

from shared.store.unit_of_work import UnitOfWork

CUBES: Mapping[str, tuple[str, ...]] = {
    "features": ("form", "event_id", "status", "working_group", "partner", "country", "language", "representative"),
    "days": ("form", "event_id", "status", "partner", "day"),
    "organisations": ("status", "organisation_id"),
}
"""Columns that each group of rows of ``registration_count`` (its ``cube``) tells apart; the others are NULL there.

One cube of all columns would have nearly as many rows as there are registrations.
"""
COLUMNS = tuple(dict.fromkeys(column for columns in CUBES.values() for column in columns))

_COLUMN_OF = {
    "event": "event_id",
    "forms": "form",
    "organisation": "organisation_id",
    "since": "day",
    "until": "day",
    "day": "day",
}
"""Column by filter or name in ``group_by``, where its name is another one."""

MAX_FOLDED = 20_000
_ADVISORY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('registration_count', 0))")


_LISTED = ", ".join(COLUMNS)
_FOLD = text(f"""
    WITH taken AS (
        DELETE FROM registration_count_change
        WHERE id IN (SELECT id FROM registration_count_change ORDER BY id LIMIT {MAX_FOLDED})
        RETURNING {_LISTED}, change
    )
    INSERT INTO registration_count (cube, {_LISTED}, registrations)
    SELECT CASE WHEN GROUPING(day) = 0 THEN 'days' WHEN GROUPING(organisation_id) = 0 THEN 'organisations'
            ELSE 'features' END, {_LISTED}, sum(change)
    FROM taken
    GROUP BY GROUPING SETS ({", ".join(f"({', '.join(columns)})" for columns in CUBES.values())})
    HAVING sum(change) <> 0
    ON CONFLICT ON CONSTRAINT registration_count_once
        DO UPDATE SET registrations = registration_count.registrations + excluded.registrations
""")
_EMPTY = text("DELETE FROM registration_count WHERE registrations = 0")
_SUMMED = """(
    SELECT {shown}sum(registrations) AS registrations FROM (
        SELECT {columns}registrations FROM registration_count WHERE cube = :cube
        UNION ALL SELECT {columns}change FROM registration_count_change
    ) AS kept GROUP BY GROUPING SETS (({by}))
)"""
_WAITING = text("SELECT EXISTS (SELECT FROM registration_count_change)")


def fold_counts(work: UnitOfWork) -> bool:
    """Add a batch of changes to the counts; whether more are waiting. Does nothing while another process does it.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if not connection.execute(_ADVISORY_LOCK).scalar_one():
            return False
        connection.execute(_FOLD)
        connection.execute(_EMPTY)
        return bool(connection.execute(_WAITING).scalar_one())


def cube_for(names: Iterable[str], values: Mapping[str, Any]) -> str | None:
    """The cube that answers a question, or None if only the registrations do.

    Args:
        names: of its filters and of what it groups by.
        values: of its filters. A time within a day needs the registrations.
    """
    needed = {_COLUMN_OF.get(name, name) for name in names}
    if any(isinstance(value, datetime) and value.astimezone(UTC).time() != time() for value in values.values()):
        return None
    return next((cube for cube, columns in CUBES.items() if needed <= set(columns)), None)


def rows_of(cube: str, names: Iterable[str]) -> str:
    """SQL of a relation that has ``registrations``, and what ``names`` need of the columns of ``registration``.

    ``accepted_at`` is the beginning of the day, UTC. The statement needs the parameter ``cube``.
    """
    needed = {_COLUMN_OF.get(name, name) for name in names}
    columns = [column for column in CUBES[cube] if column in needed]
    shown = ["day::timestamp AT TIME ZONE 'UTC' AS accepted_at" if one == "day" else one for one in columns]
    return _SUMMED.format(
        shown="".join(f"{one}, " for one in shown),
        columns="".join(f"{one}, " for one in columns),
        by=", ".join(columns),
    )
