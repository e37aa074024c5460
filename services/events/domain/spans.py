"""Moments and spans as people write them: ``2020-05-06 09:00``, local; an instant where clocks show a time twice."""

import re
from datetime import UTC, datetime, timedelta

from services.events.domain.local_time import to_local, to_utc
from services.events.domain.schedule import Span
from shared.core.errors import DomainError

_CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
_LOCAL = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}} {_CLOCK}", re.ASCII)
_INSTANT = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{_CLOCK}Z", re.ASCII)


def moment_from(text: str, zone: str, moved_by: timedelta | None = None) -> datetime:
    """The moment, in UTC, of a local time in ``zone``, or of an instant that ends with ``Z``.

    Args:
        text: ``2020-05-06 09:00`` or ``2020-05-06T07:00:00Z``.
        zone: IANA name.
        moved_by: whole days by which it is moved; the time on the clock stays.

    Raises:
        ValueError: it is no such text, no date that exists, or beyond the calendar.
        DomainError: clocks in the zone skip the time or show it twice; ``unknown-time-zone``.
    """
    by = moved_by or timedelta()
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text) + by
        if not _LOCAL.fullmatch(text):
            raise ValueError("must be a date and a local time such as 2020-03-04 14:00")
        local = datetime.fromisoformat(text)
    except ValueError as error:
        known = str(error).startswith("must")
        raise ValueError(str(error) if known else "is not a date and time that exists") from None
    try:
        return to_utc(local + by, zone)
    except OverflowError:
        raise ValueError("is not an existing date and time") from None


def moment_text(moment: datetime, zone: str) -> str:
    """``moment`` (aware) as ``moment_from`` reads it: local, unless clocks in the zone show that time twice."""
    local = to_local(moment, zone)
    text = local.isoformat(" ", "auto" if local.second or local.microsecond else "minutes")
    try:
        if moment_from(text, zone) == moment:
            return text
    except DomainError:
        pass
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def span_from(text: str, zone: str, moved_by: timedelta | None = None) -> Span:
    """The span of ``2020-05-06 09:00 to 17:00``; the end may have a day of its own. Arguments and faults as above."""
    start, to, end = text.partition(" to ")
    if not to:
        raise ValueError("must be a day and times such as 2020-05-06 09:00 to 17:00")
    whole = f"{start.strip()[:10]} {end.strip()}" if re.fullmatch(_CLOCK, end.strip()) else end.strip()
    return Span(moment_from(start.strip(), zone, moved_by), moment_from(whole, zone, moved_by))


def span_text(span: Span, zone: str) -> str:
    """``span`` as ``span_from`` reads it."""
    start, end = moment_text(span.starts_at, zone), moment_text(span.ends_at, zone)
    same_day = not start.endswith("Z") and not end.endswith("Z") and start[:10] == end[:10]
    return f"{start} to {end[11:] if same_day else end}"
