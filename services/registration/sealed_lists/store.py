"""Lists of sealed answers and their SQL: each is one reading in the log, with the ids of its people.

Rooms that hotels keep for the delegation are a copy of what events publishes. Who sleeps where is sealed, so the two
are joined only here, when a person opens a rooming list.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.store import StoredForm
from services.registration.people.listing_store import PeopleFilter, conditions_of
from services.registration.sealed_lists.purposes import Answers, CountTable, Purpose, nights_of
from shared.i18n.languages import Text
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field

_COLUMNS = (
    "list_id::text, form, purpose, fields, filters, people::text[], reader, reason, read_at, expires_at, approved_by"
)
_INSERT = text("""
    INSERT INTO sealed_reading (form, reader, reason, read_at, list_id, purpose, fields, filters, people, expires_at,
        approved_by)
    VALUES (:form, :reader, :reason, :opened_at, CAST(:id AS uuid), :purpose, :fields, CAST(:filters AS jsonb),
        CAST(:people AS uuid[]), :expires_at, :approved_by)
""")
_FIND = text(f"SELECT {_COLUMNS} FROM sealed_reading WHERE list_id = CAST(:id AS uuid)")  # noqa: S608 - constants
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM sealed_reading
    WHERE reader = :reader AND list_id IS NOT NULL AND expires_at > :now ORDER BY id DESC LIMIT 100
""")  # noqa: S608 - constants
_ENTRIES = text("""
    SELECT r.id::text, r.name, o.name, g.title, r.sealed, r.sealed_for
    FROM registration r LEFT JOIN organisation o ON o.id = r.organisation_id
        LEFT JOIN working_group_copy g ON g.id = r.working_group
    WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.form = :form AND r.erased_at IS NULL AND r.sealed IS NOT NULL
        AND (:status = '' OR r.status = :status)
    ORDER BY r.id
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('sealed_reading'))")
_OPENED_ALONE = text("""
    SELECT DISTINCT unnest(fields) FROM sealed_reading
    WHERE form = :form AND reader = :reader AND list_id IS NOT NULL AND approved_by IS NULL AND read_at > :since
""")
_PEOPLE_OPENED_ALONE = text("""
    SELECT DISTINCT unnest(coalesce(people, ARRAY[registration_id]))::text FROM sealed_reading
    WHERE reader = :reader AND approved_by IS NULL AND read_at > :since
""")
_SEALED = text("SELECT count(*) FROM registration WHERE form = :form AND sealed IS NOT NULL")
_DESTROYED = text("SELECT destroyed_at IS NOT NULL FROM form_key WHERE form = :form")


@dataclass(frozen=True, slots=True)
class SealedList:
    """A list that a person has opened.

    Attributes:
        id: the UUID text, in its address.
        form: the slug of the form.
        purpose: the name of a purpose in the registry.
        fields: the names of the questions that it opens.
        filters: the filters by which people were chosen, and ``names``: whether names are shown. Never an answer.
        people: the ids of the registrations that it is about; later registrations are not added.
        reader: the reader who opened it; only they can open it again.
        approved_by: the second person, where one had to approve.
    """

    id: str
    form: str
    purpose: str
    fields: Sequence[str]
    filters: Mapping[str, Any]
    people: Sequence[str]
    reader: str
    reason: str
    opened_at: datetime
    expires_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """A registration on a list, its answers still sealed; ``bound_to`` are the submissions that they came with."""

    registration_id: str
    name: str | None
    organisation: str | None
    working_group: str | None
    sealed: bytes
    bound_to: tuple[str, ...]


def insert_list(connection: Connection, opened: SealedList) -> None:
    """Write the one entry of a list into the log of readings."""
    values = {name: getattr(opened, name) for name in SealedList.__slots__}
    filters = orjson.dumps(dict(opened.filters)).decode()
    connection.execute(
        _INSERT, {**values, "filters": filters, "fields": list(opened.fields), "people": list(opened.people)}
    )


def find_list(connection: Connection, list_id: str) -> SealedList | None:
    """Return a list, also one that has expired; None if there is none."""
    row = connection.execute(_FIND, {"id": list_id}).fetchone()
    return None if row is None else SealedList(*row)


def open_lists(connection: Connection, reader: str, now: datetime) -> Sequence[SealedList]:
    """Return the lists that ``reader`` can open now, newest first."""
    return [SealedList(*row) for row in connection.execute(_OPEN, {"reader": reader, "now": now})]


def lock_readings(connection: Connection) -> None:
    """Prevent other readings from being logged before this transaction ends."""
    connection.execute(_LOCK)


def opened_alone(connection: Connection, form: str, reader: str, since: datetime) -> frozenset[str]:
    """Return names of the questions that ``reader`` has opened in lists since then without a second person."""
    values = {"form": form, "reader": reader, "since": since}
    return frozenset(connection.execute(_OPENED_ALONE, values).scalars())


def people_opened_alone(connection: Connection, reader: str, since: datetime) -> frozenset[str]:
    """Return ids of the registrations that ``reader`` has opened since then without a second person, on any form."""
    return frozenset(connection.execute(_PEOPLE_OPENED_ALONE, {"reader": reader, "since": since}).scalars())


def choose_people(connection: Connection, wanted: PeopleFilter, limit: int) -> tuple[Sequence[str], int]:
    """Return the ids of up to ``limit`` registrations with sealed answers, and how many of ``wanted`` have none."""
    where = conditions_of(connection, wanted)
    if where.is_nothing:
        return (), 0
    chosen = text(
        f"SELECT r.id::text FROM registration r {where.sql} AND r.sealed IS NOT NULL ORDER BY r.id LIMIT :limit"  # noqa: S608 - constants
    )
    without = text(f"SELECT count(*) FROM registration r {where.sql} AND r.sealed IS NULL")  # noqa: S608 - constants
    found = connection.execute(chosen, {**where.values, "limit": limit})
    return [row[0] for row in found], int(connection.execute(without, where.values).scalar_one())


def count_sealed(connection: Connection, form: str) -> int:
    """Return how many registrations of a form have sealed answers."""
    return int(connection.execute(_SEALED, {"form": form}).scalar_one())


def read_entries(connection: Connection, form: str, ids: Sequence[str], status: str) -> Sequence[SealedEntry]:
    """Return those of ``ids`` that still have sealed answers and this status (empty: any), in order of arrival."""
    found = connection.execute(_ENTRIES, {"ids": list(ids), "form": form, "status": status})
    return [SealedEntry(row[0], row[1], row[2], _in_english(row[3]), bytes(row[4]), tuple(row[5])) for row in found]


def _in_english(title: dict[str, str] | None) -> str | None:
    return None if title is None else str(Text.of(title))


def is_key_destroyed(connection: Connection, form: str) -> bool:
    """Return whether the key of a form was destroyed, as the database knows it."""
    return bool(connection.execute(_DESTROYED, {"form": form}).scalar())


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What a person wants to open.

    Attributes:
        purpose: the name of a purpose in the registry.
        chosen: the names of questions, for the purpose ``custom``.
        names: whether names are shown; None leaves it to the purpose.
        wanted: which people, of one form.
        filters: the same in words for the log, without answers and searched words.
        reader: the name of the key's holder.
    """

    purpose: str
    chosen: Sequence[str]
    names: bool | None
    wanted: PeopleFilter
    filters: dict[str, str]
    reason: str
    reader: str


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What opening a list would do.

    Attributes:
        fields: the questions that are opened.
        people: the ids of the registrations.
        without: how many others fit the filters and have given no sealed answer.
        with_names: whether names are shown.
        needs_second: whether a second person has to approve.
    """

    form: StoredForm
    definition: FormDefinition
    purpose: Purpose
    fields: tuple[Field, ...]
    people: Sequence[str]
    without: int
    with_names: bool
    needs_second: bool


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A person on a list, with opened answers; ``answers`` is None where they do not open."""

    registration_id: str
    name: str | None
    organisation: str | None
    working_group: str | None
    answers: Answers | None


@dataclass(frozen=True, slots=True)
class Contents:
    """An open list with its current entries; never stored.

    Attributes:
        entries: the entries, sorted; none if the list shows numbers only.
        counts: the tables of numbers.
        matching: how many people the numbers are about.
        unreadable: how many have answers that do not open.
    """

    opened: SealedList
    form_title: str
    purpose: Purpose
    fields: tuple[Field, ...]
    entries: Sequence[ListEntry]
    counts: Sequence[CountTable]
    matching: int
    unreadable: int


ANY_HOTEL = "block"
"""The answer of the standard form for a room in any hotel that keeps rooms. Another answer may be the id of a hotel."""

QUESTION = "hotel"
_HOTEL_COLUMNS = (("night", "Night of"), ("hotel", "Hotel"), ("kept", "Kept"), ("taken", "Taken"), ("left", "Left"))
_UPSERT = text("""
    INSERT INTO hotel_copy (id, name, allotments, withdrawn, changed_at)
    VALUES (:id, :name, :allotments, :withdrawn, :occurred_at)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, allotments = excluded.allotments,
        withdrawn = excluded.withdrawn, changed_at = excluded.changed_at
    WHERE hotel_copy.changed_at < excluded.changed_at
""")
_READ = text("SELECT id, name, allotments FROM hotel_copy WHERE NOT withdrawn ORDER BY name, id")


@dataclass(frozen=True, slots=True)
class KeptRooms:
    """How many rooms a hotel keeps in each night, which is named after the day on which it begins."""

    hotel: str
    name: str
    nights: Mapping[date, int]


def upsert_hotel(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store what a hotel keeps, unless something newer is stored."""
    days = ("first_night", "last_night")
    lines = [{**line, **{day: line[day].isoformat() for day in days}} for line in content["allotments"]]
    connection.execute(_UPSERT, {**content, "allotments": Jsonb(lines)})


def kept_rooms(connection: Connection) -> list[KeptRooms]:
    """What each hotel keeps, by its name."""
    return [KeptRooms(row.id, row.name, _nights(row.allotments)) for row in connection.execute(_READ)]


def rooms_left(
    fields: Mapping[str, Field], people: Sequence[Answers], kept: Sequence[KeptRooms]
) -> Iterable[CountTable]:
    """Rooms kept, taken and left in each night; nothing where the form asks for no hotel, or none keeps rooms.

    Args:
        fields: the questions that were opened, by name.
        people: everyone's answers. Each is counted for one room.
        kept: the rooms that each hotel keeps.
    """
    if QUESTION not in fields or not kept:
        return
    taken: dict[str, Counter[date]] = {}
    for answers in people:
        taken.setdefault(str(answers.get(QUESTION)), Counter()).update(nights_of(fields, answers))
    rows = [
        (night.isoformat(), name, number, used[night], number - used[night])
        for name, nights, used in _hotels(taken, kept)
        for night in sorted(nights.keys() | used.keys())
        for number in [nights.get(night, 0)]
    ]
    yield CountTable("rooms-left", "Rooms left", _HOTEL_COLUMNS, tuple(sorted(rows)))


def _hotels(
    taken: Mapping[str, Counter[date]], kept: Sequence[KeptRooms]
) -> Iterator[tuple[str, Mapping[date, int], Counter[date]]]:
    """Name, rooms kept and rooms taken: of each hotel that people choose by name, and of all others together."""
    named = [rooms for rooms in kept if rooms.hotel in taken]
    for rooms in named:
        yield rooms.name, rooms.nights, taken[rooms.hotel]
    others = Counter[date]()
    for rooms in kept:
        if rooms not in named:
            others.update(rooms.nights)
    asked = taken.get(ANY_HOTEL, Counter())
    if others or asked:
        yield "All other hotels" if named else "All hotels", others, asked


def _nights(lines: Sequence[Mapping[str, Any]]) -> Mapping[date, int]:
    found = Counter[date]()
    for line in lines:
        first, last = date.fromisoformat(line["first_night"]), date.fromisoformat(line["last_night"])
        for number in range((last - first).days + 1):
            found[first + timedelta(days=number)] += line["rooms"]
    return found
