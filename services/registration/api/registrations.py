"""Registrations for coordinators: who they are. Counts and coverage are the events service's."""

from typing import Any

from flask_smorest import Blueprint

from services.registration.api.schemas import PersonListSchema, RegistrationQuery
from services.registration.api.tools import Tools
from services.registration.store.registrations import Person
from services.registration.usecases.look_up import list_registrations
from services.registration.usecases.positions import read_registration_position, registration_position
from shared.web.access import Holder, holder, needs
from shared.web.paging import page_of, position_in

MINDED = ("form", "event", "status")


def registrations_blueprint(tools: Tools) -> Any:
    """Routes below ``/v1/registrations``."""
    blueprint = Blueprint("registrations", __name__, url_prefix="/v1/registrations", description="Who has registered")

    @blueprint.get("")
    @blueprint.arguments(RegistrationQuery, location="query")
    @blueprint.response(200, PersonListSchema)
    @needs("coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Registrations in order of arrival."""
        after = position_in(query["cursor"], 1, read_registration_position) or ""
        wanted = {name: query[name] for name in MINDED}
        people = list_registrations(tools.work, wanted, after, query["limit"] + 1)
        page = page_of(people, query["limit"], registration_position)
        return {"items": [to_public(person) for person in page.items if may_see(person, holder())], "next": page.next}

    return blueprint


def may_see(person: Person, who: Holder) -> bool:
    """Whether a key is not limited to other forms."""
    return who.forms is None or person.registration.form in who.forms


def to_public(person: Person) -> dict[str, Any]:
    """A registration as coordinators see it."""
    registration = person.registration
    return {
        "id": registration.id,
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
        "answers": dict(person.answers),
        "has_sealed": person.has_sealed,
        "accepted_at": registration.accepted_at,
    }
