"""Seats of a form and offers of them, by programs, and what all answers about one registration have in common."""

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.api import ReservationSchema
from services.registration.forms.seats import PROMOTION_MODES
from services.registration.people.decisions import OFFER, WITHDRAW, Decision, decide_seat
from services.registration.people.listing import show_person
from services.registration.people.messages import RegistrationMessages
from services.registration.people.schemas import OfferWantedSchema, PersonSchema
from services.registration.people.store import Person
from services.registration.people.waiting_list import MOST_SHOWN, REASONS, SeatsView, show_seats
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch
from shared.web.entity_tags import require_match
from shared.web.headers import personal
from shared.web.problems import ProblemSchema


@dataclass(frozen=True, slots=True)
class PeopleDesk:
    """What the coordinators' routes about registrations work with.

    Attributes:
        work: transactions on the service's database.
        clock: of the project.
        messages: of what happens to registrations.
    """

    work: UnitOfWork
    clock: Clock
    messages: RegistrationMessages


def add_offers(blueprint: Any, desk: PeopleDesk) -> None:
    """``PUT`` and ``DELETE /v1/registrations/{id}/offer``."""

    @blueprint.put("/<uuid:registration_id>/offer")
    @blueprint.arguments(OfferWantedSchema)
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def offer_seat(wanted: dict[str, Any], registration_id: Any) -> Response:
        """Hold a seat for a waiting person until they accept or decline it; `If-Match` names the revision seen.

        They get a mail. If they decline or do not answer, the seat goes to others, and they wait until a coordinator
        decides.
        """
        return _decide(desk, str(registration_id), OFFER, wanted["reason"], wanted["hours"])

    @blueprint.delete("/<uuid:registration_id>/offer")
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def withdraw_offer(registration_id: Any) -> Response:
        """Withdraw an offer: the person is back on the waiting list, and the seat goes to the next person."""
        return _decide(desk, str(registration_id), WITHDRAW)


def _decide(
    desk: PeopleDesk, registration_id: str, status: str, reason: str = "", hours: int | None = None
) -> Response:
    view = show_person(desk.work, registration_id)
    require_touch(view.form.slug)
    revision = view.person.registration.revision
    require_match(str(revision))
    decision = Decision(registration_id, revision, status, holder().name, reason, hours)
    person = decide_seat(desk.work, desk.clock, desk.messages, decision)
    return tagged(PersonSchema().dump(to_public(person)), person)


def tagged(content: Any, person: Person) -> Response:
    """An answer about one registration, with its revision as the ETag."""
    response = personal(jsonify(content))
    response.set_etag(str(person.registration.revision))
    return response


def to_public(person: Person) -> dict[str, Any]:
    """A registration as coordinators see it."""
    registration = person.registration
    return {
        "id": registration.id,
        "revision": registration.revision,
        "form": registration.form,
        "event": registration.event_id,
        "status": registration.status,
        "position": registration.position,
        "name": person.name,
        "email": person.email,
        "organisation": person.organisation,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "country": registration.country,
        "language": registration.language,
        "partner": registration.partner,
        "offer_expires_at": registration.offer_expires_at,
        "offer_passed": registration.offer_passed,
        "answers": dict(person.answers),
        "has_sealed": person.has_sealed,
        "details_at": person.details_at,
        "verified": registration.verified,
        "tags": list(person.tags),
        "accepted_at": registration.accepted_at,
    }


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
