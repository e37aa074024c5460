"""The one source of time. Rules and SQL get the time as a value, so tests and scenarios can move it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Called without arguments; returns an aware datetime in UTC."""


FIRST_YEAR, LAST_YEAR = 1945, 2999
"""Of dates that people give: in these every time zone has a date, and so has a day before and after."""


def system_clock() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


def unique_instant(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) at which clocks in ``zone`` show ``local``, which has no zone.

    None if there is no such instant, or two: clocks skip the time, or show it twice.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if first == second else None


def rfc3339(instant: datetime) -> str:
    """``instant`` (aware) as RFC 3339 text in UTC, seconds precision with fraction only when there is one.

    Raises:
        ValueError: ``instant`` has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The aware UTC datetime of an RFC 3339 text.

    Raises:
        ValueError: not RFC 3339, without an offset, or outside the calendar in UTC.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an offset is required")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a date in UTC") from None


def lower_bound(given: date | datetime | None) -> datetime | None:
    """The instant from which ``given`` counts: itself, or the start of the day in UTC; None for no bound."""
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given, time.min, UTC)


def upper_bound(given: date | datetime | None) -> datetime | None:
    """The instant before which ``given`` counts: itself, or the end of the day in UTC, so that the day is included.

    Returns:
        None for no bound, as after the last day of the calendar.
    """
    if given is None or isinstance(given, datetime):
        return given
    return None if given == date.max else lower_bound(given + timedelta(days=1))
