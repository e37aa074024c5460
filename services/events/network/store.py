"""The tables of series, working groups, contacts with them, consultations, hotel blocks and resources."""

# ruff: noqa: S608 - names of our own columns, all values are parameters
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.network.model import (
    Allotment,
    Consultation,
    ContactKind,
    GroupContact,
    HostKind,
    HotelBlock,
    Resource,
    ResourceKind,
    RoomKind,
    Series,
    WorkingGroup,
)
from services.events.tables import lacks, read_all, row_of, save_value, stored_table, texts_read

_LAST_CONTACTS = text("SELECT working_group, max(held_on) FROM group_note WHERE held_on <= :today GROUP BY 1")

RESOURCE_COLUMNS = tuple(field.name for field in fields(Resource))
_LISTED = ", ".join(RESOURCE_COLUMNS)

_FIND = text(f"SELECT {_LISTED} FROM resource WHERE id = :id FOR UPDATE")

_ADD = text(
    f"INSERT INTO resource ({_LISTED}) VALUES ({', '.join(f':{name}' for name in RESOURCE_COLUMNS)}) "
    "ON CONFLICT (id) DO NOTHING"
)
_PUBLIC, _ALL = "FROM public_resource", "FROM resource"
_PUBLIC_OR_OWN = "(id IN (SELECT id FROM public_resource) OR coalesce(event, series) = ANY(CAST(:own AS text[])))"
"""It is public, or belongs to one of these; a city's own belongs to none."""
_REMOVE = text("DELETE FROM resource WHERE id = :id")
_CONDITIONS: Mapping[str, str] = {
    "kind": "kind = :kind",
    "event": "event = :event",
    "series": "series = :series",
    "city": "lower(city) = lower(:city)",
    "missing_language": lacks("title"),
    "after": "id > :after",
}

_HOTEL_COLUMNS = tuple(field.name for field in fields(HotelBlock))


def _consultation(row: Mapping[str, Any]) -> Consultation:
    return Consultation(**{**row, "host_kind": HostKind(row["host_kind"])})


def _contact(row: Mapping[str, Any]) -> GroupContact:
    return GroupContact(**{**row, "kind": ContactKind(row["kind"])})


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _series(row: Mapping[str, Any]) -> Series:
    return Series(**row)


def _group(row: Mapping[str, Any]) -> WorkingGroup:
    return WorkingGroup(**row)


SERIES_TABLE = stored_table("series", _columns(Series), _series)
GROUP_TABLE = stored_table("working_group", _columns(WorkingGroup), _group)
CONSULTATION_TABLE = stored_table("consultation", _columns(Consultation), _consultation)
CONTACT_TABLE = stored_table("group_note", _columns(GroupContact), _contact, order="held_on DESC, id")


def all_series(connection: Connection) -> list[Series]:
    """Every series."""
    return read_all(connection, SERIES_TABLE)


def all_working_groups(connection: Connection) -> list[WorkingGroup]:
    """Every working group."""
    return read_all(connection, GROUP_TABLE)


def save_working_group(connection: Connection, group: WorkingGroup) -> None:
    """Store ``group`` in place of what was stored under its id."""
    save_value(connection, GROUP_TABLE, group)


def all_consultations(connection: Connection) -> list[Consultation]:
    """Every consultation."""
    return read_all(connection, CONSULTATION_TABLE)


def last_contacts(connection: Connection, today: date) -> Mapping[str, date]:
    """The day of the last noted contact with each group, up to ``today``; groups without one are not in it."""
    return {row[0]: row[1] for row in connection.execute(_LAST_CONTACTS, {"today": today})}


def _save(table: str, columns: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)}) "
        f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns[1:])}"
    )


_SAVE = text(_save("resource", RESOURCE_COLUMNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFilter:
    """Which resources; None means any. ``after`` is the id before the first.

    ``missing_language`` is a language that their titles lack.

    ``cities_only`` leaves out what belongs to an event or a series. With ``published_only``, what belongs to an event
    or a series in ``own`` is there all the same.
    """

    published_only: bool
    kind: str | None = None
    event: str | None = None
    series: str | None = None
    city: str | None = None
    missing_language: str | None = None
    after: str | None = None
    limit: int = 50
    cities_only: bool = False
    own: frozenset[str] = frozenset()


def lock_resource(connection: Connection, resource_id: str) -> Resource | None:
    """The resource with this id, locked until the transaction ends."""
    row = connection.execute(_FIND, {"id": resource_id}).first()
    return None if row is None else _resource(row)


def insert_resource(connection: Connection, resource: Resource) -> bool:
    """Store a resource that is not there yet; whether it was not."""
    return connection.execute(_ADD, row_of(resource)).rowcount == 1


def save_resource(connection: Connection, resource: Resource) -> None:
    """Store ``resource`` in place of what was stored under its id."""
    connection.execute(_SAVE, row_of(resource))


def select_resources(connection: Connection, wanted: ResourceFilter) -> list[Resource]:
    """At most ``wanted.limit`` resources by id."""
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name) is not None]
    if wanted.cities_only:
        conditions.append("event IS NULL AND series IS NULL")
    if wanted.published_only and wanted.own:
        conditions.append(_PUBLIC_OR_OWN)
    source = _PUBLIC if wanted.published_only and not wanted.own else _ALL
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    query = text(f"SELECT {_LISTED} {source} {where}ORDER BY id LIMIT :limit")
    return [_resource(row) for row in connection.execute(query, asdict(wanted) | {"own": list(wanted.own)})]


def delete_resource(connection: Connection, resource_id: str) -> None:
    """Delete the resource with this id."""
    connection.execute(_REMOVE, {"id": resource_id})


def all_hotels(connection: Connection) -> list[HotelBlock]:
    """Every hotel block, by city and name."""
    return read_all(connection, HOTEL_TABLE)


def _hotel(row: Mapping[str, Any]) -> HotelBlock:
    return HotelBlock(**{**row, "allotments": tuple(_allotment(allotment) for allotment in row["allotments"])})


def _allotment(stored: Mapping[str, Any]) -> Allotment:
    first, last = (date.fromisoformat(stored[name]) for name in ("first_night", "last_night"))
    return Allotment(RoomKind(stored["kind"]), stored["rooms"], first, last)


HOTEL_TABLE = stored_table(
    "hotel_block", _HOTEL_COLUMNS, _hotel, json=frozenset({"allotments"}), order="city, name, id"
)


def _resource(row: Row[Any]) -> Resource:
    return Resource(**{**texts_read(row), "kind": ResourceKind(row.kind)})
