"""The tables of resources and of hotel blocks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.domain.hotel import Allotment, HotelBlock, RoomKind
from services.events.domain.resource import Resource, ResourceKind
from services.events.store.tables import read_all, stored_table
from services.events.store.texts import lacks, row_of, texts_read

COLUMNS = tuple(field.name for field in fields(Resource))
_LISTED = ", ".join(COLUMNS)
# ruff: noqa: S608 - names of our own columns, all values are parameters


def _save(table: str, columns: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)}) "
        f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns[1:])}"
    )


_FIND = text(f"SELECT {_LISTED} FROM resource WHERE id = :id FOR UPDATE")
_SAVE = text(_save("resource", COLUMNS))
_ADD = text(
    f"INSERT INTO resource ({_LISTED}) VALUES ({', '.join(f':{name}' for name in COLUMNS)}) ON CONFLICT (id) DO NOTHING"
)
_PUBLISHED = "published AND (event IN (SELECT id FROM event WHERE internal)) IS NOT TRUE"
_OWN = "coalesce(event, series) = ANY(CAST(:own AS text[]))"
"""It belongs to one of these; a city's own belongs to none."""
_REMOVE = text("DELETE FROM resource WHERE id = :id")
_CONDITIONS: Mapping[str, str] = {
    "kind": "kind = :kind",
    "event": "event = :event",
    "series": "series = :series",
    "city": "lower(city) = lower(:city)",
    "missing_language": lacks("title"),
    "after": "id > :after",
}


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


def find_for_change(connection: Connection, resource_id: str) -> Resource | None:
    """The resource with this id, locked until the transaction ends."""
    row = connection.execute(_FIND, {"id": resource_id}).first()
    return None if row is None else _resource(row)


def add(connection: Connection, resource: Resource) -> bool:
    """Store a resource that is not there yet; whether it was not."""
    return connection.execute(_ADD, row_of(resource)).rowcount == 1


def save(connection: Connection, resource: Resource) -> None:
    """Store ``resource`` in place of what was stored under its id."""
    connection.execute(_SAVE, row_of(resource))


def select(connection: Connection, wanted: ResourceFilter) -> list[Resource]:
    """At most ``wanted.limit`` resources by id."""
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name) is not None]
    if wanted.cities_only:
        conditions.append("event IS NULL AND series IS NULL")
    if wanted.published_only:
        conditions.append(f"({_PUBLISHED} OR {_OWN})")
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    query = text(f"SELECT {_LISTED} FROM resource {where}ORDER BY id LIMIT :limit")
    return [_resource(row) for row in connection.execute(query, asdict(wanted) | {"own": list(wanted.own)})]


def remove(connection: Connection, resource_id: str) -> None:
    """Delete the resource with this id."""
    connection.execute(_REMOVE, {"id": resource_id})


def all_hotels(connection: Connection) -> list[HotelBlock]:
    """Every hotel block, by city and name."""
    return read_all(connection, HOTELS)


def _hotel(row: Mapping[str, Any]) -> HotelBlock:
    return HotelBlock(**{**row, "allotments": tuple(_allotment(one) for one in row["allotments"])})


def _allotment(stored: Mapping[str, Any]) -> Allotment:
    first, last = (date.fromisoformat(stored[name]) for name in ("first_night", "last_night"))
    return Allotment(RoomKind(stored["kind"]), stored["rooms"], first, last)


_HOTEL_COLUMNS = tuple(one.name for one in fields(HotelBlock))
HOTELS = stored_table("hotel_block", _HOTEL_COLUMNS, _hotel, json=frozenset({"allotments"}), order="city, name, id")


def _resource(row: Row[Any]) -> Resource:
    return Resource(**{**texts_read(row), "kind": ResourceKind(row.kind)})
