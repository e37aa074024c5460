"""Calendars to subscribe to: everything, one series, one kind, or what one working group is asked to."""

from flask import Blueprint, Response, make_response
from werkzeug.exceptions import NotFound

from services.events.domain.event import EventKind
from services.events.programme.caching import cacheable
from services.events.programme.ical import MEDIA_TYPE, feed
from services.events.store.events import Audience, EventFilter
from services.events.usecases.show_programme import list_feed, public_groups, public_series
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import public


def feeds_blueprint(work: UnitOfWork, public_url: str) -> Blueprint:
    """``/calendar/…``."""
    blueprint = Blueprint("calendar", __name__, url_prefix="/calendar")

    def answer(name: str, title: str, **wanted: str) -> Response:
        events, changed = list_feed(work, EventFilter(audience=Audience.PUBLIC, **wanted))  # type: ignore[arg-type]
        response = make_response(feed(title, events, changed, public_url))
        response.content_type = f"{MEDIA_TYPE}; charset=utf-8"
        response.headers["Content-Disposition"] = f'inline; filename="{name}.ics"'
        return cacheable(response)

    @blueprint.get("/all.ics")
    @public
    def everything() -> Response:
        return answer("all", "Programme")

    @blueprint.get("/series/<series_id>.ics")
    @public
    def series(series_id: str) -> Response:
        title = public_series(work).get(series_id)
        if title is None:
            raise NotFound
        return answer(series_id, title.title, series=series_id)

    @blueprint.get("/kind/<kind>.ics")
    @public
    def kind(kind: str) -> Response:
        if kind not in list(EventKind):
            raise NotFound
        return answer(kind, f"Programme: {kind.replace('_', ' ')}", kind=kind)

    @blueprint.get("/working-group/<group_id>.ics")
    @public
    def working_group(group_id: str) -> Response:
        group = public_groups(work).get(group_id)
        if group is None:
            raise NotFound
        return answer(group_id, f"Programme for {group.title}", working_group=group_id)

    return blueprint
