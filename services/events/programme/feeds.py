"""Calendars to subscribe to (everything, a series, a kind, a room, a working group), and files with one event.

The meeting link is never in them. The same event has the same entry (UID, SEQUENCE, times) in every public calendar. A
postponed event stays in the feed, cancelled on its old date: an entry that simply disappeared would confuse people.
Feeds follow ``?lang`` only: a subscribed calendar is fetched by a server, which does not know its user's language.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import NotFound

from services.events.event.model import OPEN_STATUSES, Event, EventKind, EventStatus, Mode, Readers
from services.events.event.store import EventFilter
from services.events.programme.service import list_feed, public_groups, public_series, published_room, show_public_event
from shared.calendar.entries import CalendarLinks, calendar_links, public_uid
from shared.calendar.ics import MEDIA_TYPE, CalendarEvent, Feed, Status, write_feed, write_file
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import public
from shared.http.headers import cacheable
from shared.i18n.catalogue import Catalogue, labelled
from shared.i18n.languages import best_language, chosen_language
from shared.i18n.when import place_text

TEXTS = Catalogue(Path(__file__).parent / "translations")

PRODUCT = "Programme"
_STATUS: Mapping[EventStatus, Status] = {
    EventStatus.TENTATIVE: "TENTATIVE",
    EventStatus.POSTPONED: "CANCELLED",
    EventStatus.CANCELLED: "CANCELLED",
}


def programme_texts() -> Catalogue:
    """The catalogue of this folder."""
    return TEXTS


def wanted_language() -> str:
    """The language of ``?lang=``, else the best of ``Accept-Language``, else English."""
    return chosen_language(request.args.get("lang"), request.accept_languages)


def feed_bytes(feed: Feed, events: Iterable[Event], changed: Mapping[str, datetime], public_url: str) -> bytes:
    """Return the calendar, UTF-8 with CRLF line ends.

    Args:
        feed: its name, language and address.
        events: public events; those that never had a date are left out.
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
    """Return the links that add an event to a calendar; None if it does not take place or is over.

    Args:
        event: a public one.
        language: the language of the texts.
        now: the time, aware.
        public_url: address of the whole system.
    """
    entry = _entry(event, now, language, public_url)
    if event.status not in OPEN_STATUSES or entry is None or (entry.ends_at or entry.starts_at) <= now:
        return None
    if entry.status == "TENTATIVE":  # a link has no field for that
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


def feeds_blueprint(work: UnitOfWork, public_url: str) -> Blueprint:
    """``/calendar/…``."""
    blueprint = Blueprint("calendar", __name__, url_prefix="/calendar")
    _add_wide_feeds(blueprint, _Feeds(work, public_url))
    _add_narrow_feeds(blueprint, _Feeds(work, public_url))
    _add_file(blueprint, _Feeds(work, public_url))
    return blueprint


def _add_wide_feeds(blueprint: Blueprint, feeds: "_Feeds") -> None:
    @blueprint.get("/all.ics")
    @public
    def everything() -> Response:
        return feeds.answer("")

    @blueprint.get("/kind/<kind>.ics")
    @public
    def kind(kind: str) -> Response:
        if kind not in list(EventKind):
            raise NotFound
        return feeds.answer(programme_texts().text(f"kind.{kind}", _language()), kind=kind)


def _add_narrow_feeds(blueprint: Blueprint, feeds: "_Feeds") -> None:
    @blueprint.get("/series/<series_id>.ics")
    @public
    def series(series_id: str) -> Response:
        found = public_series(feeds.work).get(series_id)
        if found is None:
            raise NotFound
        return feeds.answer(found.title.in_language(_language()), series=series_id)

    @blueprint.get("/room/<room_id>.ics")
    @public
    def room(room_id: str) -> Response:
        title, ids = published_room(feeds.work, room_id)
        return feeds.answer(title.in_language(_language()), among=ids)

    @blueprint.get("/working-group/<group_id>.ics")
    @public
    def working_group(group_id: str) -> Response:
        group = public_groups(feeds.work).get(group_id)
        if group is None:
            raise NotFound
        return feeds.answer(group.title.in_language(_language()), working_group=group_id)


def _add_file(blueprint: Blueprint, feeds: "_Feeds") -> None:
    @blueprint.get("/event/<event_id>.ics")
    @public
    def event(event_id: str) -> Response:
        found, changed_at = show_public_event(feeds.work, event_id)
        content = file_bytes(found, changed_at, _language(), feeds.public_url)
        if content is None:
            raise NotFound
        return _calendar(content, _language())


def _calendar(content: bytes, language: str) -> Response:
    response = make_response(content)
    response.content_type = f"{MEDIA_TYPE}; charset=utf-8"
    response.headers["Content-Disposition"] = f'inline; filename="{request.path.rpartition("/")[2]}"'
    response.headers["Content-Language"] = language
    return cacheable(response)


def _language() -> str:
    return best_language(request.args.get("lang"))


@dataclass(frozen=True, slots=True)
class _Feeds:
    work: UnitOfWork
    public_url: str

    def answer(self, part: str, **wanted: Any) -> Response:
        """The calendar of the events that ``wanted`` names (fields of ``EventFilter``), named after its ``part``."""
        language = _language()
        programme = programme_texts().text("programme", language)
        name = labelled(programme, part, language) if part else programme
        feed = Feed(name, language, f"{self.public_url}{request.path}?{urlencode({'lang': language})}")
        events, changed = list_feed(self.work, EventFilter(audience=Readers.PUBLIC, **wanted))
        return _calendar(feed_bytes(feed, events, changed, self.public_url), language)
