"""What the timetable's page shows: each published side event with its time, room and speakers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from services.events.event.model import Event
from services.events.programme.feeds import programme_texts
from services.events.scheduling.model import TimetableEntry
from services.events.scheduling.store import TimetableVersion
from shared.i18n.when import (
    NO_BREAK,
    Period,
    day_text,
    hours_text,
    place_text,
    zone_place,
)


@dataclass(frozen=True, slots=True)
class ProgrammeLine:
    """One side event of the timetable, as it is now.

    Attributes:
        entry: the entry as it was published.
        event: the event as it is now.
        held: when it takes place; of a postponed event, when it was going to.
        speakers: names of those who agree to be named.
    """

    entry: TimetableEntry
    event: Event
    held: Period
    speakers: Sequence[str]

    @property
    def is_in_its_room(self) -> bool:
        """Whether it still is where it was published."""
        return self.event.place == str(self.entry.room_title)

    @property
    def day(self) -> date:
        """In the zone of the place."""
        return self.held.starts_at.astimezone(ZoneInfo(self.held.time_zone)).date()

    def times(self, language: str) -> tuple[str, str]:
        """Its hours at the place, and in UTC."""
        return hours_text(self.held, language), f"{hours_text(self.held, language, 'UTC')}{NO_BREAK}UTC"

    def room(self, language: str) -> str:
        """The room as it was published, and its city."""
        return place_text(self.entry.room_title.in_language(language), self.entry.city, "", language)


@dataclass(frozen=True, slots=True)
class TimetablePage:
    """The published timetable by day: (day, side events); ``version`` is a sentence, empty before the first."""

    version: str
    zone: str
    days: Sequence[tuple[str, Sequence[ProgrammeLine]]]


def timetable_page(
    version: TimetableVersion | None, events: Mapping[str, Event], speakers: Mapping[str, Sequence[str]], language: str
) -> TimetablePage:
    """The page of a version, or an empty one.

    Args:
        version: the one in force.
        events: its side events as they are now, by id; those that the public may not read are missing.
        speakers: names that the public may know, by event.
        language: the language of the page.
    """
    if version is None:
        return TimetablePage("", "", ())
    lines = [
        _line(entry, events[entry.event_id], speakers.get(entry.event_id, ()))
        for entry in version.entries
        if entry.event_id in events
    ]
    lines.sort(key=lambda line: (line.held.starts_at, str(line.entry.room_title)))
    published_on = day_text(version.published_at.date(), language)
    words = programme_texts().text("timetable.version", language, number=version.number, date=published_on)
    days = tuple((day_text(day, language), tuple(found)) for day, found in groupby(lines, key=lambda line: line.day))
    return TimetablePage(words, _zone(lines[0].entry, language) if lines else "UTC", days)


def _line(entry: TimetableEntry, event: Event, speakers: Sequence[str]) -> ProgrammeLine:
    if event.starts_at is None:
        held = Period(entry.span.starts_at, entry.span.ends_at, entry.time_zone, entry.city)
    else:
        held = Period(event.starts_at, event.ends_at, event.time_zone, event.city or entry.city)
    return ProgrammeLine(entry, event, held, speakers)


def _zone(entry: TimetableEntry, language: str) -> str:
    """Return the zone by the name of the rooms' city: people in Geneva do not call it Zurich time."""
    return zone_place(entry.span.starts_at, entry.time_zone, language, entry.city)
