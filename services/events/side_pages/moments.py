"""A published timetable as people read it: day by day, in the zone of the place, with UTC beside it."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from zoneinfo import ZoneInfo

from babel.dates import format_date

from services.events.domain.schedule_diff import Entry
from services.events.side_pages.pages import Line, Place, TimetablePage, page_texts
from shared.forms.texts import locale_of
from shared.moments.zones import zone_place

FORMATS = {"en": "EEEE d MMMM y"}
"""Where the CLDR's full date is not what people write."""


def timetable_page(
    number: int | None, published_at: datetime | None, entries: Iterable[Entry], language: str
) -> TimetablePage:
    """The page of a version, or the one that says there is none."""
    if number is None or published_at is None:
        return TimetablePage(language, "", "", ())
    ordered = sorted(entries, key=lambda entry: (entry.span.starts_at, entry.room_title))
    said = page_texts().text("timetable.version", language, number=number, date=_day(published_at, language))
    days = tuple(
        (_day(_local(group[0]), language), tuple(_line(entry, language) for entry in group))
        for _, found in groupby(ordered, key=lambda entry: _local(entry).date())
        if (group := list(found))
    )
    return TimetablePage(language, said, _place(ordered[0], language) if ordered else "UTC", days)


def place_of(entry: Entry, language: str) -> Place:
    """Where and when a side event is; the day in UTC is named where it is another than in the zone of the place."""
    zone, texts = ZoneInfo(entry.time_zone), page_texts()
    local, utc = entry.span.starts_at.astimezone(zone), entry.span.starts_at.astimezone(UTC)
    other_day = "" if local.date() == utc.date() else f" · {_day(utc, language)}"
    return Place(
        day=_day(local, language),
        time=texts.text("own.zone", language, times=_times(entry, zone, language), zone=_place(entry, language)),
        utc=f"{_times(entry, UTC, language)} UTC{other_day}",
        iso=utc.isoformat().replace("+00:00", "Z"),
        room=texts.text("timetable.place", language, room=entry.room_title, city=entry.city),
    )


def _line(entry: Entry, language: str) -> Line:
    zone = ZoneInfo(entry.time_zone)
    texts = page_texts()
    return Line(
        times=_times(entry, zone, language),
        utc=_times(entry, UTC, language) + " UTC",
        iso=entry.span.starts_at.isoformat().replace("+00:00", "Z"),
        title=entry.title,
        place=texts.text("timetable.place", language, room=entry.room_title, city=entry.city),
        room_id=entry.room_id,
    )


def _times(entry: Entry, zone: tzinfo, language: str) -> str:
    start, end = (moment.astimezone(zone) for moment in (entry.span.starts_at, entry.span.ends_at))
    return page_texts().text("timetable.times", language, start=f"{start:%H:%M}", end=f"{end:%H:%M}")


def _local(entry: Entry) -> datetime:
    return entry.span.starts_at.astimezone(ZoneInfo(entry.time_zone))


def _day(moment: datetime, language: str) -> str:
    return format_date(moment.date(), FORMATS.get(language, "full"), locale=locale_of(language))


def _place(entry: Entry, language: str) -> str:
    """Whose time it is: that of the city with the rooms, for nobody in Geneva says Zurich."""
    return zone_place(entry.span.starts_at, entry.time_zone, language, entry.city)
