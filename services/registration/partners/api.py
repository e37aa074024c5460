"""Partners: whose pages show which forms, and how many came through them."""

from dataclasses import asdict
from typing import Any

import marshmallow as ma

from services.registration.forms.service import list_partners
from services.registration.partners.service import show_partner
from shared.contracts.registration import REGISTRATION_STATUSES
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_partner
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


class PartnerSchema(ma.Schema):
    """A partner: its pages may show forms."""

    slug = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    origins = ma.fields.List(ma.fields.String(), required=True)
    language = ma.fields.String(required=True)
    theme = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class PartnerListSchema(ma.Schema):
    """All partners."""

    items = ma.fields.List(ma.fields.Nested(PartnerSchema), required=True)


class PartnerFormSchema(ma.Schema):
    """A form of a partner's, and how many came through the partner's pages to it."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    title = ma.fields.Function(lambda form: form.title.in_language("en"), metadata={"type": "string"})
    shown = ma.fields.Boolean(required=True, metadata={"description": "The partner's pages may show it now"})
    closed = ma.fields.String(required=True, metadata={"description": "Why it is closed; empty while it is open"})
    registrations = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(REGISTRATION_STATUSES)),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Number by status; a status that nobody has is left out"},
    )


class PartnerDetailSchema(PartnerSchema):
    """A partner with forms and numbers, and nobody's name."""

    forms = ma.fields.List(ma.fields.Nested(PartnerFormSchema), required=True)


def partners_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """Routes below ``/v1/partners``."""
    blueprint = Blueprint("partners", __name__, url_prefix="/v1/partners", description="Whose pages show forms")

    @blueprint.get("")
    @blueprint.response(200, PartnerListSchema)
    @needs("coordinator")
    def list_all() -> dict[str, Any]:
        """Every partner, with the origins that may show forms; for a limited key those that show its forms."""
        return {"items": [asdict(partner) for partner in list_partners(work, holder().forms)]}

    @blueprint.get("/<slug>")
    @blueprint.response(200, PartnerDetailSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def show(slug: str) -> dict[str, Any]:
        """One partner with their forms, and how many came through to each; a partner's own key shows no other."""
        require_partner(slug)
        view = show_partner(work, clock, slug, may_touch)
        return {**asdict(view.partner), "forms": view.forms}

    return blueprint
