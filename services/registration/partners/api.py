"""Partners: which forms their pages show, and how many people registered through them."""

from dataclasses import asdict, replace
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.service import Partner, find_partner, list_partners
from services.registration.partners.schemas import NewPartnerSchema, PartnerWantedSchema, origin_field
from services.registration.partners.service import PartnersContext, show_partner
from shared.http.access import holder, may_touch, needs, needs_all_forms, require_partner
from shared.http.headers import require_revision
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.runtime.errors import DomainError


class OriginWantedSchema(ma.Schema):
    """An origin requested by a partner."""

    class Meta:
        unknown = ma.RAISE

    origin = origin_field(required=True)


class PartnerSchema(ma.Schema):
    """A partner: its pages may show forms."""

    slug = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    origins = ma.fields.List(ma.fields.String(), required=True)
    requested_origins = ma.fields.List(ma.fields.String(), required=True)
    language = ma.fields.String(required=True)
    theme = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    revision = ma.fields.Integer(required=True, metadata={"description": "Value for `If-Match` in a change"})


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
        metadata={"description": "Number by status; unused statuses are left out"},
    )


class PartnerDetailSchema(PartnerSchema):
    """A partner with forms and numbers, without names of people."""

    forms = ma.fields.List(ma.fields.Nested(PartnerFormSchema), required=True)


def partners_blueprint(context: PartnersContext) -> Any:
    """Routes below ``/v1/partners``."""
    blueprint = Blueprint("partners", __name__, url_prefix="/v1/partners", description="Partners and their forms")
    _add_reading(blueprint, context)
    _add_changing(blueprint, context)
    return blueprint


def _add_reading(blueprint: Any, context: PartnersContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, PartnerListSchema)
    @needs("coordinator")
    def list_all() -> dict[str, Any]:
        """Every partner, with the origins that may show forms; for a limited key those that show its forms."""
        return {"items": [asdict(partner) for partner in list_partners(context.work, holder().forms)]}

    @blueprint.get("/<slug>")
    @blueprint.response(200, PartnerDetailSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def show(slug: str) -> Response:
        """One partner with its forms and their numbers of registrations; a partner's own key sees only itself."""
        require_partner(slug)
        view = show_partner(context.work, context.clock, slug, may_touch)
        content = PartnerDetailSchema().dump({**asdict(view.partner), "forms": view.forms})
        return _tagged(jsonify(content), view.partner)


def _add_changing(blueprint: Any, context: PartnersContext) -> None:
    @blueprint.post("")
    @blueprint.arguments(NewPartnerSchema)
    @blueprint.response(201, PartnerSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def add(wanted: dict[str, Any]) -> tuple[Response, int, dict[str, str]]:
        """Add a partner. The forms that its pages may show are set on each form."""
        lists = {"origins": tuple(wanted.pop("origins", ()))}
        partner = Partner(**{"language": "en", "theme": {}, **wanted, **lists})
        context.add(partner, holder().name)
        return _tagged(_shown(partner), partner), 201, {"Location": f"/v1/partners/{partner.slug}"}

    @blueprint.patch("/<slug>")
    @blueprint.arguments(PartnerWantedSchema)
    @blueprint.response(200, PartnerSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def change(wanted: dict[str, Any], slug: str) -> Response:
        """Change a partner; `If-Match`: the ETag or revision. A removed origin can no longer show forms."""
        current = find_partner(context.work, slug)
        if current is None:
            raise DomainError("not-found", "there is no such partner")
        require_revision(current.revision)
        lists = {name: tuple(value) for name, value in wanted.items() if isinstance(value, list)}
        partner = context.change(replace(current, **{**wanted, **lists}), holder().name)
        return _tagged(_shown(partner), partner)

    @blueprint.post("/<slug>/origins")
    @blueprint.arguments(OriginWantedSchema)
    @blueprint.response(202, PartnerSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def request_origin(wanted: dict[str, Any], slug: str) -> tuple[Response, int]:
        """Request another origin. A coordinator decides: `PATCH` with it in `origins`, or without it in either list."""
        require_partner(slug)
        partner = context.request_origin(slug, wanted["origin"], holder().name)
        return _tagged(_shown(partner), partner), 202


def _shown(partner: Partner) -> Response:
    return jsonify(PartnerSchema().dump(asdict(partner)))


def _tagged(response: Response, partner: Partner) -> Response:
    response.set_etag(str(partner.revision))
    return response
