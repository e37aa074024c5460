"""Events of the programme as calendar entries. The meeting link never stands in them.

The same event has the same entry (UID, SEQUENCE, times) in every calendar of ours that anybody may read. A postponed
event stays, cancelled on the date it had: an entry that just vanished would leave people guessing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from services.events.domain.event import Event, EventStatus, Mode
from services.events.domain.form import OPEN_STATUSES
from services.events.programme.texts import programme_texts
from shared.calendar.entries import public_uid
from shared.calendar.ics import CalendarEvent, Feed, Status, write_feed, write_file
from shared.calendar.links import CalendarLinks, calendar_links
from shared.i18n.phrases import labelled
from shared.i18n.zones import place_text

PRODUCT = "Programme"
_STATUS: Mapping[EventStatus, Status] = {
    EventStatus.TENTATIVE: "TENTATIVE",
    EventStatus.POSTPONED: "CANCELLED",
    EventStatus.CANCELLED: "CANCELLED",
}


def feed_bytes(feed: Feed, events: Iterable[Event], changed: Mapping[str, datetime], public_url: str) -> bytes:
    """Return the calendar, UTF-8 with CRLF line ends.

    Args:
        feed: its name, language and address.
        events: public ones; those that never had a date are left out.
        changed: when each was last changed (aware), by id, as far as it is known.
        public_url: address of the whole system; its host makes the UIDs unique.
    """
    found = (_entry(event, changed.get(event.id), feed.language, public_url) for event in events)
    return write_feed(feed, PRODUCT, [entry for entry in found if entry is not None])


def file_bytes(event: Event, changed_at: datetime | None, language: str, public_url: str) -> bytes | None:
    """Return one event as a calendar file, with its entry of the feeds; None if it never had a date. Args as above."""
    entry = _entry(event, changed_at, language, public_url)
    return None if entry is None else write_file(entry, PRODUCT)


def links_to(event: Event, language: str, now: datetime, public_url: str) -> CalendarLinks | None:
    """Return the links that add an event to a calendar; None unless it takes place, as things stand, and is not over.

    Args:
        event: a public one.
        language: of its texts.
        now: the time, aware.
        public_url: address of the whole system.
    """
    entry = _entry(event, now, language, public_url)
    if event.status not in OPEN_STATUSES or entry is None or (entry.ends_at or entry.starts_at) <= now:
        return None
    if entry.status == "TENTATIVE":  # no link can tell a calendar so
        entry = replace(entry, title=programme_texts().text("calendar.tentative-title", language, title=entry.title))
    return calendar_links(entry, f"/calendar/event/{event.id}.ics?{urlencode({'lang': language})}")


def _entry(event: Event, changed_at: datetime | None, language: str, public_url: str) -> CalendarEvent | None:
    starts_at, texts = event.starts_at or event.last_starts_at, programme_texts()
    if starts_at is None:
        return None
    postponed = event.status is EventStatus.POSTPONED
    word, title = texts.text("status.postponed", language), event.title.in_language(language)
    return CalendarEvent(
        uid=public_uid(event.id, public_url),
        sequence=event.revision,
        stamped_at=changed_at or starts_at,
        starts_at=starts_at,
        ends_at=event.ends_at or event.last_ends_at,
        time_zone=event.time_zone,
        status=_STATUS.get(event.status, "CONFIRMED"),
        title=labelled(word, title, language) if postponed else title,
        description=event.summary.in_language(language),
        location=_place(event, language),
        url=f"{public_url}/programme/{event.id}?lang={language}",
        category=texts.text(f"kind.{event.kind}", language),
    )


def _place(event: Event, language: str) -> str:
    place, city = ("", "") if event.mode is Mode.ONLINE else (event.place, event.city)
    online = "" if event.mode is Mode.IN_PERSON else programme_texts().text("mode.online", language)
    return place_text(place, city, online, language)
