"""When an event is, for a coordinator's tables: in its own zone and in UTC, and never without saying which."""

from dataclasses import dataclass
from datetime import datetime

from services.events.domain.event import Event
from shared.i18n.when import compact_instant as utc_text
from shared.i18n.when import compact_lines, period

__all__ = ["Span", "last_span_of", "span_of", "utc_text"]


@dataclass(frozen=True, slots=True)
class Span:
    """When an event is: in its own zone, the name of that zone, the same in UTC; ``iso`` is for programs."""

    local: str
    zone: str
    utc: str
    iso: str


def span_of(event: Event) -> Span | None:
    """When ``event`` is; None while it has no date."""
    return _span(event.starts_at, event.ends_at, event)


def last_span_of(event: Event) -> Span | None:
    """When a postponed event should have been; None if there never was a date."""
    return _span(event.last_starts_at, event.last_ends_at, event)


def _span(starts_at: datetime | None, ends_at: datetime | None, event: Event) -> Span | None:
    found = period(starts_at, ends_at, event.time_zone, event.city)
    return None if found is None else Span(*compact_lines(found), iso=found.iso)
