"""A hotel block: rooms that are kept for the delegation until a day, and how many of which kind for which nights."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from services.events.domain.event import is_web_address
from services.events.domain.rules import BrokenRule, enforce, number_rule, slug_rule, text_rule

MAX_NIGHTS = 60
"""Of one line of an allotment."""
MAX_ALLOTMENTS = 50


class RoomKind(StrEnum):
    """For how many people a hotel room is."""

    SINGLE = "single"
    DOUBLE = "double"
    TWIN = "twin"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Allotment:
    """``rooms`` of one kind for each night from ``first_night`` to ``last_night``, both included.

    Raises:
        RulesBroken: on construction: nights in the wrong order, too many of them, or no room.
    """

    kind: RoomKind
    rooms: int
    first_night: date
    last_night: date

    def __post_init__(self) -> None:
        nights = (self.last_night - self.first_night).days + 1
        enforce(
            (
                number_rule("rooms", self.rooms, least=1),
                None
                if 1 <= nights <= MAX_NIGHTS
                else BrokenRule("last_night", "nights", f"must be 1 to {MAX_NIGHTS} nights, the first one first"),
            )
        )

    def nights(self) -> Iterator[date]:
        """Each night, by the day on which it begins."""
        for number in range((self.last_night - self.first_night).days + 1):
            yield self.first_night + timedelta(days=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelBlock:
    """Rooms in one hotel. ``book_until`` is the last day in the hotel's own zone; ``note`` is for coordinators.

    ``rooms`` is the most rooms in one night; ``allotments`` say how they are spread over kinds and nights.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    name: str
    city: str
    rooms: int
    url: str | None = None
    booking_code: str | None = None
    book_until: date | None = None
    note: str = ""
    allotments: tuple[Allotment, ...] = ()
    revision: int = 1

    def __post_init__(self) -> None:
        wrong_url = self.url is not None and not is_web_address(self.url)
        code = self.booking_code
        enforce(
            (
                slug_rule("id", self.id),
                text_rule("name", self.name, least=1, most=200),
                text_rule("city", self.city, least=1, most=200),
                text_rule("note", self.note, least=0, most=2000),
                number_rule("rooms", self.rooms, least=1),
                None if code is None else text_rule("booking_code", code, least=1, most=80),
                BrokenRule("url", "not-a-web-address", "must begin with https://") if wrong_url else None,
                number_rule("revision", self.revision, least=1),
                *_wrong_allotments(self),
            )
        )


def _wrong_allotments(block: HotelBlock) -> Iterator[BrokenRule]:
    if len(block.allotments) > MAX_ALLOTMENTS:
        yield BrokenRule("allotments", "too-many", f"must be at most {MAX_ALLOTMENTS} lines")
        return
    nights = rooms_by_night([block])
    fullest = max(nights, key=lambda night: sum(nights[night].values()), default=None)
    if fullest is not None and sum(nights[fullest].values()) > block.rooms:
        most = f"must not be more than the {block.rooms} rooms of the block in one night, as on {fullest}"
        yield BrokenRule("allotments", "more-than-rooms", most)


def rooms_by_night(blocks: Iterable[HotelBlock]) -> Mapping[date, Mapping[RoomKind, int]]:
    """How many rooms of each kind there are in each night, in order of nights."""
    found: dict[date, Counter[RoomKind]] = {}
    for block in blocks:
        for allotment in block.allotments:
            for night in allotment.nights():
                found.setdefault(night, Counter())[allotment.kind] += allotment.rooms
    return dict(sorted(found.items()))
