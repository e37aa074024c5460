"""Partners: whose pages show which forms, and how many came through them."""

from dataclasses import asdict
from typing import Any

from services.registration.api.partner_schemas import PartnerDetailSchema, PartnerListSchema
from services.registration.api.tools import DeskTools
from services.registration.usecases.list_people import list_partners
from services.registration.usecases.show_partner import show_partner
from shared.web.access import holder, may_touch, needs, require_partner
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


def partners_blueprint(tools: DeskTools) -> Any:
    """Routes below ``/v1/partners``."""
    blueprint = Blueprint("partners", __name__, url_prefix="/v1/partners", description="Whose pages show forms")

    @blueprint.get("")
    @blueprint.response(200, PartnerListSchema)
    @needs("coordinator")
    def list_all() -> dict[str, Any]:
        """Every partner, with the origins that may show forms; for a limited key those that show its forms."""
        return {"items": [asdict(partner) for partner in list_partners(tools.work, holder().forms)]}

    @blueprint.get("/<slug>")
    @blueprint.response(200, PartnerDetailSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def show(slug: str) -> dict[str, Any]:
        """One partner with their forms, and how many came through to each; a partner's own key shows no other."""
        require_partner(slug)
        view = show_partner(tools.work, tools.clock, slug, may_touch)
        return {**asdict(view.partner), "forms": view.forms}

    return blueprint
