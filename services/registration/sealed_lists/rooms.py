"""Rooms left: what hotels keep for the delegation, as events publishes it, against the rooms that people asked for.

Who sleeps where is sealed, so the two meet here, when somebody opens a rooming list, and nowhere else.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.sealed_lists.counting import Answers, CountTable, nights_of
from shared.public_forms.fields import Field

ANY_HOTEL = "block"
"""The answer of the standard form for a room in whatever hotel keeps rooms. Another answer may be the id of a hotel."""

QUESTION = "hotel"
_COLUMNS = (("night", "Night of"), ("hotel", "Hotel"), ("kept", "Kept"), ("taken", "Taken"), ("left", "Left"))
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
        people: everybody's answers. Each is counted for one room.
        kept: by hotel.
    """
    if QUESTION not in fields or not kept:
        return
    taken: dict[str, Counter[date]] = {}
    for one in people:
        taken.setdefault(str(one.get(QUESTION)), Counter()).update(nights_of(fields, one))
    rows = [
        (night.isoformat(), name, number, used[night], number - used[night])
        for name, nights, used in _hotels(taken, kept)
        for night in sorted(nights.keys() | used.keys())
        for number in [nights.get(night, 0)]
    ]
    yield CountTable("rooms-left", "Rooms left", _COLUMNS, tuple(sorted(rows)))


def _hotels(
    taken: Mapping[str, Counter[date]], kept: Sequence[KeptRooms]
) -> Iterator[tuple[str, Mapping[date, int], Counter[date]]]:
    """Name, rooms kept and rooms taken: of each hotel that people choose by name, and of all others together."""
    named = [one for one in kept if one.hotel in taken]
    for one in named:
        yield one.name, one.nights, taken[one.hotel]
    others = Counter[date]()
    for one in kept:
        if one not in named:
            others.update(one.nights)
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
