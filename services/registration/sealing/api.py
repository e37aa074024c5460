"""Sealed answers and the log of readings, for coordinators' programs."""

from dataclasses import asdict
from typing import Any

import marshmallow as ma

from services.registration.known_values import require_known_values
from services.registration.sealing.key_store import FormKeys
from services.registration.sealing.service import MAX_REASON, MIN_REASON, ReadingRequest, read_sealed, sealed_readings
from services.registration.sealing.store import Reading, ReadingFilter
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, needs_recent_sign_in, require_recent_beyond_a_page
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import SLUG
from shared.runtime.clock import Clock

MAX_NUMBER = 2**63 - 1
SLUG_OR_NOTHING = [ma.validate.Length(max=80), ma.validate.Regexp(rf"^$|{SLUG}")]
PLAIN = [ma.validate.Length(max=100), ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$")]


class ReasonSchema(ma.Schema):
    """The reason for reading sealed answers."""

    class Meta:
        unknown = ma.RAISE

    reason = ma.fields.String(required=True, validate=ma.validate.Length(min=MIN_REASON, max=MAX_REASON))


class SealedSchema(ma.Schema):
    """Sealed answers by field."""

    answers = ma.fields.Dict(keys=ma.fields.String(), required=True)


class ReadingSchema(ma.Schema):
    """A reading of a person's sealed answers."""

    number = ma.fields.Integer(required=True)
    registration_id = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "null: several, by a list"}
    )
    form = ma.fields.String(required=True)
    reader = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    read_at = ma.fields.AwareDateTime(format="iso", required=True)
    list_id = ma.fields.String(required=True, allow_none=True)
    purpose = ma.fields.String(required=True, allow_none=True)
    fields_read = ma.fields.List(
        ma.fields.String(), required=True, allow_none=True, attribute="fields", data_key="fields"
    )
    people = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "Number of people on the list"})
    expires_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)
    approved_by = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "The second person, if approval was needed"}
    )


class ReadingQuery(PageArguments):
    """Which readings."""

    reader = ma.fields.String(load_default="", validate=PLAIN)
    purpose = ma.fields.String(
        load_default="", validate=SLUG_OR_NOTHING, metadata={"description": "Of a list; `one-person` for all others"}
    )
    form = ma.fields.String(load_default="", validate=SLUG_OR_NOTHING)
    registration = ma.fields.UUID(
        load_default=None, metadata={"description": "Registration whose answers were read, one by one or in a list"}
    )


class ReadingListSchema(ma.Schema):
    """One page of readings, newest first."""

    items = ma.fields.List(ma.fields.Nested(ReadingSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


def sealed_blueprint(work: UnitOfWork, clock: Clock, keys: FormKeys) -> Any:
    """``/v1/registrations/{id}/sealed`` and ``/v1/sealed-readings``."""
    blueprint = Blueprint("sealed", __name__, url_prefix="/v1", description="Sealed answers and who has read them")

    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @blueprint.arguments(ReasonSchema)
    @blueprint.response(200, SealedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(429, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs("sealed-reader")
    def read(content: dict[str, Any], registration_id: Any) -> dict[str, Any]:
        """Read the sealed answers of one registration. The reading is logged first, with its reason.

        At most 30 people of a form per day; for more, open a list.
        """
        request = ReadingRequest(str(registration_id), holder().name, content["reason"], may_touch)
        return {"answers": read_sealed(work, clock, keys, request)}

    @blueprint.get("/sealed-readings")
    @blueprint.arguments(ReadingQuery, location="query")
    @blueprint.response(200, ReadingListSchema)
    @needs("sealed-reader", "operator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Log of readings of sealed answers, newest first."""
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        require_known_values(work, query, holder().forms)
        readings = sealed_readings(
            work,
            ReadingFilter(
                before=position_in(query["cursor"], 1, read_number),
                limit=query["limit"] + 1,
                forms=holder().forms,
                people=[str(query["registration"])] if query["registration"] else None,
                **{name: query[name] for name in ("reader", "purpose", "form")},
            ),
        )
        page = page_of(readings, query["limit"], _number)
        return {"items": [asdict(reading) for reading in page.items], "next": page.next}

    return blueprint


def _number(reading: Reading) -> tuple[str]:
    return (str(reading.number),)


def read_number(parts: Any) -> int:
    """Return the number in a cursor of the log of readings.

    Raises:
        ValueError: it is none.
    """
    number = int(parts[0])
    if not 0 < number <= MAX_NUMBER:
        raise ValueError("not the number of a reading")
    return number
