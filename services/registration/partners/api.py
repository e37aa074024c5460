"""Partners: which forms their pages show, and how many people registered through them."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.service import Partner, find_partner, list_partners
from services.registration.partners.service import MAX_ORIGINS, PartnerDesk, show_partner
from shared.http.access import holder, may_touch, needs, needs_all_forms, require_partner
from shared.http.headers import require_revision
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.theme import origin, theme_values
from shared.runtime.errors import DomainError

MAX_NAME, MAX_ORIGIN = 200, 255
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


def _read_by(read: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A marshmallow validator from a parser that raises ValueError."""

    def check(value: Any) -> None:
        try:
            read(value)
        except ValueError as fault:
            raise ma.ValidationError(str(fault)) from None

    return check


def _origins(description: str) -> ma.fields.Field[Any]:
    return ma.fields.List(
        ma.fields.String(validate=[ma.validate.Length(max=MAX_ORIGIN), _read_by(origin)]),
        validate=ma.validate.Length(max=MAX_ORIGINS),
        metadata={"description": description},
    )


class PartnerWantedSchema(ma.Schema):
    """What to change of a partner; fields that are left out stay unchanged."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(validate=[ma.validate.Length(min=1, max=MAX_NAME), ma.validate.Regexp(PRINTABLE)])
    origins = _origins("Exactly the origins that may show forms: `https://www.example.org`")
    requested_origins = _origins("Requested and not decided yet; putting one into `origins` removes it from this list")
    language = ma.fields.String(validate=ma.validate.OneOf(list(LANGUAGES)))
    theme = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), validate=_read_by(theme_values))


class NewPartnerSchema(PartnerWantedSchema):
    """A new partner."""

    class Meta(PartnerWantedSchema.Meta):
        exclude = ("requested_origins",)

    slug = ma.fields.String(required=True, validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)])
    name = ma.fields.String(
        required=True, validate=[ma.validate.Length(min=1, max=MAX_NAME), ma.validate.Regexp(PRINTABLE)]
    )


class OriginWantedSchema(ma.Schema):
    """An origin requested by a partner."""

    class Meta:
        unknown = ma.RAISE

    origin = ma.fields.String(required=True, validate=[ma.validate.Length(max=MAX_ORIGIN), _read_by(origin)])


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


def partners_blueprint(desk: PartnerDesk) -> Any:
    """Routes below ``/v1/partners``."""
    blueprint = Blueprint("partners", __name__, url_prefix="/v1/partners", description="Partners and their forms")
    _add_reading(blueprint, desk)
    _add_changing(blueprint, desk)
    return blueprint


def _add_reading(blueprint: Any, desk: PartnerDesk) -> None:
    @blueprint.get("")
    @blueprint.response(200, PartnerListSchema)
    @needs("coordinator")
    def list_all() -> dict[str, Any]:
        """Every partner, with the origins that may show forms; for a limited key those that show its forms."""
        return {"items": [asdict(partner) for partner in list_partners(desk.work, holder().forms)]}

    @blueprint.get("/<slug>")
    @blueprint.response(200, PartnerDetailSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def show(slug: str) -> Response:
        """One partner with its forms and their numbers of registrations; a partner's own key sees only itself."""
        require_partner(slug)
        view = show_partner(desk.work, desk.clock, slug, may_touch)
        content = PartnerDetailSchema().dump({**asdict(view.partner), "forms": view.forms})
        return _tagged(jsonify(content), view.partner)


def _add_changing(blueprint: Any, desk: PartnerDesk) -> None:
    @blueprint.post("")
    @blueprint.arguments(NewPartnerSchema)
    @blueprint.response(201, PartnerSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def add(wanted: dict[str, Any]) -> tuple[Response, int, dict[str, str]]:
        """Add a partner. The forms that its pages may show are set on each form."""
        lists = {"origins": tuple(wanted.pop("origins", ()))}
        partner = Partner(**{"language": "en", "theme": {}, **wanted, **lists})
        desk.add(partner, holder().name)
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
        current = find_partner(desk.work, slug)
        if current is None:
            raise DomainError("not-found", "there is no such partner")
        require_revision(current.revision)
        lists = {name: tuple(value) for name, value in wanted.items() if isinstance(value, list)}
        partner = desk.change(replace(current, **{**wanted, **lists}), holder().name)
        return _tagged(_shown(partner), partner)

    @blueprint.post("/<slug>/origins")
    @blueprint.arguments(OriginWantedSchema)
    @blueprint.response(202, PartnerSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "partner")
    def request_origin(wanted: dict[str, Any], slug: str) -> tuple[Response, int]:
        """Request another origin. A coordinator decides: `PATCH` with it in `origins`, or without it in either list."""
        require_partner(slug)
        partner = desk.request_origin(slug, wanted["origin"], holder().name)
        return _tagged(_shown(partner), partner), 202


def _shown(partner: Partner) -> Response:
    return jsonify(PartnerSchema().dump(asdict(partner)))


def _tagged(response: Response, partner: Partner) -> Response:
    response.set_etag(str(partner.revision))
    return response
