"""Erasing people, for coordinators: who is erased is gone for good, and nothing asks twice here."""

from dataclasses import asdict
from typing import Any

from services.registration.api.people_schemas import ErasedSchema, ErasureSchema
from services.registration.api.tools import DeskTools
from services.registration.usecases.erase import Erasure, Grave, erase_known, form_of, show_grave
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


def erasing_blueprint(tools: DeskTools) -> Any:
    """``/v1/registrations/{id}/erasure``."""
    blueprint = Blueprint("erasing", __name__, url_prefix="/v1/registrations", description="Erasing people")

    @blueprint.post("/<uuid:registration_id>/erasure")
    @blueprint.arguments(ErasureSchema)
    @blueprint.response(200, ErasedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def erase(wanted: dict[str, Any], registration_id: Any) -> dict[str, Any]:
        """Erase whoever is on a registration, in all services; it cannot be undone. Doing it again changes nothing.

        A place is given back and the next in line gets it; whoever came to an event that has begun stays counted. No
        further mail goes out, not even about this.
        """
        identity = str(registration_id)
        require_touch(form_of(tools.work, identity))
        erase_known(
            tools.work, tools.clock, tools.messages, Erasure(identity, **wanted, by=holder().name, may_touch=may_touch)
        )
        return _left(show_grave(tools.work, identity))

    @blueprint.get("/<uuid:registration_id>/erasure")
    @blueprint.response(200, ErasedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def show(registration_id: Any) -> dict[str, Any]:
        """What is left of an erased registration: when, by whom and why."""
        grave = show_grave(tools.work, str(registration_id))
        require_touch(grave.tombstone.form)
        return _left(grave)

    return blueprint


def _left(grave: Grave) -> dict[str, Any]:
    return {**asdict(grave.tombstone), "history": [asdict(change) for change in grave.history]}
