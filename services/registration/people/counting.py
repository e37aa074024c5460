"""Registrations counted: all that a filter finds, or by one or two of what is known of them.

Over all forms the counts are kept up to date, so that a question reads no registration. A trigger stores each change of
a registration as +1 and -1 in ``registration_count_change``; ``tend`` adds these rows to ``registration_count``. A
question reads both tables in one statement, so its numbers are exact at any time. Different people cannot be counted
so: they are counted within a form or an event alone.
"""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Connection, text

from services.registration.people.answer_filters import PREFIX, answer_field, is_free_text
from services.registration.people.listing_store import PeopleFilter, Where, conditions_of
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import FormDefinition
from shared.runtime.errors import DomainError, unknown_parameter_advice

CUBES: Mapping[str, tuple[str, ...]] = {
    "features": ("form", "event_id", "status", "working_group", "partner", "country", "language", "representative"),
    "days": ("form", "event_id", "status", "partner", "day"),
    "organisations": ("status", "organisation_id"),
}
"""Columns by which each group of rows of ``registration_count`` (its ``cube``) is grouped; the others are NULL there.

One cube of all columns would have nearly as many rows as there are registrations.
"""
KEPT_COLUMNS = tuple(dict.fromkeys(column for columns in CUBES.values() for column in columns))

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


