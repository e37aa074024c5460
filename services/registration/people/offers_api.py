"""Offers of seats by the interface, and what all answers about one registration have in common."""

from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify

from services.registration.people.decisions import OFFER, WITHDRAW, Decision
from services.registration.people.listing import show_person
from services.registration.people.messages import RegistrationMessages
from services.registration.people.offers import decide_seat
from services.registration.people.schemas import OfferWantedSchema, PersonSchema
from services.registration.people.store import Person
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
