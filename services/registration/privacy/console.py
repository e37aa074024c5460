"""Erasing somebody by the console, and the page of what is left of them."""

from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.people.messages import RegistrationMessages
from services.registration.people.wording import change_rows
from services.registration.privacy.erasure import EVERYWHERE, HERE, REASONS, Erasure, erase_known, form_of, show_grave
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.headers import personal

REASON_WORDS = {
    "asked": "The person asked for it",
    "not-theirs": "Somebody else registered this address",
    "mistake": "It was made by mistake",
    "no-longer-needed": "It is no longer needed",
}
"""What a coordinator chooses from."""


def add_erasing(blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    """``POST /console/registrations/<id>/erasure``."""

    @blueprint.post("/registrations/<uuid:registration_id>/erasure")
    @needs("coordinator")
    def erase_it(registration_id: UUID) -> AnyResponse:
        identity = str(registration_id)
        require_touch(form_of(work, identity))
        reason, scope = request.form.get("reason", ""), request.form.get("scope", HERE)
        if reason not in REASONS or scope not in (HERE, EVERYWHERE) or request.form.get("sure") != "yes":
            raise BadRequest("unknown reason, or not confirmed")
        erase_known(work, clock, messages, Erasure(identity, reason, holder().name, scope, may_touch))
        return redirect(f"/console/registrations/{identity}", 303)


def erased_page(work: UnitOfWork, registration_id: UUID) -> Response:
    """What is left of an erased registration.

    Raises:
        DomainError: ``not-found``: it was not erased, or never was; ``not-allowed``.
    """
    grave = show_grave(work, str(registration_id))
    require_touch(grave.tombstone.form)
    page = render_template(
        "registrations/erased.html", grave=grave, history=change_rows(grave.history), form=grave.tombstone.form
    )
    return personal(make_response(page))
