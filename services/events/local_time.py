"""Local wall time and UTC, and datetimes as people write them: ``2020-05-06 09:00``.

A time that a zone skips or shows twice is refused, because a guess could be an hour off; such a time is written as an
instant that ends with ``Z``.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from shared.runtime.clock import unique_instant
from shared.runtime.errors import DomainError

CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
_LOCAL = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}} {CLOCK}", re.ASCII)
_INSTANT = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{CLOCK}Z", re.ASCII)


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA time zone database (``America/New_York``)."""
    return name in _known_zones()


def to_utc(local: datetime, zone_name: str) -> datetime:
    """The datetime, in UTC, at which clocks in the zone show ``local`` (a datetime without a zone).

    Raises:
        DomainError: ``unknown-time-zone``; ``time-skipped`` when clocks go forward over it;
            ``time-ambiguous`` when clocks go back and show it twice.
    """
    zone = _zone(zone_name)
    if (instant := unique_instant(local, zone)) is not None:
        return instant
    when = f"{local:%H:%M} on {local:%Y-%m-%d} in {zone_name}"
    if local.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise DomainError("time-skipped", f"{when} does not exist: clocks go forward over it; choose another time")
    raise DomainError("time-ambiguous", f"{when} exists twice: clocks go back that day; choose another time")


def to_local(at: datetime, zone_name: str) -> datetime:
    """What clocks in the zone show at ``at`` (aware): a datetime without a zone.

    Raises:
        DomainError: ``unknown-time-zone``.
    """
    return at.astimezone(_zone(zone_name)).replace(tzinfo=None, fold=0)


def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise DomainError("unknown-time-zone", f"{name!r} is not an IANA time zone such as Europe/Zurich")
    return ZoneInfo(name)


def datetime_from(text: str, zone: str, moved_by: timedelta | None = None) -> datetime:
    """The datetime, in UTC, of a local time in ``zone``, or of an instant that ends with ``Z``.

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


def datetime_text(at: datetime, zone: str) -> str:
    """``at`` (aware) as ``datetime_from`` reads it: local, unless clocks in the zone show that time twice."""
    local = to_local(at, zone)
    text = local.isoformat(" ", "auto" if local.second or local.microsecond else "minutes")
    try:
        if datetime_from(text, zone) == at:
            return text
    except DomainError:
        pass
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
