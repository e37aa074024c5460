"""The public pages: server-rendered, in six languages, without script, kept by caches for a minute."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from services.events.domain.event import Event, EventKind
from services.events.domain.form import WORKING_GROUP
from services.events.domain.proposal import PROPOSAL
from services.events.programme.ical import links_to
from services.events.programme.texts import programme_texts, wanted_language
from services.events.programme.timetable import timetable_page
from services.events.store.events import Audience, EventFilter
from services.events.usecases.list_events import list_events
from services.events.usecases.list_proposals import public_names
from services.events.usecases.look_up_schedule import newest_with_titles
from services.events.usecases.positions import event_position, read_event_position
from services.events.usecases.proposal_keys import ProposalKeys
from services.events.usecases.show_programme import (
    list_city_resources,
    open_forms,
    public_groups,
    public_series,
    show_event_details,
    show_series,
)
from services.events.usecases.side_tools import SideTools
from shared.calendar.ics import subscription_links
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.i18n.content import Text
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.i18n.marking import isolated, language_attributes, language_mark, marked
from shared.i18n.phrases import labelled, listed
from shared.i18n.when import TimeLine, period, time_lines
from shared.i18n.zones import city_name
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import public
from shared.web.entity_tags import cacheable, revalidated
from shared.web.look.sheets import Sheet, card_sheet, serve_sheet
from shared.web.paging import page_of, position_in
from shared.web.problems import from_domain

HOME = "/programme"
PAGE = 50
STYLE = Path(__file__).parent / "static" / "programme.css"


def programme_blueprint(work: UnitOfWork, clock: Clock, keys: ProposalKeys, public_url: str) -> Blueprint:
    """``/programme`` and everything below it: groups, the timetable, series and events."""
    blueprint = Blueprint("programme", __name__, url_prefix=HOME, template_folder="templates")
    blueprint.context_processor(lambda: _around(public_url))
    blueprint.register_error_handler(HTTPException, lambda error: _refusal(error.code or 500))
    blueprint.register_error_handler(DomainError, lambda error: _refusal(from_domain(error).status_code))
    serve_sheet(blueprint, "/static/programme.css", _sheet())
    _add_list(blueprint, work, clock)
    _add_timetable(blueprint, SideTools(work, clock, keys))
    _add_details(blueprint, SideTools(work, clock, keys), public_url)
    return blueprint


def _add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("")
    @public
    def programme() -> Response:
        everything = request.args.get("show") == "all"
        wanted = EventFilter(
            audience=Audience.PUBLIC,
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


def _add_timetable(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.get("/timetable")
    @public
    def timetable() -> Response:
        version, titles = newest_with_titles(tools.work)
        side_events = [entry.event_id for entry in version.entries] if version else []
        shown = timetable_page(version, titles, public_names(tools.work, tools.keys, side_events), wanted_language())
        forms = open_forms(tools.work, PROPOSAL, tools.clock())
        page = render_template("programme/timetable.html", page=shown, forms=forms)
        return revalidated(_in_its_language(make_response(page)))


def _add_details(blueprint: Blueprint, tools: SideTools, public_url: str) -> None:
    @blueprint.get("/series/<series_id>")
    @public
    def series(series_id: str) -> Response:
        return _page("programme/series.html", details=show_series(tools.work, series_id, tools.clock()))

    @blueprint.get("/<event_id>")
    @public
    def event(event_id: str) -> Response:
        details = show_event_details(tools.work, event_id, tools.clock())
        calendar = links_to(details.event, wanted_language(), tools.clock(), public_url)
        speakers = _speakers(tools, details.event)
        return _page("programme/event.html", details=details, calendar=calendar, speakers=speakers)


def _speakers(tools: SideTools, event: Event) -> Sequence[str]:
    """Names of those who speak at a side event and agree to be named."""
    if event.kind is not EventKind.SIDE_EVENT:
        return ()
    return public_names(tools.work, tools.keys, [event.id]).get(event.id, ())


def _page(template: str, **values: Any) -> Response:
    return cacheable(_in_its_language(make_response(render_template(template, **values))))


def _in_its_language(answer: Response) -> Response:
    answer.headers["Content-Language"] = wanted_language()
    answer.vary.add("Accept-Language")
    return answer


def _refusal(status: int) -> Response:
    return make_response(render_template("programme/refusal.html", status=status), status)


def _around(public_url: str) -> dict[str, Any]:
    """What every page shows."""
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
