"""Seats of a form and offers of them, for programs and in the console: who waits and why, and how they are reserved.

What all answers of the interface about one registration have in common is here too.
"""

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.forms.api import ReservationSchema
from services.registration.people.decisions import OFFER, WITHDRAW, SeatDecision, decide_seat
from services.registration.people.listing import show_person
from services.registration.people.messages import RegistrationMessages
from services.registration.people.schemas import OfferWantedSchema, PersonSchema
from services.registration.people.store import Person
from services.registration.people.waiting_list import MAX_SHOWN_WAITING, REASONS, SeatsView, show_seats
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, require_touch
from shared.http.headers import personal, require_match
from shared.http.problems import ProblemSchema
from shared.runtime.clock import Clock
from shared.vocabulary.promotion import PROMOTION_MODES


@dataclass(frozen=True, slots=True)
class PeopleContext:
    """Dependencies of the coordinators' routes about registrations.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        messages: the writer of registration messages to the outbox.
    """

    work: UnitOfWork
    clock: Clock
    messages: RegistrationMessages


def add_offers(blueprint: Any, context: PeopleContext) -> None:
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
        return _decide(context, str(registration_id), OFFER, wanted["reason"], wanted["hours"])

    @blueprint.delete("/<uuid:registration_id>/offer")
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def withdraw_offer(registration_id: Any) -> Response:
        """Withdraw an offer: the person is back on the waiting list, and the seat goes to the next person."""
        return _decide(context, str(registration_id), WITHDRAW)


def _decide(
    context: PeopleContext, registration_id: str, status: str, reason: str = "", hours: int | None = None
) -> Response:
    view = show_person(context.work, registration_id)
    require_touch(view.form.slug)
    revision = view.person.registration.revision
    require_match(str(revision))
    decision = SeatDecision(registration_id, revision, status, holder().name, reason, hours)
    person = decide_seat(context.work, context.clock, context.messages, decision)
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
        required=True, metadata={"description": "Matching people with a seat or an offer, however they got it"}
    )
    left = ma.fields.Integer(required=True, metadata={"description": "Seats that are still reserved"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "Matching people in line"})


class WaitingSchema(ma.Schema):
    """A person on the waiting list."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    why = ma.fields.String(
        required=True,
        metadata={
            "enum": list(REASONS),
            "description": "Why they have no seat; `next`: they get a free seat within seconds",
        },
    )
    pools = ma.fields.List(
        ma.fields.Integer(), required=True, metadata={"description": "Indexes in `reservations` of those they match"}
    )


class SeatsSchema(ma.Schema):
    """The seats of a form."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the form, for `If-Match`"})
    capacity = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "null: no limit"})
    confirmed = ma.fields.Integer(required=True)
    offered = ma.fields.Integer(required=True, metadata={"description": "Seats held for people who have an offer"})
    reserved = ma.fields.Integer(required=True, metadata={"description": "Reserved seats that are not taken yet"})
    free = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Seats free for everyone; null: no limit"}
    )
    beyond = ma.fields.Integer(required=True, metadata={"description": "Number of taken seats beyond the capacity"})
    in_line = ma.fields.Integer(required=True, metadata={"description": "People who get a free seat automatically"})
    passed = ma.fields.Integer(
        required=True, metadata={"description": "Waiting people whose offer expired or was declined"}
    )
    promotion_mode = ma.fields.String(required=True, metadata={"enum": list(PROMOTION_MODES)})
    offer_hours = ma.fields.Integer(required=True)
    domain_percent = ma.fields.Integer(allow_none=True, required=True)
    reservations = ma.fields.List(ma.fields.Nested(PoolSchema), required=True)
    waiting = ma.fields.List(
        ma.fields.Nested(WaitingSchema),
        required=True,
        metadata={"description": f"The first {MAX_SHOWN_WAITING} on the waiting list, in order"},
    )


def add_seats(blueprint: Any, context: PeopleContext) -> None:
    """The route, below ``/v1/forms``."""

    @blueprint.get("/<slug>/seats")
    @blueprint.response(200, SeatsSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def seats(slug: str) -> dict[str, Any]:
        """The seats of a form: taken, offered, reserved, free; and the waiting list in order, with reasons."""
        require_touch(slug)
        return _to_public(show_seats(context.work, context.clock, slug))


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
            {"registration": to_public(person.person), "why": person.why, "pools": list(person.pools)}
            for person in view.waiting
        ],
    }


def _pool(pool: Any) -> dict[str, Any]:
    kept = pool.reservation
    named = {name: getattr(kept, name) for name in ("reserved_for", "value", "seats", "until")}
    return named | {"taken": pool.taken, "left": pool.left, "waiting": pool.waiting}


ReservationRow = tuple[str, str, str]
"""For whom (``working_group:housing``), how many, until when: as they are typed."""
