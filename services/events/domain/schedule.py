"""Time and place of side events: spans, slots, placements. Everything is compared in UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.events.domain.rules import BrokenRule, enforce, slug_rule


@dataclass(frozen=True, slots=True)
class Span:
    """From ``starts_at`` up to, but not including, ``ends_at``; both are kept in UTC.

    Raises:
        RulesBroken: on construction: a moment without a zone, or an end that is not later than the start.
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
        """Whether some moment lies in both; spans that only touch do not overlap."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def covers(self, other: "Span") -> bool:
        """Whether every moment of ``other`` lies in this one."""
        return self.starts_at <= other.starts_at and other.ends_at <= self.ends_at


@dataclass(frozen=True, slots=True)
class Slot:
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
    """Where a proposal stands on the board. A pinned one is left where it is when the timetable is made anew."""

    proposal_id: str
    room_id: str
    slot_id: str
    pinned: bool = False


def same_place(one: Placement | None, other: Placement) -> bool:
    """Whether both are in the same slot and room."""
    return one is not None and (one.slot_id, one.room_id) == (other.slot_id, other.room_id)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same moments in as few spans as can be, in order: spans that overlap or touch become one."""
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


def overlapping_slots(slots: Sequence[Slot]) -> tuple[tuple[str, str], ...]:
    """Ids of slots that overlap, as pairs of neighbours in time; the slots of one programme must not."""
    ordered = sorted(slots, key=lambda slot: (slot.span.starts_at, slot.span.ends_at))
    return tuple((first.id, second.id) for first, second in pairwise(ordered) if first.span.overlaps(second.span))
