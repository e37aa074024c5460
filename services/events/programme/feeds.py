"""Calendars to subscribe to: everything, one series, one kind, one room, what one working group is asked to; and files
with one event.

They follow ``?lang`` alone: whoever reads a subscribed calendar is a server, and says nothing of its user's language.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import NotFound

from services.events.domain.event import EventKind
from services.events.programme.ical import feed_bytes, file_bytes
from services.events.programme.texts import programme_texts
from services.events.store.events import Audience, EventFilter
from services.events.usecases.show_programme import (
    list_feed,
    public_groups,
    public_series,
    published_room,
    show_public_event,
)
from shared.calendar.ics import MEDIA_TYPE, Feed
from shared.i18n.languages import best_language
from shared.i18n.phrases import labelled
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import public
from shared.web.entity_tags import cacheable


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
        events, changed = list_feed(self.work, EventFilter(audience=Audience.PUBLIC, **wanted))
        return _calendar(feed_bytes(feed, events, changed, self.public_url), language)
