"""Recordings, slides and briefs for everybody once published; coordinators make and change them. Hotel blocks."""

from dataclasses import replace
from typing import Any

from flask import Response, jsonify

from services.events.api.changes import broken_rules_as_faults
from services.events.api.resource_schemas import (
    EditResourceSchema,
    HotelListSchema,
    NewResourceSchema,
    ResourceArguments,
    ResourceListSchema,
    ResourceSchema,
)
from services.events.api.tools import READERS, Tools, audience, own_forms
from services.events.domain.resource import Resource, ResourceKind, resource_tag
from services.events.domain.rules import slug_rule
from services.events.store.events import Audience
from services.events.store.resources import ResourceFilter
from services.events.usecases.resources import change_resource, create_resource, list_hotels, list_resources
from shared.web.access import holder, needs, needs_all_forms, public, require_touch_each
from shared.web.entity_tags import conditional, seen_tags
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

_SCHEMA = ResourceSchema()


def resources_blueprint(tools: Tools) -> Any:
    """``/v1/resources`` and ``/v1/hotels``."""
    blueprint = Blueprint("resources", __name__, url_prefix="/v1", description="Recordings, slides, briefs; hotels")
    _add_list(blueprint, tools)
    _add_changes(blueprint, tools)
    _add_hotels(blueprint, tools)
    return blueprint


def _add_list(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/resources")
    @blueprint.arguments(ResourceArguments, location="query")
    @blueprint.response(200, ResourceListSchema)
    @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
    @blueprint.alt_response(400, schema=ProblemSchema, content_type=PROBLEM, description="The cursor is not one")
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="Nobody holds this key")
    @public
    def list_them(query: dict[str, Any]) -> Response:
        """Resources by id: those that are published; with a key, all of its forms."""
        who = audience()
        own = own_forms(who)
        wanted = ResourceFilter(
            published_only=who is Audience.PUBLIC or own is not None,
            own=own or frozenset(),
            after=position_in(query.pop("cursor"), 1, _read_position),
            **query,
        )
        found = list_resources(tools.work, replace(wanted, limit=wanted.limit + 1))
        page = page_of(found, wanted.limit, lambda resource: (resource.id,))
        answer = conditional(jsonify(items=_SCHEMA.dump(page.items, many=True), next=page.next))
        answer.vary.update(["Authorization", "Cookie"])
        if who is Audience.COORDINATORS:
            answer.headers["Cache-Control"] = "private, no-cache"
        return answer


def _read_position(parts: Any) -> str:
    (resource_id,) = parts
    if slug_rule("id", resource_id):
        raise ValueError("not a resource's id")
    return str(resource_id)


def _add_changes(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("/resources")
    @blueprint.arguments(NewResourceSchema)
    @blueprint.response(201, ResourceSchema)
    @blueprint.alt_response(409, schema=ProblemSchema, content_type=PROBLEM, description="The id is taken")
    @needs("coordinator")
    def create(wanted: dict[str, Any]) -> Response:
        """Make a resource; if it is published, those concerned are told."""
        with broken_rules_as_faults():
            resource = Resource(**_typed(wanted))
            _require_touch(resource)
            made = create_resource(tools.work, tools.clock, resource, holder().name)
        answer = _tagged(made)
        answer.status_code = 201
        return answer

    @blueprint.patch("/resources/<resource_id>")
    @blueprint.arguments(EditResourceSchema, required=False)
    @blueprint.response(200, ResourceSchema)
    @blueprint.alt_response(404, schema=ProblemSchema, content_type=PROBLEM, description="No such resource")
    @blueprint.alt_response(
        412, schema=ProblemSchema, content_type=PROBLEM, description="Somebody changed it meanwhile"
    )
    @blueprint.alt_response(428, schema=ProblemSchema, content_type=PROBLEM, description="`If-Match` is missing")
    @needs("coordinator")
    def change(changes: dict[str, Any], resource_id: str) -> Response:
        """Change or publish a resource; the ETag that was seen, or the revision, as `If-Match`."""
        with broken_rules_as_faults():
            changed = change_resource(
                tools.work, tools.clock, resource_id, _typed(changes), seen_tags(), _require_touch, holder().name
            )
            return _tagged(changed)


def _add_hotels(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/hotels")
    @blueprint.response(200, HotelListSchema)
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="No key")
    @blueprint.alt_response(
        403, schema=ProblemSchema, content_type=PROBLEM, description="The key's roles or forms forbid it"
    )
    @needs_all_forms(*READERS)
    def hotels() -> dict[str, Any]:
        """Hotel blocks for the delegation, by city."""
        return {"items": list_hotels(tools.work)}


def _require_touch(resource: Resource) -> None:
    """A key limited to some forms is good for what stands on pages of events and series of the same names alone."""
    require_touch_each(*resource.stands_on)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ResourceKind(value) if name == "kind" else value for name, value in values.items()}


def _tagged(resource: Resource) -> Response:
    answer = jsonify(_SCHEMA.dump(resource))
    answer.set_etag(resource_tag(resource))
    return answer
