"""``GET /v1/forms/{slug}/seats``: numbers, reservations, and who waits for what reason."""

from typing import Any

import marshmallow as ma

from services.registration.forms.schemas import ReservationSchema
from services.registration.forms.seats import PROMOTION_MODES
from services.registration.people.offers_api import PeopleDesk, to_public
from services.registration.people.schemas import PersonSchema
from services.registration.people.seats import MOST_SHOWN, REASONS, SeatsView, show_seats
from shared.web.access import needs, require_touch
from shared.web.problems import ProblemSchema


class PoolSchema(ReservationSchema):
    """A reservation, and what is used of it."""

    taken = ma.fields.Integer(
        required=True, metadata={"description": "Matching people who have a seat or an offer, however they got it"}
    )
    left = ma.fields.Integer(required=True, metadata={"description": "Seats that are still kept"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "Matching people in line"})


class WaitingSchema(ma.Schema):
    """Somebody on the waiting list."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    why = ma.fields.String(
        required=True,
        metadata={
            "enum": list(REASONS),
            "description": "Why they have no seat; `next`: a free one comes to them within seconds",
        },
    )
    pools = ma.fields.List(
        ma.fields.Integer(), required=True, metadata={"description": "Places in `reservations` of those they match"}
    )


class SeatsSchema(ma.Schema):
    """The seats of a form."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the form, for `If-Match`"})
    capacity = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "null: no limit"})
    confirmed = ma.fields.Integer(required=True)
    offered = ma.fields.Integer(required=True, metadata={"description": "Seats held for people who have an offer"})
    reserved = ma.fields.Integer(required=True, metadata={"description": "Seats that are kept and not taken yet"})
    free = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Seats free for everyone; null: no limit"}
    )
    beyond = ma.fields.Integer(required=True, metadata={"description": "How many more are taken than there are"})
    in_line = ma.fields.Integer(required=True, metadata={"description": "People who get a free seat automatically"})
    passed = ma.fields.Integer(required=True, metadata={"description": "People who wait and let an offer pass"})
    promotion_mode = ma.fields.String(required=True, metadata={"enum": list(PROMOTION_MODES)})
    offer_hours = ma.fields.Integer(required=True)
    domain_percent = ma.fields.Integer(allow_none=True, required=True)
    reservations = ma.fields.List(ma.fields.Nested(PoolSchema), required=True)
    waiting = ma.fields.List(
        ma.fields.Nested(WaitingSchema),
        required=True,
        metadata={"description": f"The first {MOST_SHOWN} on the waiting list, in order"},
    )


def add_seats(blueprint: Any, desk: PeopleDesk) -> None:
    """The route, below ``/v1/forms``."""

    @blueprint.get("/<slug>/seats")
    @blueprint.response(200, SeatsSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def seats(slug: str) -> dict[str, Any]:
        """The seats of a form: taken, offered, reserved, free; and the waiting list in order, with reasons."""
        require_touch(slug)
        return _to_public(show_seats(desk.work, desk.clock, slug))


def _to_public(view: SeatsView) -> dict[str, Any]:
    seats = view.form.seats
    names = ("capacity", "confirmed", "offered", "free", "in_line", "passed", "offer_hours")
    return {
        **{name: getattr(seats, name) for name in names},
        "revision": view.form.revision,
        "reserved": seats.pools.kept,
        "beyond": view.beyond,
        "promotion_mode": seats.mode,
        "domain_percent": seats.pools.domain_percent,
        "reservations": [_pool(pool) for pool in seats.pools.pools],
        "waiting": [
            {"registration": to_public(one.person), "why": one.why, "pools": list(one.pools)} for one in view.waiting
        ],
    }


def _pool(pool: Any) -> dict[str, Any]:
    kept = pool.reservation
    named = {name: getattr(kept, name) for name in ("reserved_for", "value", "seats", "until")}
    return named | {"taken": pool.taken, "left": pool.left, "waiting": pool.waiting}
