"""A published timetable as people read it: day by day, in the zone of the place, with UTC beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from services.events.domain.schedule_diff import Entry
from services.events.programme.texts import programme_texts
from services.events.store.schedule_versions import Version
from shared.i18n.content import Text
from shared.i18n.when import NO_BREAK, Period, day_text, hours_text
from shared.i18n.zones import place_text, zone_place


@dataclass(frozen=True, slots=True)
class Line:
    """One side event as people read it, in their language; ``room_id`` leads to the room's calendar.

    ``speakers`` are the names of those who agree to it.
    """

    times: str
    utc: str
    iso: str
    title: Text
    place: str
    room_id: str
    speakers: Sequence[str]


@dataclass(frozen=True, slots=True)
class TimetablePage:
    """The published timetable by day: (day, side events); ``version`` is a sentence, empty before the first."""

    version: str
    zone: str
    days: Sequence[tuple[str, Sequence[Line]]]


def timetable_page(
    version: Version | None, titles: Mapping[str, Text], speakers: Mapping[str, Sequence[str]], language: str
) -> TimetablePage:
    """The page of a version, or the one that says there is none.

    Args:
        version: the one in force.
        titles: of events as they are now, by id.
        speakers: names that the public may know, by event.
        language: of the page.
    """
    if version is None:
        return TimetablePage("", "", ())
    ordered = sorted(version.entries, key=lambda entry: (entry.span.starts_at, str(entry.room_title)))
    published_on = day_text(version.published_at.date(), language)
    words = programme_texts().text("timetable.version", language, number=version.number, date=published_on)
    days = tuple(
        (day_text(day, language), tuple(_line(entry, titles, speakers, language) for entry in found))
        for day, found in groupby(ordered, key=_local_day)
    )
    return TimetablePage(words, _zone(ordered[0], language) if ordered else "UTC", days)


def _line(entry: Entry, titles: Mapping[str, Text], speakers: Mapping[str, Sequence[str]], language: str) -> Line:
    period = Period(entry.span.starts_at, entry.span.ends_at, entry.time_zone, entry.city)
    return Line(
        times=hours_text(period, language),
        utc=f"{hours_text(period, language, 'UTC')}{NO_BREAK}UTC",
        iso=period.iso,
        title=titles.get(entry.event_id) or Text.of({"": entry.title}),
        place=place_text(entry.room_title.in_language(language), entry.city, "", language),
        room_id=entry.room_id,
        speakers=speakers.get(entry.event_id, ()),
    )


def _local_day(entry: Entry) -> date:
    return entry.span.starts_at.astimezone(ZoneInfo(entry.time_zone)).date()


def _zone(entry: Entry, language: str) -> str:
    """Whose time it is: that of the city with the rooms, for nobody in Geneva says Zurich."""
    return zone_place(entry.span.starts_at, entry.time_zone, language, entry.city)
