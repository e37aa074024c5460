"""Saved views of the list of registrations: for coordinators' programs, and the console's acts."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import marshmallow as ma
from flask import Blueprint as PagesBlueprint
from flask import redirect, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from services.registration.people.filters import given_filters, of_form
from services.registration.people.listing import asked_definition
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.views import MAX_NAME, delete_view, lasting, save_view, views_for
from shared.contracts.schemas import StrictBoolean
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema

LIST = "/console/registrations"


class ViewWantedSchema(ma.Schema):
    """A view to save."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=MAX_NAME))
    shared = StrictBoolean(load_default=False, metadata={"description": "Whether every coordinator sees it"})
    query = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "Filters, `sort` and `columns`, as in the address of the console's list"},
    )


class ViewSchema(ma.Schema):
    """A view; ``query`` is without what was searched for: a view stays longer than the person that a word names."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    owner = ma.fields.String(required=True)
    shared = ma.fields.Boolean(required=True)
    query = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    saved_at = ma.fields.AwareDateTime(format="iso", required=True)


class SavedViewSchema(ma.Schema):
    """What was saved."""

    id = ma.fields.String(required=True)


class ViewListSchema(ma.Schema):
    """Own views, and those that others share."""

    items = ma.fields.List(ma.fields.Nested(ViewSchema), required=True)


def views_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/registrations/views``."""
    blueprint = Blueprint(
        "views", __name__, url_prefix="/v1/registrations/views", description="Saved views of the list of registrations"
    )

    @blueprint.get("")
    @blueprint.response(200, ViewListSchema)
    @needs("coordinator")
    def list_them() -> dict[str, Any]:
        """Your views, and those that colleagues share; for a limited key those of its forms."""
        with work.transaction() as connection:
            return {"items": [asdict(view) for view in views_for(connection, holder().name, holder().forms)]}

    @blueprint.post("")
    @blueprint.arguments(ViewWantedSchema)
    @blueprint.response(201, SavedViewSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def save(content: dict[str, Any]) -> dict[str, str]:
        """Save a view under a name that you have not used yet."""
        kept = _lasting(work, content["query"])
        return {"id": save_view(work, clock, holder().name, content["name"], kept, shared=content["shared"])}

    @blueprint.delete("/<uuid:view_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def delete(view_id: UUID) -> None:
        """Delete a view of your own."""
        delete_view(work, clock, holder().name, str(view_id))

    return blueprint


def add_views(blueprint: PagesBlueprint, work: UnitOfWork, clock: Clock) -> None:
    """``POST /console/registrations/views``: save one, or delete one of one's own."""

    @blueprint.post("/registrations/views")
    @needs("coordinator")
    def change_views() -> Response:
        form = request.form
        try:
            if deleted := form.get("delete", ""):
                delete_view(work, clock, holder().name, str(UUID(deleted)))
                return redirect(LIST, 303)
            kept = _lasting(work, {name: form[name] for name in form if name not in ("view-name", "view-shared")})
            save_view(work, clock, holder().name, form.get("view-name", ""), kept, shared="view-shared" in form)
        except (DomainError, ValueError) as refusal:
            raise BadRequest(getattr(refusal, "detail", "unknown view")) from None
        return redirect(f"{LIST}?{urlencode(kept)}", 303)


def _lasting(work: UnitOfWork, query: dict[str, str]) -> dict[str, str]:
    sent = given_filters(query)
    definition = asked_definition(work, PeopleFilter(form=sent.get("form", ""), forms=holder().forms))
    return lasting(of_form(sent, definition), definition)
