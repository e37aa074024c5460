"""The published timetable for everybody: as a page in six languages, and each room as a calendar."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from icalendar import Calendar
from icalendar import Event as CalendarEvent

from services.events.api.proposal_looks import page_language
from services.events.domain.schedule_diff import Entry
from services.events.side_pages.moments import timetable_page
from services.events.side_pages.pages import render_timetable
from services.events.store.schedule_versions import Version
from services.events.usecases.list_proposals import list_rooms
from services.events.usecases.look_up_schedule import newest_version
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError
from shared.web.access import public
from shared.web.entity_tags import conditional


def timetable_pages(tools: SideTools) -> Blueprint:
    """``/programme/timetable`` and ``/calendar/room/<id>.ics``."""
    blueprint = Blueprint("timetable", __name__)

    @blueprint.get("/programme/timetable")
    @public
    def timetable() -> Response:
        version, language = newest_version(tools.work), page_language(request.args)
        number, at = (version.number, version.published_at) if version else (None, None)
        page = timetable_page(number, at, version.entries if version else (), language)
        response = Response(render_timetable(page), mimetype="text/html")
        response.headers["Content-Language"] = language
        response.vary.add("Accept-Language")
        return conditional(response)

    @blueprint.get("/calendar/room/<room_id>.ics")
    @public
    def room_calendar(room_id: str) -> Response:
        room = next((room for room in list_rooms(tools.work) if room.id == room_id), None)
        if room is None:
            raise DomainError("not-found", "there is no such room")
        version = newest_version(tools.work)
        here = [entry for entry in version.entries if entry.room_id == room_id] if version else []
        return conditional(Response(_calendar(room.title, version, here), mimetype="text/calendar"))

    return blueprint


def _calendar(title: str, version: Version | None, entries: list[Entry]) -> bytes:
    """RFC 5545, with the zones that occur in it; the same bytes for the same version."""
    calendar = Calendar()
    calendar.add("prodid", "-//Troika//timetable//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", title)
    for entry in entries:
        if version is not None:
            calendar.add_component(_component(entry, version.number, version.published_at))
    calendar.add_missing_timezones()
    content: bytes = calendar.to_ical()
    return content


def _component(entry: Entry, sequence: int, stamped_at: datetime) -> CalendarEvent:
    zone = ZoneInfo(entry.time_zone)
    component = CalendarEvent()
    component.add("uid", f"{entry.event_id}@troika")
    component.add("dtstamp", stamped_at)
    component.add("sequence", sequence)
    component.add("dtstart", entry.span.starts_at.astimezone(zone))
    component.add("dtend", entry.span.ends_at.astimezone(zone))
    component.add("summary", entry.title)
    component.add("location", f"{entry.room_title}, {entry.city}")
    component.add("status", "CONFIRMED")
    return component
