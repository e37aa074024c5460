"""Tags, and notes on people, for coordinators' programs."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma

from services.registration.people.listing import show_person
from services.registration.people.notes import MAX_NOTE, delete_note, dossier_of, write_note
from services.registration.people.tags import Tagging, read_tag, tag_registrations
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema

MAX_TAGGED = 200


class TaggingSchema(ma.Schema):
    """Which registrations get or lose which tags."""

    class Meta:
        unknown = ma.RAISE

    ids = ma.fields.List(ma.fields.UUID(), required=True, validate=ma.validate.Length(min=1, max=MAX_TAGGED))
    add = ma.fields.List(ma.fields.String(), load_default=list, validate=ma.validate.Length(max=20))
    remove = ma.fields.List(ma.fields.String(), load_default=list, validate=ma.validate.Length(max=20))


class TaggedSchema(ma.Schema):
    """Whose tags changed."""

    changed = ma.fields.List(ma.fields.String(), required=True)


class NoteWantedSchema(ma.Schema):
    """A note to keep."""

    class Meta:
        unknown = ma.RAISE

    words = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_NOTE),
        metadata={"description": "In the person's own export, and erased with them"},
    )


class NoteSchema(ma.Schema):
    """A note of a coordinator."""

    id = ma.fields.String(required=True)
    form = ma.fields.String(required=True, metadata={"description": "Of the registration on which it was written"})
    written_at = ma.fields.AwareDateTime(format="iso", required=True)
    written_by = ma.fields.String(required=True)
    words = ma.fields.String(required=True)


class KeptNoteSchema(ma.Schema):
    """What was kept."""

    id = ma.fields.String(required=True)


class NoteListSchema(ma.Schema):
    """Notes on a person, oldest first."""

    items = ma.fields.List(ma.fields.Nested(NoteSchema), required=True)


def notes_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/registrations/tags`` and ``/v1/registrations/<id>/notes``."""
    blueprint = Blueprint(
        "notes", __name__, url_prefix="/v1/registrations", description="Tags, and notes of coordinators"
    )
    _add_tags(blueprint, work, clock)
    _add_notes(blueprint, work, clock)
    return blueprint


def _add_tags(blueprint: Any, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.post("/tags")
    @blueprint.arguments(TaggingSchema)
    @blueprint.response(200, TaggedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def tag_them(content: dict[str, Any]) -> dict[str, Any]:
        """Add tags to registrations and remove others. Repeating it changes nothing."""
        added, removed = ([read_tag(tag) for tag in content[name]] for name in ("add", "remove"))
        ids = [str(one) for one in content["ids"]]
        return {"changed": tag_registrations(work, clock, Tagging(ids, added, removed, holder().name, holder().forms))}


def _add_notes(blueprint: Any, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/<uuid:registration_id>/notes")
    @blueprint.response(200, NoteListSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def list_them(registration_id: UUID) -> dict[str, Any]:
        """Notes on the person of a registration, those on other registrations of their address too."""
        view = show_person(work, str(registration_id))
        require_touch(view.form.slug)
        with work.transaction() as connection:
            notes = dossier_of(connection, view.person.registration, holder().forms).notes
        return {"items": [asdict(note) for note in notes]}

    @blueprint.post("/<uuid:registration_id>/notes")
    @blueprint.arguments(NoteWantedSchema)
    @blueprint.response(201, KeptNoteSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def write(content: dict[str, Any], registration_id: UUID) -> dict[str, str]:
        """Add a note about a person. No one is notified."""
        require_touch(show_person(work, str(registration_id)).form.slug)
        return {"id": write_note(work, clock, str(registration_id), content["words"], holder().name)}

    @blueprint.delete("/<uuid:registration_id>/notes/<uuid:note_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def delete(registration_id: UUID, note_id: UUID) -> None:
        """Delete a note permanently."""
        require_touch(show_person(work, str(registration_id)).form.slug)
        delete_note(work, clock, str(registration_id), str(note_id), holder().name, holder().forms)
