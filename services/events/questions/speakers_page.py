"""The console's page of who speaks at which side event, and the file of names for whoever opens the building."""

from flask import Blueprint, Response, make_response, render_template, request

from services.events.api.proposals import NAMED_FOR
from services.events.api.tools import READERS
from services.events.console import moments, schedule_words, wording
from services.events.questions.speakers import SideEvent, list_side_events, note_names_taken
from services.events.usecases.side_tools import SideTools
from shared.i18n.when import compact_instant
from shared.web.access import holder, needs_all_forms
from shared.web.browser_session import require_recent_sign_in
from shared.web.console.frame import pages_blueprint
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal

COLUMNS = ("name", "side_event", "working_group", "organisation", "status", "starts_at", "place")


def speakers_console(tools: SideTools) -> Blueprint:
    """``/console/speakers`` and ``/console/speakers.csv``."""
    blueprint = pages_blueprint("speakers_console", __name__)
    blueprint.context_processor(lambda: {"moments": moments, "words": schedule_words, "wording": wording})

    @blueprint.get("/speakers")
    @needs_all_forms(*READERS)
    def speakers_page() -> Response:
        page = render_template(
            "events/speakers.html",
            side_events=_shown(tools),
            event=request.args.get("event", ""),
            everything=request.args.get("show") == "all",
            named=NAMED_FOR in holder().roles,
        )
        return personal(make_response(page))

    @blueprint.get("/speakers.csv")
    @needs_all_forms(NAMED_FOR)
    def speakers_file() -> Response:
        require_recent_sign_in()
        note_names_taken(tools)
        return csv_answer("speakers", COLUMNS, [row for one in _shown(tools) for row in _rows(one)])

    return blueprint


def _shown(tools: SideTools) -> list[SideEvent]:
    """Side events with speakers: the one that is asked for, or those that are not over, or with ``show=all`` all."""
    event, everything = request.args.get("event", ""), request.args.get("show") == "all"
    found = [one for one in list_side_events(tools) if one.proposal.speakers]
    if event:
        return [one for one in found if one.proposal.event_id == event]
    now = tools.clock()
    return [one for one in found if everything or one.ends_at is None or one.ends_at >= now]


def _rows(one: SideEvent) -> list[list[object]]:
    proposal, event = one.proposal, one.event
    starts = compact_instant(event.starts_at) if event and event.starts_at else ""
    status = schedule_words.STATUSES[proposal.status][0]
    known = (proposal.title, proposal.working_group, proposal.organisation, status, starts, event and event.place)
    return [[name, *known] for name in one.names]
