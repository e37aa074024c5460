"""Sealed answers: read by few, each reading with a reason that stays."""

from dataclasses import asdict
from typing import Any

from services.registration.api.people_schemas import ReadingListSchema, ReasonSchema, SealedSchema
from services.registration.api.tools import Tools
from services.registration.store.sealed import Reading
from services.registration.usecases.read_sealed import Request, read_sealed, sealed_readings
from shared.web.access import holder, may_touch, needs
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, page_of, position_in
from shared.web.problems import ProblemSchema

LARGEST = 2**63 - 1


def sealed_blueprint(tools: Tools) -> Any:
    """``/v1/registrations/{id}/sealed`` and ``/v1/sealed-readings``."""
    blueprint = Blueprint("sealed", __name__, url_prefix="/v1", description="Sealed answers and who has read them")

    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @blueprint.arguments(ReasonSchema)
    @blueprint.response(200, SealedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("sealed-reader")
    def read(content: dict[str, Any], registration_id: Any) -> dict[str, Any]:
        """Read the sealed answers of one registration. The reading is written down first, with its reason."""
        request = Request(str(registration_id), holder().name, content["reason"], may_touch)
        return {"answers": read_sealed(tools.work, tools.clock, tools.keys.form_keys, request)}

    @blueprint.get("/sealed-readings")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, ReadingListSchema)
    @needs("sealed-reader", "operator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Who has read whose sealed answers and why, newest first."""
        before = position_in(query["cursor"], 1, _read_number)
        readings = sealed_readings(tools.work, before, query["limit"] + 1, holder().forms)
        page = page_of(readings, query["limit"], _number)
        return {"items": [asdict(reading) for reading in page.items], "next": page.next}

    return blueprint


def _number(reading: Reading) -> tuple[str]:
    return (str(reading.number),)


def _read_number(parts: Any) -> int:
    number = int(parts[0])
    if not 0 < number <= LARGEST:
        raise ValueError("not the number of a reading")
    return number
