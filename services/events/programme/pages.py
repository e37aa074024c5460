"""The public pages: server-rendered, in six languages, without script, cached for a minute.

The timetable is shown by day, in the zone of the place, with UTC beside it.
"""

# size: three pages in six languages; half of its imports format times, texts and links
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from services.events.event.model import WORKING_GROUP, Event, EventKind, Readers
from services.events.event.service import event_position, list_events, read_event_position
from services.events.event.store import EventFilter
from services.events.programme.feeds import links_to, programme_texts, wanted_language
from services.events.programme.service import (
    list_city_resources,
    open_forms,
    public_groups,
    public_series,
    show_event_details,
    show_series,
)
from services.events.programme.timetable_page import timetable_page
from services.events.scheduling.service import newest_with_events
from services.events.side_events.model import PROPOSAL
from services.events.side_events.naming import public_names
from shared.calendar.ics import subscription_links
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import public
from shared.http.headers import cacheable, revalidated
from shared.http.lists import page_of, position_in
from shared.http.problems import from_domain
from shared.http.stylesheets import Sheet, card_sheet, serve_sheet
from shared.i18n.catalogue import isolated, labelled, language_attributes, language_mark, listed, marked
from shared.i18n.languages import LANGUAGE_NAMES, Text, direction
from shared.i18n.paragraphs import pieces_of
from shared.i18n.when import (
    TimeLine,
    city_name,
    period,
    time_lines,
)
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError

HOME = "/programme"
PAGE = 50
STYLE = Path(__file__).parent / "static" / "programme.css"


def programme_blueprint(work: UnitOfWork, clock: Clock, public_url: str) -> Blueprint:
    """``/programme`` and everything below it: groups, the timetable, series and events."""
    blueprint = Blueprint("programme", __name__, url_prefix=HOME, template_folder="templates")
    blueprint.context_processor(lambda: _page_values(public_url))
    blueprint.register_error_handler(HTTPException, lambda error: _refusal(error.code or 500))
    blueprint.register_error_handler(DomainError, lambda error: _refusal(from_domain(error).status_code))
    serve_sheet(blueprint, "/static/programme.css", _sheet())
    _add_list(blueprint, work, clock)
    _add_timetable(blueprint, work, clock)
    _add_details(blueprint, work, clock, public_url)
    return blueprint


def _add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("")
    @public
    def programme() -> Response:
        everything = request.args.get("show") == "all"
        wanted = EventFilter(
            audience=Readers.PUBLIC,
            not_over_at=None if everything else clock(),
            after=position_in(request.args.get("cursor", ""), 2, read_event_position),
            limit=PAGE,
        )
        return _page(
            "programme/list.html",
            page=page_of(list_events(work, replace(wanted, limit=PAGE + 1)), PAGE, event_position),
            series=public_series(work),
            cities=list_city_resources(work),
            everything=everything,
        )

    @blueprint.get("/groups")
    @public
    def groups() -> Response:
        forms = open_forms(work, WORKING_GROUP, clock())
        active = [group for group in public_groups(work).values() if group.active]
        return _page("programme/groups.html", groups=active, forms=forms)


def _add_timetable(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/timetable")
    @public
    def timetable() -> Response:
        version, events = newest_with_events(work)
        side_events = [entry.event_id for entry in version.entries] if version else []
        shown = timetable_page(version, events, public_names(work, side_events), wanted_language())
        forms = open_forms(work, PROPOSAL, clock())
        page = render_template("programme/timetable.html", page=shown, forms=forms)
        return revalidated(_with_language_headers(make_response(page)))


def _add_details(blueprint: Blueprint, work: UnitOfWork, clock: Clock, public_url: str) -> None:
    @blueprint.get("/series/<series_id>")
    @public
    def series(series_id: str) -> Response:
        return _page("programme/series.html", details=show_series(work, series_id, clock()))

    @blueprint.get("/<event_id>")
    @public
    def event(event_id: str) -> Response:
        details = show_event_details(work, event_id, clock())
        calendar = links_to(details.event, wanted_language(), clock(), public_url)
        speakers = _speakers(work, details.event)
        return _page("programme/event.html", details=details, calendar=calendar, speakers=speakers)


def _speakers(work: UnitOfWork, event: Event) -> Sequence[str]:
    """Names of the speakers of a side event who agree to be named."""
    if event.kind is not EventKind.SIDE_EVENT:
        return ()
    return public_names(work, [event.id]).get(event.id, ())


def _page(template: str, **values: Any) -> Response:
    return cacheable(_with_language_headers(make_response(render_template(template, **values))))


def _with_language_headers(answer: Response) -> Response:
    answer.headers["Content-Language"] = wanted_language()
    answer.vary.add("Accept-Language")
    return answer


def _refusal(status: int) -> Response:
    return make_response(render_template("programme/refusal.html", status=status), status)


def _page_values(public_url: str) -> dict[str, Any]:
    """Values that every page shows."""
    language = wanted_language()

    def text(key: str, **values: object) -> str:
        return programme_texts().text(key, language, **values)

    return {
        "language": language,
        "dir": direction(language),
        "text": text,
        "lines_of": lambda event: _lines(event.starts_at, event.ends_at, event, language),
        "city_name": lambda city: city_name(city, language),
        "last_lines_of": lambda event: _lines(event.last_starts_at, event.last_ends_at, event, language),
        "comma": listed(("", ""), language),
        "label": lambda words: labelled(words, "", language),
        "listed": lambda parts: listed(parts, language),
        "calendar_links": lambda path: subscription_links(path, language, public_url),
        "style": _sheet().address(f"{HOME}/static/programme.css"),
        "languages": [(code, name, _in_language(code)) for code, name in LANGUAGE_NAMES.items()],
        "link": _linker(language),
        "form_title": lambda form: form.title or Text.of({"": form.id}),
        "plain": lambda text: text.in_language(language),
        "paragraphs": lambda text: pieces_of(text.in_language(language)),
        "isolated": lambda text: isolated(text, language),
        "marked": lambda text: marked(text, language),
        "attributes": lambda text: language_attributes(text, language),
        "mark": lambda text: language_mark(text, language),
    }


def _lines(starts_at: datetime | None, ends_at: datetime | None, event: Event, language: str) -> list[TimeLine]:
    """When an event is, in its zone and in UTC; empty while it has no date."""
    found = period(starts_at, ends_at, event.time_zone, event.city)
    return time_lines(found, language) if found else []


def _linker(language: str) -> Callable[..., str]:
    """Makes addresses that keep the language, if it was chosen in the address."""
    chosen = {"lang": language} if "lang" in request.args else {}

    def link(path: str, **query: str) -> str:
        whole = {**query, **chosen}
        return f"{path}?{urlencode(whole)}" if whole else path

    return link


def _in_language(code: str) -> str:
    kept = {name: value for name, value in request.args.items() if name in ("show", "cursor")}
    return f"{request.path}?{urlencode({**kept, 'lang': code})}"


@cache
def _sheet() -> Sheet:
    return card_sheet(STYLE)
