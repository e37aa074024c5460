"""Writes when an event is: in the event's own zone, with the name of its place, and in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from services.registration.embed.strings import page_texts
from shared.forms.texts import locale_of

FORMATS = {"en": "EEEE d MMMM y"}
"""Where the CLDR's full date is not what people write."""


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event begins: an aware moment (``None`` while there is no date) and the event's IANA zone."""

    starts_at: datetime | None
    time_zone: str
    tentative: bool = False


def when_text(moment: EventTime, language: str) -> str:
    """Date and time as one line, such as ``Wednesday 4 March 2020, 14:00 (New York), 19:00 UTC``.

    The date of UTC is added when it is another day there.

    Raises:
        ZoneInfoNotFoundError: the event's zone is unknown.
    """
    if moment.starts_at is None:
        return page_texts().text("when.none", language)
    here, there = moment.starts_at.astimezone(ZoneInfo(moment.time_zone)), moment.starts_at.astimezone(UTC)
    key = "when.full" if here.date() == there.date() else "when.full-other-day"
    return page_texts().text(
        key,
        language,
        date=_day(here, language),
        time=here.strftime("%H:%M"),
        zone=_place(moment.time_zone, language),
        utc_date=_day(there, language),
        utc=there.strftime("%H:%M"),
    )


def _place(time_zone: str, language: str) -> str:
    """The place that a zone is named after, in ``language``: people know New York, and not its path in a database."""
    place: str = get_timezone_location(time_zone, locale=locale_of(language), return_city=True)
    return place


def _day(moment: datetime, language: str) -> str:
    return format_date(moment.date(), FORMATS.get(language, "full"), locale=locale_of(language))
