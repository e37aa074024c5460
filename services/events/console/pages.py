"""The pages: what is on, and for one event who comes and which working groups nobody represents."""

from dataclasses import replace

from flask import Blueprint, render_template, request

from services.events.console import changing_words, moments, wording
from services.events.console.changing import add_changing
from services.events.console.changing_words import ACTIONS, possible_actions
from services.events.console.overview import add_overview
from services.events.store.events import Audience, EventFilter
from services.events.store.roster import RosterQuery
from services.events.usecases.count_registrations import count_each, count_registrations
from services.events.usecases.list_events import list_events
from services.events.usecases.list_network import list_series, list_working_groups
from services.events.usecases.list_roster import list_roster
from services.events.usecases.positions import (
    event_position,
    read_event_position,
    read_registration_position,
    registration_position,
)
from services.events.usecases.show_coverage import show_coverage
from services.events.usecases.show_event import show_event
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch
from shared.web.console.frame import pages_blueprint
from shared.web.paging import page_of, position_in

PAGE = 50
ROSTER_PAGE = 25
READERS = ("viewer", "coordinator")


def console_blueprint(work: UnitOfWork, clock: Clock) -> Blueprint:
    """``/console`` and ``/console/events/<id>``."""
    blueprint = pages_blueprint("events_console", __name__)
    blueprint.context_processor(lambda: {"moments": moments, "wording": wording, "changing": changing_words})
    _add_list(blueprint, work, clock)
    _add_event(blueprint, work)
    add_changing(blueprint, work, clock)
    add_overview(blueprint, work, clock)
    return blueprint


def _add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("")
    @needs(*READERS)
    def list_page() -> str:
        everything = request.args.get("show") == "all"
        wanted = EventFilter(
            audience=Audience.COORDINATORS,
            not_over_at=None if everything else clock(),
            after=position_in(request.args.get("cursor", ""), 2, read_event_position),
            limit=PAGE,
        )
        page = page_of(list_events(work, replace(wanted, limit=PAGE + 1)), PAGE, event_position)
        counts = count_each(work, [event.id for event in page.items])
        series = {series.id: series.title for series in list_series(work)}
        return render_template("events/list.html", page=page, counts=counts, series=series, everything=everything)


def _add_event(blueprint: Blueprint, work: UnitOfWork) -> None:
    @blueprint.get("/events/<event_id>")
    @needs(*READERS)
    def event_page(event_id: str) -> str:
        require_touch(event_id)
        asked = request.args.get("status", "")
        status = asked if asked in wording.SEATS else None
        query = RosterQuery(
            event_id, status, position_in(request.args.get("cursor", ""), 1, read_registration_position), PAGE + 1
        )
        event = show_event(work, event_id, Audience.COORDINATORS)
        return render_template(
            "events/event.html",
            event=event,
            actions=possible_actions(event) if "coordinator" in holder().roles else {},
            done=ACTIONS.get(request.args.get("done", "")),
            counts=count_registrations(work, event_id),
            coverage=show_coverage(work, event_id),
            roster=page_of(list_roster(work, query), ROSTER_PAGE, registration_position),
            groups={group.id: group.title for group in list_working_groups(work)},
            series={series.id: series.title for series in list_series(work)},
            status=status,
            paged=query.after is not None,
        )
