"""The published timetable for everybody, as a page in six languages."""

from flask import Blueprint, Response, request

from services.events.api.proposal_looks import page_language
from services.events.side_pages.pages import render_timetable
from services.events.side_pages.timetable import timetable_page
from services.events.usecases.look_up_schedule import newest_version
from services.events.usecases.side_tools import SideTools
from shared.web.access import public
from shared.web.entity_tags import revalidated


def timetable_pages(tools: SideTools, public_url: str) -> Blueprint:
    """``/programme/timetable``."""
    blueprint = Blueprint("timetable", __name__)

    @blueprint.get("/programme/timetable")
    @public
    def timetable() -> Response:
        version, language = newest_version(tools.work), page_language(request.args)
        number, at = (version.number, version.published_at) if version else (None, None)
        page = timetable_page(number, at, version.entries if version else (), language)
        response = Response(render_timetable(page, public_url), mimetype="text/html")
        response.headers["Content-Language"] = language
        response.vary.add("Accept-Language")
        return revalidated(response)

    return blueprint
