"""What stands around events. Each list is short and answered whole."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify

from services.events.api.network_schemas import (
    ConsultationListSchema,
    MissingArguments,
    SeriesListSchema,
    WorkingGroupListSchema,
)
from services.events.api.tools import READERS, Tools
from services.events.domain.merging import Described
from services.events.usecases.list_network import list_consultations, list_series, list_working_groups
from services.events.usecases.show_overview import consultation_totals
from shared.i18n.content import missing_in
from shared.web.access import needs_all_forms, public
from shared.web.entity_tags import conditional
from shared.web.operations import Blueprint
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

_SERIES, _GROUPS = SeriesListSchema(), WorkingGroupListSchema()


def network_blueprint(tools: Tools) -> Any:
    """``/v1/series``, ``/v1/working-groups`` and ``/v1/consultations``."""
    blueprint = Blueprint("network", __name__, url_prefix="/v1", description="Series, working groups, consultations")
    _add_public(blueprint, tools)
    _add_consultations(blueprint, tools)
    return blueprint


def _add_public(blueprint: Any, tools: Tools) -> None:
    unchanged = "Nothing has changed since the answer with the ETag that was sent"

    @blueprint.get("/series")
    @blueprint.arguments(MissingArguments, location="query")
    @blueprint.response(200, SeriesListSchema)
    @blueprint.alt_response(304, description=unchanged)
    @public
    def series(query: dict[str, Any]) -> Response:
        """All series."""
        return conditional(jsonify(_SERIES.dump({"items": _lacking(list_series(tools.work), query)})))

    @blueprint.get("/working-groups")
    @blueprint.arguments(MissingArguments, location="query")
    @blueprint.response(200, WorkingGroupListSchema)
    @blueprint.alt_response(304, description=unchanged)
    @public
    def working_groups(query: dict[str, Any]) -> Response:
        """All working groups."""
        return conditional(jsonify(_GROUPS.dump({"items": _lacking(list_working_groups(tools.work), query)})))


def _lacking(found: Sequence[Described], query: dict[str, Any]) -> list[Described]:
    """Those that lack the language asked for, or all if none is."""
    language = query.get("missing_language")
    return [one for one in found if language is None or language in missing_in((one.title, one.summary))]


def _add_consultations(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/consultations")
    @blueprint.response(200, ConsultationListSchema)
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="No key")
    @blueprint.alt_response(
        403, schema=ProblemSchema, content_type=PROBLEM, description="The key's roles or forms forbid it"
    )
    @needs_all_forms(*READERS)
    def consultations() -> dict[str, Any]:
        """All consultations, and their sums by kind of host."""
        found = list_consultations(tools.work)
        return {"items": found, "totals": list(consultation_totals(found))}
