"""Recordings, slides and briefs for everybody once published; coordinators make and change them."""

from typing import Any

from flask import Response, jsonify

from services.events.api.changes import broken_rules_as_faults
from services.events.api.resource_schemas import (
    ResourceChangeSchema,
    StoredResourceSchema,
    WantedResourceSchema,
)
from services.events.api.tools import Tools
from services.events.domain.resource import Resource, ResourceKind, resource_tag
from services.events.usecases.resources import change_resource, create_resource
from shared.web.access import holder, needs, require_touch_each
from shared.web.entity_tags import seen_tags
from shared.web.operations import Blueprint
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

_SCHEMA = StoredResourceSchema()


def resources_blueprint(tools: Tools) -> Any:
    """What makes and changes ``/v1/resources``; they are listed and withdrawn as everything that is set up."""
    blueprint = Blueprint("resource-changes", __name__, url_prefix="/v1", description="Recordings, slides, briefs")
    _add_changes(blueprint, tools)
    return blueprint


def _add_changes(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("/resources")
    @blueprint.arguments(WantedResourceSchema)
    @blueprint.response(201, StoredResourceSchema)
    @blueprint.alt_response(409, schema=ProblemSchema, content_type=PROBLEM, description="The id is taken")
    @needs("coordinator")
    def create(wanted: dict[str, Any]) -> Response:
        """Create a resource. If it is published, the people concerned are notified."""
        with broken_rules_as_faults():
            resource = Resource(**_typed(wanted))
            _require_touch(resource)
            made = create_resource(tools.work, tools.clock, resource, holder().name)
        answer = _tagged(made)
        answer.status_code = 201
        return answer

    @blueprint.patch("/resources/<item_id>")
    @blueprint.arguments(ResourceChangeSchema, required=False)
    @blueprint.response(200, StoredResourceSchema)
    @blueprint.alt_response(404, schema=ProblemSchema, content_type=PROBLEM, description="No such resource")
    @blueprint.alt_response(
        412, schema=ProblemSchema, content_type=PROBLEM, description="It was changed since it was read"
    )
    @blueprint.alt_response(428, schema=ProblemSchema, content_type=PROBLEM, description="`If-Match` is missing")
    @needs("coordinator")
    def change(changes: dict[str, Any], item_id: str) -> Response:
        """Change or publish a resource; the ETag that was seen, or the revision, as `If-Match`."""
        with broken_rules_as_faults():
            changed = change_resource(
                tools.work, tools.clock, item_id, _typed(changes), seen_tags(), _require_touch, holder().name
            )
            return _tagged(changed)


def _require_touch(resource: Resource) -> None:
    """A key limited to some forms is good for what stands on pages of events and series of the same names alone."""
    require_touch_each(*resource.stands_on)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ResourceKind(value) if name == "kind" else value for name, value in values.items()}


def _tagged(resource: Resource) -> Response:
    answer = jsonify(_SCHEMA.dump(resource))
    answer.set_etag(resource_tag(resource))
    return answer
