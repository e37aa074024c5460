"""Rooms, slots and placements, and what is planned around a date in a city. Instants are compared in UTC. Pure.

The data does not link a press conference, a side event, a day in a room or a hotel block to a review. Each is assumed
to belong to a review in the same city at about the same time.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.events.event.model import Event, EventKind, EventStatus
from services.events.local_time import CLOCK, datetime_from, datetime_text, is_zone
from services.events.network.model import HotelBlock
from services.events.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.languages import Text

ANCHOR_KINDS = frozenset({EventKind.REVIEW, EventKind.COUNCIL_SESSION})
"""Kinds of event around which others are planned."""

DEPENDENT_KINDS = frozenset({EventKind.PRESS_CONFERENCE, EventKind.SIDE_EVENT})
PLANNED = frozenset({EventStatus.DRAFT, EventStatus.TENTATIVE, EventStatus.CONFIRMED})

DAYS_BEFORE, DAYS_AFTER = 14, 7
"""How far from an anchor an event or a day in a room may be to belong to it."""

BOOKING_DAYS_BEFORE = 120
"""How long before an anchor a hotel block may have to be booked to belong to it."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``starts_at`` up to, but not including, ``ends_at``; both are kept in UTC.

    Raises:
        RulesBroken: on construction: a datetime without a zone, or an end that is not later than the start.
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            enforce([BrokenRule("starts_at", "time-without-zone", "must have a time zone")])
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))
        object.__setattr__(self, "ends_at", self.ends_at.astimezone(UTC))
        if self.starts_at >= self.ends_at:
            enforce([BrokenRule("ends_at", "ends-before-start", "must be later than the start")])

    def overlaps(self, other: "Span") -> bool:
        """Whether they have a time in common; spans that only touch do not overlap."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def covers(self, other: "Span") -> bool:
        """Whether the whole of ``other`` lies in this one."""
        return self.starts_at <= other.starts_at and other.ends_at <= self.ends_at


@dataclass(frozen=True, slots=True)
class TimeSlot:
    """A time at which side events can be, in every room that is open then. ``time_zone`` is where it is announced.

    Raises:
        RulesBroken: on construction, the id is not a slug.
    """

    id: str
    span: Span
    time_zone: str

    def __post_init__(self) -> None:
        enforce([slug_rule("id", self.id)])

    @property
    def on(self) -> date:
        """The day on which it begins, in its own zone."""
        return self.span.starts_at.astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a proposal is on the board. A pinned one keeps its place when the timetable is solved again."""

    proposal_id: str
    room_id: str
    slot_id: str
    pinned: bool = False


def same_place(one: Placement | None, other: Placement) -> bool:
    """Whether both are in the same slot and room."""
    return one is not None and (one.slot_id, one.room_id) == (other.slot_id, other.room_id)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same times in as few spans as possible, in order: spans that overlap or touch become one."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.starts_at, one.ends_at)):
        if result and span.starts_at <= result[-1].ends_at:
            last = result.pop()
            span = Span(last.starts_at, max(last.ends_at, span.ends_at))
        result.append(span)
    return tuple(result)


def day_span(day: date, time_zone: str) -> Span:
    """The whole of ``day`` as it is in the zone; on days of clock change it has 23 or 25 hours."""
    zone = ZoneInfo(time_zone)
    start, end = (datetime.combine(on, time(), zone) for on in (day, day + timedelta(days=1)))
    return Span(start, end)


def overlapping_slots(slots: Sequence[TimeSlot]) -> tuple[tuple[str, str], ...]:
    """Ids of slots that overlap, as pairs of neighbours in time; the slots of one programme must not."""
    ordered = sorted(slots, key=lambda slot: (slot.span.starts_at, slot.span.ends_at))
    return tuple((first.id, second.id) for first, second in pairwise(ordered) if first.span.overlaps(second.span))


def span_from(text: str, zone: str, moved_by: timedelta | None = None) -> Span:
    """The span of ``2020-05-06 09:00 to 17:00``; the end may have another day. See ``datetime_from``."""
    start, to, end = text.partition(" to ")
    if not to:
        raise ValueError("must be a day and times such as 2020-05-06 09:00 to 17:00")
    whole = f"{start.strip()[:10]} {end.strip()}" if re.fullmatch(CLOCK, end.strip()) else end.strip()
    return Span(datetime_from(start.strip(), zone, moved_by), datetime_from(whole, zone, moved_by))


def span_text(span: Span, zone: str) -> str:
    """``span`` as ``span_from`` reads it."""
    start, end = datetime_text(span.starts_at, zone), datetime_text(span.ends_at, zone)
    same_day = not start.endswith("Z") and not end.endswith("Z") and start[:10] == end[:10]
    return f"{start} to {end[11:] if same_day else end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room: how many people it holds and when it is ours; where it is, and what is in it.

    ``open`` is kept in order and as few spans as can be, so that a slot over the seam of two windows fits.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: Text
    city: str
    capacity: int
    time_zone: str
    open: tuple[Span, ...]
    address: str = ""
    equipment: str = ""
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(_rules(self))
        object.__setattr__(self, "open", merged(self.open))

    def is_open(self, span: Span) -> bool:
        """Whether the room is ours during the whole of ``span``."""
        return any(window.covers(span) for window in self.open)


def _rules(room: Room) -> Iterator[BrokenRule | None]:
    yield slug_rule("id", room.id)
    yield content_rule("title", room.title, least=1, most=200)
    yield text_rule("city", room.city, least=1, most=200)
    yield number_rule("capacity", room.capacity, least=1)
    yield text_rule("address", room.address, least=0, most=500)
    yield text_rule("equipment", room.equipment, least=0, most=500)
    yield number_rule("revision", room.revision, least=1)
    if not is_zone(room.time_zone):
        yield BrokenRule("time_zone", "unknown-time-zone", "must be an IANA time zone such as Europe/Zurich")
    if not room.open:
        yield BrokenRule("open", "never-open", "must have at least one time at which the room is available")


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
        """The public part, for a key that is limited to some forms."""
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
    """Where and when an anchor is, in days of its zone."""

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
    """Return ``event`` as an anchor; None if its kind is no anchor, or it has no date.

    Args:
        remembered: take the last date of an event that has none now.
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
        today: the current day in UTC; what was before is left out.
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
