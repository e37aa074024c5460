"""When an event is, for a coordinator's tables: in its own zone and in UTC, and never without saying which."""

from datetime import date

from services.events.domain.event import Event
from shared.i18n.when import CompactLines, compact_day, compact_lines, period
from shared.i18n.when import compact_instant as utc_text

__all__ = ["iso_day_text", "last_span_of", "span_of", "utc_text"]


def span_of(event: Event) -> CompactLines | None:
    """When ``event`` is; None while it has no date."""
    return compact_lines(period(event.starts_at, event.ends_at, event.time_zone, event.city))


def last_span_of(event: Event) -> CompactLines | None:
    """When a postponed event should have been; None if there never was a date."""
    return compact_lines(period(event.last_starts_at, event.last_ends_at, event.time_zone, event.city))


def iso_day_text(day: str) -> str:
    """A day such as ``2020-03-04`` as ``Wed 4 Mar 2020``."""
    return compact_day(date.fromisoformat(day))
