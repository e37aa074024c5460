"""What was planned around the date of a review or a Council session, and does not move when that date moves.

Nothing in the data says that a press conference, a side event, a day in a room or a hotel block belongs to a review. It
is taken to belong to one in the same city at about the same time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.events.domain.event import Event, EventKind, EventStatus
from services.events.domain.hotel import HotelBlock
from services.events.domain.room import Room

ANCHOR_KINDS = frozenset({EventKind.REVIEW, EventKind.COUNCIL_SESSION})
"""Kinds of event around which others are planned."""

DEPENDENT_KINDS = frozenset({EventKind.PRESS_CONFERENCE, EventKind.SIDE_EVENT})
PLANNED = frozenset({EventStatus.DRAFT, EventStatus.TENTATIVE, EventStatus.CONFIRMED})

DAYS_BEFORE, DAYS_AFTER = 14, 7
"""How far from an anchor an event or a day in a room may be to belong to it."""

BOOKING_DAYS_BEFORE = 120
"""How long before an anchor a hotel block may have to be booked to belong to it."""


@dataclass(frozen=True, slots=True)
class RoomDay:
    """A day, in the rooms' own zone, on which rooms in a city are reserved; ``rooms`` are their titles."""

    on: date
    city: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependents:
    """Events by start, hotel blocks, and days in rooms."""

    events: tuple[Event, ...] = ()
    hotels: tuple[HotelBlock, ...] = ()
    room_days: tuple[RoomDay, ...] = ()

    @property
    def cities(self) -> frozenset[str]:
        """Where they are, in lower case."""
        named = [
            *(event.city for event in self.events),
            *(hotel.city for hotel in self.hotels),
            *(day.city for day in self.room_days),
        ]
        return frozenset(city.strip().casefold() for city in named if city)

    @property
    def public_part(self) -> "Dependents":
        """What everybody may know: for a key that is limited to some forms."""
        return Dependents(tuple(event for event in self.events if event.status is not EventStatus.DRAFT))

    def where(
        self,
        event: Callable[[Event], bool],
        hotel: Callable[[HotelBlock], bool],
        room_day: Callable[[RoomDay], bool],
    ) -> "Dependents":
        """Those that fit, kind by kind."""
        return Dependents(
            tuple(filter(event, self.events)),
            tuple(filter(hotel, self.hotels)),
            tuple(filter(room_day, self.room_days)),
        )


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where and when an anchor is, in days of its own zone."""

    city: str
    first: date
    last: date

    def holds_event(self, event: Event) -> bool:
        """Whether ``event`` belongs to it."""
        if event.kind not in DEPENDENT_KINDS or event.status not in PLANNED or event.starts_at is None:
            return False
        return self._is_here(event.city) and self._is_near(_day(event.starts_at, event.time_zone))

    def holds_hotel(self, hotel: HotelBlock) -> bool:
        """Whether a hotel block belongs to it; one without a last day for booking belongs to each in its city."""
        if not self._is_here(hotel.city) or hotel.book_until is None:
            return self._is_here(hotel.city)
        return self.first - timedelta(days=BOOKING_DAYS_BEFORE) <= hotel.book_until <= self.last

    def holds_room_day(self, day: RoomDay) -> bool:
        """Whether a day in rooms belongs to it."""
        return self._is_here(day.city) and self._is_near(day.on)

    def _is_here(self, city: str | None) -> bool:
        return city is not None and city.strip().casefold() == self.city.strip().casefold()

    def _is_near(self, day: date) -> bool:
        return self.first - timedelta(days=DAYS_BEFORE) <= day <= self.last + timedelta(days=DAYS_AFTER)


def anchor_of(event: Event, *, remembered: bool = False) -> Anchor | None:
    """``event`` as an anchor; None if it is none, or has no date.

    Args:
        event: of any kind.
        remembered: take the last date of an event that has none at the moment.
    """
    starts_at, ends_at = event.starts_at, event.ends_at
    if remembered and starts_at is None:
        starts_at, ends_at = event.last_starts_at, event.last_ends_at
    if event.kind not in ANCHOR_KINDS or event.city is None or starts_at is None or ends_at is None:
        return None
    return Anchor(event.city, _day(starts_at, event.time_zone), _day(ends_at, event.time_zone))


def is_moved(old: Event, new: Event) -> bool:
    """Whether ``new`` leaves the date or the city of ``old``, or does not take place."""
    stops = new.status is EventStatus.CANCELLED and old.status is not EventStatus.CANCELLED
    return stops or (old.starts_at, old.ends_at, old.city) != (new.starts_at, new.ends_at, new.city)


def dependents_of(event: Event, planned: Dependents) -> Dependents:
    """Those of ``planned`` that belong to the date of ``event``, or to its last one."""
    anchor = anchor_of(event, remembered=True)
    if anchor is None:
        return Dependents()
    return planned.where(anchor.holds_event, anchor.holds_hotel, anchor.holds_room_day)


def left_behind(events: Sequence[Event], planned: Dependents, today: date) -> Dependents:
    """Those of ``planned`` that lie ahead and belong to no date of ``events``, in cities where one of them is planned.

    Args:
        events: reviews and Council sessions; others are no anchors.
        planned: what may belong to them.
        today: in UTC; what was before is left out.
    """
    expected = [event for event in events if event.status in {*PLANNED, EventStatus.POSTPONED}]
    cities = {known.city.strip().casefold() for event in expected if (known := anchor_of(event, remembered=True))}
    anchors = [anchor for event in expected if (anchor := anchor_of(event)) is not None]

    def is_lost(city: str | None, on: date | None, holds: Iterable[bool]) -> bool:
        return city is not None and city.strip().casefold() in cities and (on is None or on >= today) and not any(holds)

    return planned.where(
        lambda event: (
            event.kind in DEPENDENT_KINDS
            and event.status in PLANNED
            and event.starts_at is not None
            and is_lost(event.city, _day(event.starts_at, event.time_zone), (a.holds_event(event) for a in anchors))
        ),
        lambda hotel: is_lost(hotel.city, hotel.book_until, (a.holds_hotel(hotel) for a in anchors)),
        lambda day: is_lost(day.city, day.on, (a.holds_room_day(day) for a in anchors)),
    )


def room_days_of(rooms: Iterable[Room]) -> tuple[RoomDay, ...]:
    """The days on which ``rooms`` are reserved, by day and city."""
    titles: dict[tuple[date, str], list[str]] = {}
    for room in rooms:
        for on in sorted({_day(window.starts_at, room.time_zone) for window in room.open}):
            titles.setdefault((on, room.city), []).append(str(room.title))
    return tuple(RoomDay(on, city, tuple(found)) for (on, city), found in sorted(titles.items()))


def _day(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()
