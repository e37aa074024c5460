"""Console: put tags on a person, take them off, write and delete notes."""

from uuid import UUID

from flask import Blueprint, redirect, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from services.registration.people.listing import show_person
from services.registration.people.notes import delete_note, write_note
from services.registration.people.tags import Tagging, read_tag, tag_registrations
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch


def add_notes(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``POST /console/registrations/<id>/tags`` and ``…/notes``."""

    @blueprint.post("/registrations/<uuid:registration_id>/tags")
    @needs("coordinator")
    def change_tags(registration_id: UUID) -> Response:
        _require(work, registration_id)
        try:
            added = [read_tag(one) for one in request.form.get("add", "").split(",") if one.strip()]
        except DomainError as refusal:
            raise BadRequest(refusal.detail) from None
        removed = request.form.getlist("remove")
        tagging = Tagging([str(registration_id)], added, removed, holder().name, holder().forms)
        tag_registrations(work, clock, tagging)
        return redirect(f"/console/registrations/{registration_id}?done=tagged", 303)

    @blueprint.post("/registrations/<uuid:registration_id>/notes")
    @needs("coordinator")
    def change_notes(registration_id: UUID) -> Response:
        _require(work, registration_id)
        identity, deleted = str(registration_id), request.form.get("delete", "")
        try:
            if deleted:
                delete_note(work, clock, identity, str(UUID(deleted)), holder().name, holder().forms)
                return redirect(f"/console/registrations/{identity}", 303)
            write_note(work, clock, identity, request.form.get("words", ""), holder().name)
        except (DomainError, ValueError) as refusal:
            raise BadRequest(getattr(refusal, "detail", "unknown note")) from None
        return redirect(f"/console/registrations/{identity}?done=noted", 303)


def _require(work: UnitOfWork, registration_id: UUID) -> None:
    require_touch(show_person(work, str(registration_id)).form.slug)
