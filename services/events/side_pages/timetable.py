"""A published timetable as people read it: day by day, in the zone of the place, with UTC beside it."""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from services.events.domain.schedule_diff import Entry
from services.events.side_pages.pages import Line, Place, TimetablePage, page_texts
from shared.i18n.phrases import listed
from shared.i18n.when import NO_BREAK, Period, day_text, hours_text, time_lines
from shared.i18n.zones import place_text, zone_place


def timetable_page(
    number: int | None, published_at: datetime | None, entries: Iterable[Entry], language: str
) -> TimetablePage:
    """The page of a version, or the one that says there is none."""
    if number is None or published_at is None:
        return TimetablePage(language, "", "", ())
    ordered = sorted(entries, key=lambda entry: (entry.span.starts_at, entry.room_title))
    published_on = day_text(published_at.date(), language)
    version = page_texts().text("timetable.version", language, number=number, date=published_on)
    days = tuple(
        (day_text(day, language), tuple(_line(entry, language) for entry in found))
        for day, found in groupby(ordered, key=_local_day)
    )
    return TimetablePage(language, version, _zone(ordered[0], language) if ordered else "UTC", days)


def place_of(entry: Entry, language: str) -> Place:
    """Where and when a side event is; the day in UTC is named where it is another than in the zone of the place."""
    period = _period(entry)
    local, *utc = time_lines(period, language)
    return Place(
        day=local.parts[0],
        time=listed(local.parts[1:], language),
        utc=utc[0].beside(local) if utc else "",
        iso=period.iso,
        room=_room(entry, language),
    )


def _line(entry: Entry, language: str) -> Line:
    period = _period(entry)
    return Line(
        times=hours_text(period, language),
        utc=f"{hours_text(period, language, 'UTC')}{NO_BREAK}UTC",
        iso=period.iso,
        title=entry.title,
        place=_room(entry, language),
        room_id=entry.room_id,
    )


def _room(entry: Entry, language: str) -> str:
    return place_text(entry.room_title, entry.city, "", language)


def _period(entry: Entry) -> Period:
    return Period(entry.span.starts_at, entry.span.ends_at, entry.time_zone, entry.city)


def _local_day(entry: Entry) -> date:
    return entry.span.starts_at.astimezone(ZoneInfo(entry.time_zone)).date()


def _zone(entry: Entry, language: str) -> str:
    """Whose time it is: that of the city with the rooms, for nobody in Geneva says Zurich."""
    return zone_place(entry.span.starts_at, entry.time_zone, language, entry.city)