_LISTED = ", ".join(KEPT_COLUMNS)
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
        Unavailable: the database is down.
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
        names: the names of the filters and of the keys to group by.
        values: the values of the filters by name. A time within a day needs the registrations.
    """
    needed = {_COLUMN_OF.get(name, name) for name in names}
    if any(isinstance(value, datetime) and value.astimezone(UTC).time() != time() for value in values.values()):
        return None
    return next((cube for cube, columns in CUBES.items() if needed <= set(columns)), None)


def rows_of(cube: str, names: Iterable[str]) -> str:
    """SQL of a relation that has ``registrations``, and what ``names`` need of the columns of ``registration``.

    ``accepted_at`` is the start of the day, UTC. The statement needs the parameter ``cube``.
    """
    needed = {_COLUMN_OF.get(name, name) for name in names}
    columns = [column for column in CUBES[cube] if column in needed]
    shown = ["day::timestamp AT TIME ZONE 'UTC' AS accepted_at" if column == "day" else column for column in columns]
    return _SUMMED.format(
        shown="".join(f"{column}, " for column in shown),
        columns="".join(f"{column}, " for column in columns),
        by=", ".join(columns),
    )


MAX_KEYS = 2
MAX_GROUPS = 1000
COLUMNS = {
    "form": "r.form",
    "event": "r.event_id",
    "status": "r.status",
    "working_group": "r.working_group",
    "partner": "r.partner",
    "country": "r.country",
    "language": "r.language",
    "organisation": "o.name",
    "representative": "r.representative",
    "day": "(r.accepted_at AT TIME ZONE 'UTC')::date::text",
}
"""Keys for counting that every form has, as SQL; ``day`` is that of the registration, in UTC."""

ORGANISATION = "LEFT JOIN organisation o ON o.id = r.organisation_id"


@dataclass(frozen=True, slots=True)
class Key:
    """A key by which registrations are counted.

    Attributes:
        name: the name in the request.
        sql: the SQL expression of its value for ``registration r``.
        join: the JOIN clause that the value needs, if any; several answers of one person count each.
        values: the parameters of the SQL.
    """

    name: str
    sql: str
    join: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class CountGroup:
    """A group of registrations that were counted together.

    Attributes:
        by: the value of each key.
        registrations: the number of registrations.
        people: the number of different people; None where kept counts answer.
    """

    by: dict[str, Any]
    registrations: int
    people: int | None


def read_keys(group_by: str, definition: FormDefinition | None) -> tuple[Key, ...]:
    """Return what to count by: names separated by commas, ``answer.<field>`` among them.

    Args:
        group_by: the parameter of the request; at most two names.
        definition: the definition of the form that is asked about; None if the question names no form.

    Raises:
        DomainError: ``unknown-parameter``.
    """
    names = [name.strip() for name in group_by.split(",")]
    if len(names) > MAX_KEYS or len(set(names)) < len(names):
        raise DomainError("unknown-parameter", f"group_by: one name, or {MAX_KEYS} different ones, are required")
    return tuple(_key(name, number, definition) for number, name in enumerate(names))


@dataclass(frozen=True, slots=True)
class Source:
    """What is counted, as SQL: rows that have the columns of ``registration r``, and how to sum them."""

    rows: str
    clause: str
    registrations: str
    person: str
    people: str
    values: dict[str, Any]


def count_people(connection: Connection, wanted: PeopleFilter) -> int:
    """The total number of registrations that match."""
    where = conditions_of(connection, wanted)
    if where.is_nothing:
        return 0
    source = _source(where, (), people=False)
    counted = text(f"SELECT {source.registrations} FROM {source.rows} r {source.clause}")
    return int(connection.execute(counted, source.values).scalar_one())


def count_by(connection: Connection, wanted: PeopleFilter, keys: Sequence[Key], at_least: int = 1) -> list[CountGroup]:
    """The largest groups first, at most ``MAX_GROUPS`` and one more; without those of less than ``at_least``."""
    where = conditions_of(connection, wanted)
    if where.is_nothing:
        return []
    source = _source(where, [key.name for key in keys], people=True)
    values = source.values | {name: value for key in keys for name, value in key.values.items()}
    values["at_least"] = at_least
    positions = ", ".join(str(number + 1) for number in range(len(keys)))
    columns = [f"key_value_{number}" for number in range(len(keys))]
    statement = f"""
        SELECT {", ".join(columns)}, sum(registrations)::bigint AS registrations, {source.people} FROM (
            SELECT {", ".join(f"{key.sql} AS {column}" for key, column in zip(keys, columns, strict=True))},
                {source.person} AS person, {source.registrations} AS registrations
            FROM {source.rows} r {" ".join(_joins(keys))} {source.clause}
            GROUP BY {positions}, person
        ) AS each GROUP BY {positions} HAVING sum(registrations) >= :at_least
        ORDER BY registrations DESC, {positions} LIMIT {MAX_GROUPS + 1}
    """
    return [
        CountGroup(dict(zip([key.name for key in keys], row[:-2], strict=True)), row[-2], row[-1])
        for row in connection.execute(text(statement), values)
    ]


def _source(where: Where, names: Sequence[str], *, people: bool) -> Source:
    """Kept counts if they can answer, else the registrations. ``people``: whether different ones are wanted too."""
    needed = [*(where.names - {"erased"}), *names]
    cube = None if people and {"form", "event"} & where.names else cube_for(needed, where.values)
    if cube is None:
        return Source("registration", where.sql, "count(*)", "r.person_ref", "count(*)", where.values)
    summed, values = "COALESCE(sum(r.registrations), 0)::bigint", where.values | {"cube": cube}
    return Source(rows_of(cube, needed), where.without("erased").sql, summed, "NULL::bytea", "NULL", values)


def _joins(keys: Sequence[Key]) -> Iterator[str]:
    yield from dict.fromkeys(key.join for key in keys if key.join)


def _key(name: str, number: int, definition: FormDefinition | None) -> Key:
    if not name.startswith(PREFIX):
        if name not in COLUMNS:
            advice = unknown_parameter_advice(name, [*COLUMNS, f"{PREFIX}…"])
            raise DomainError("unknown-parameter", f"group_by: {advice}")
        return Key(name, COLUMNS[name], ORGANISATION if name == "organisation" else "", {})
    if definition is None:
        raise DomainError("unknown-parameter", "answers can be counted only within one form: name it as `form`")
    field = answer_field(name.removeprefix(PREFIX), definition)
    if is_free_text(field):
        raise DomainError("unknown-parameter", f"{name} is free text and cannot be counted")
    question, chosen = f"key_{number}", f"chosen_{number}"
    if field.kind.data_type != "list":
        return Key(name, f"r.answers -> :{question}", "", {question: field.name})
    answers = f"CASE WHEN jsonb_typeof(r.answers -> :{question}) = 'array' THEN r.answers -> :{question} END"
    each = f"LEFT JOIN LATERAL jsonb_array_elements_text({answers}) {chosen} ON true"
    return Key(name, chosen, each, {question: field.name})
