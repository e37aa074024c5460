"""When an event is, for a coordinator's tables: in its own zone and in UTC, and never without saying which."""

from services.events.domain.event import Event
from shared.i18n.when import CompactLines, compact_lines, period
from shared.i18n.when import compact_instant as utc_text

__all__ = ["last_span_of", "span_of", "utc_text"]


def span_of(event: Event) -> CompactLines | None:
    """When ``event`` is; None while it has no date."""
    return compact_lines(period(event.starts_at, event.ends_at, event.time_zone, event.city))


def last_span_of(event: Event) -> CompactLines | None:
    """When a postponed event should have been; None if there never was a date."""
    return compact_lines(period(event.last_starts_at, event.last_ends_at, event.time_zone, event.city))
