"""Console pages for erasing a person, for their tombstone, and for the export of one person's data."""

from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.people.messages import RegistrationMessages
from services.registration.people.wording import change_rows
from services.registration.privacy.erasure import EVERYWHERE, HERE, REASONS, Erasure, erase_known, form_of, show_grave
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, needs_all_forms, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.headers import personal

SCRIPT = Path(__file__).parent / "static" / "person_export.js"

REASON_WORDS = {
    "asked": "The person asked for it",
    "not-theirs": "Another person registered this address",
    "mistake": "It was created by mistake",
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


def add_person_export(blueprint: Blueprint) -> None:
    """``/console/registrations/person-export``: a script on it asks the three services and saves one file."""

    @blueprint.get("/registrations/person-export")
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def person_export() -> Response:
        reads_sealed = "sealed-reader" in holder().roles
        return personal(make_response(render_template("registrations/person_export.html", reads_sealed=reads_sealed)))

    @blueprint.get("/registrations/person-export.js")
    @needs_all_forms("coordinator")
    def person_export_script() -> Response:
        return Response(SCRIPT.read_text(encoding="utf-8"), mimetype="text/javascript")


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
