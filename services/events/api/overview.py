"""The overview over HTTP."""

from dataclasses import asdict
from typing import Any

from services.events.api.overview_schemas import OverviewArguments, OverviewSchema
from services.events.api.tools import INTERNAL_READERS, READERS, Tools, require_one_of
from services.events.usecases.show_overview import EventLine, show_overview
from shared.web.access import needs_all_forms
from shared.web.operations import Blueprint
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema


def overview_blueprint(tools: Tools) -> Any:
    """``/v1/overview``."""
    blueprint = Blueprint("overview", __name__, url_prefix="/v1", description="All numbers at one moment")

    @blueprint.get("/overview")
    @blueprint.arguments(OverviewArguments, location="query")
    @blueprint.response(200, OverviewSchema)
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="No key")
    @blueprint.alt_response(
        403, schema=ProblemSchema, content_type=PROBLEM, description="The key's roles or forms forbid it"
    )
    @needs_all_forms(*READERS, "operator")
    def overview(query: dict[str, Any]) -> dict[str, Any]:
        """Totals by event, form, partner, country, day and group; missing travellers; totals of consultations."""
        internal = query["internal"]
        require_one_of(*(INTERNAL_READERS if internal else READERS))
        found = show_overview(tools.work, tools.clock, query.get("travellers_not_in"), internal=internal)
        return {
            "events": [_event(line) for line in found.events],
            "by_form_kind": found.by_form_kind,
            "by_partner": found.by_partner,
            "by_country": found.by_country,
            "by_day": found.by_day,
            "travellers": {"people": found.travellers, "not_in": found.missing},
            "working_groups": found.groups,
            "consultations": found.consultations,
        }

    return blueprint


def _event(line: EventLine) -> dict[str, Any]:
    event = line.event
    return {"id": event.id, "title": event.title, "status": event.status} | asdict(line.counts)
