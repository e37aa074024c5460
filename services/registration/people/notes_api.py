"""Tags, notes on people, saved views and blocked addresses, for coordinators' programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import marshmallow as ma
from flask import Blueprint as PagesBlueprint
from flask import redirect, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from services.registration.people.filters import of_form, read_filters
from services.registration.people.listing import asked_definition, show_person
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.notes import (
    MAX_NOTE,
    MAX_VIEW_NAME,
    Tagging,
    delete_note,
    delete_view,
    dossier_of,
    lasting,
    read_tag,
    save_view,
    tag_registrations,
    views_for,
    write_note,
)
from services.registration.people.references import (
    Blocked,
    References,
    block_address,
    blocked_addresses,
    unblock_address,
)
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, needs_all_forms, require_touch
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint, reason_field
from shared.messaging.contracts.schemas import StrictBoolean
from shared.public_forms.addresses import email_field, normal_address
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

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
        metadata={"description": "Included in the person's export, and erased with them"},
    )


class PersonNoteSchema(ma.Schema):
    """A note of a coordinator."""

    id = ma.fields.String(required=True)
    form = ma.fields.String(required=True, metadata={"description": "Of the registration on which it was written"})
    written_at = ma.fields.AwareDateTime(format="iso", required=True)
    written_by = ma.fields.String(required=True)
    words = ma.fields.String(required=True)


class KeptNoteSchema(ma.Schema):
    """What was kept."""

    id = ma.fields.String(required=True)


class PersonNoteListSchema(ma.Schema):
    """Notes on a person, oldest first."""

    items = ma.fields.List(ma.fields.Nested(PersonNoteSchema), required=True)


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
        ids = [str(person_id) for person_id in content["ids"]]
        return {"changed": tag_registrations(work, clock, Tagging(ids, added, removed, holder().name, holder().forms))}


def _add_notes(blueprint: Any, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/<uuid:registration_id>/notes")
    @blueprint.response(200, PersonNoteListSchema)
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
        note_id = new_id()
        write_note(work, clock, str(registration_id), content["words"], holder().name, note_id)
        return {"id": note_id}

    @blueprint.delete("/<uuid:registration_id>/notes/<uuid:note_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def delete(registration_id: UUID, note_id: UUID) -> None:
        """Delete a note permanently."""
        require_touch(show_person(work, str(registration_id)).form.slug)
        delete_note(work, clock, str(registration_id), str(note_id), holder().name, holder().forms)


LIST = "/console/registrations"


class ViewWantedSchema(ma.Schema):
    """A view to save."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=MAX_VIEW_NAME))
    shared = StrictBoolean(load_default=False, metadata={"description": "Whether every coordinator sees it"})
    query = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "Filters, `sort` and `columns`, as in the address of the console's list"},
    )


class ViewSchema(ma.Schema):
    """A view; ``query`` is without what was searched for: a view stays longer than the person that a word names."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    owner = ma.fields.String(required=True)
    shared = ma.fields.Boolean(required=True)
    query = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    saved_at = ma.fields.AwareDateTime(format="iso", required=True)


class SavedViewSchema(ma.Schema):
    """What was saved."""

    id = ma.fields.String(required=True)


class ViewListSchema(ma.Schema):
    """Own views, and those that others share."""

    items = ma.fields.List(ma.fields.Nested(ViewSchema), required=True)


def views_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/registrations/views``."""
    blueprint = Blueprint(
        "views", __name__, url_prefix="/v1/registrations/views", description="Saved views of the list of registrations"
    )

    @blueprint.get("")
    @blueprint.response(200, ViewListSchema)
    @needs("coordinator")
    def list_them() -> dict[str, Any]:
        """Your views, and those that colleagues share; for a limited key those of its forms."""
        with work.transaction() as connection:
            return {"items": [asdict(view) for view in views_for(connection, holder().name, holder().forms)]}

    @blueprint.post("")
    @blueprint.arguments(ViewWantedSchema)
    @blueprint.response(201, SavedViewSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def save(content: dict[str, Any]) -> dict[str, str]:
        """Save a view under a name that you have not used yet."""
        kept = _lasting(work, content["query"])
        return {"id": save_view(work, clock, holder().name, content["name"], kept, shared=content["shared"])}

    @blueprint.delete("/<uuid:view_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def delete(view_id: UUID) -> None:
        """Delete a view of your own."""
        delete_view(work, clock, holder().name, str(view_id))

    return blueprint


RefusedView = Callable[[DomainError, Mapping[str, str], str, bool], Response]
"""Makes the page for a view that was not saved: why, its query, its name, and whether it was to be shared."""


def add_views(blueprint: PagesBlueprint, work: UnitOfWork, clock: Clock, refused: RefusedView) -> None:
    """``POST /console/registrations/views``: save a view, or delete one's own."""

    @blueprint.post("/registrations/views")
    @needs("coordinator")
    def change_views() -> Response:
        form = request.form
        if deleted := form.get("delete", ""):
            try:
                delete_view(work, clock, holder().name, str(UUID(deleted)))
            except ValueError:
                raise BadRequest("unknown view") from None
            return redirect(LIST, 303)
        query = {name: form[name] for name in form if name not in ("view-name", "view-shared")}
        kept, name, shared = _lasting(work, query), form.get("view-name", ""), "view-shared" in form
        try:
            save_view(work, clock, holder().name, name, kept, shared=shared)
        except DomainError as refusal:
            return refused(refusal, query, name, shared)
        return redirect(f"{LIST}?{urlencode(kept)}", 303)


def _lasting(work: UnitOfWork, query: dict[str, str]) -> dict[str, str]:
    sent = read_filters(query)
    definition = asked_definition(work, PeopleFilter(form=sent.get("form", ""), forms=holder().forms))
    return lasting(of_form(sent, definition), definition)


NIL_ID = str(UUID(int=0))


class BlockSchema(ma.Schema):
    """Whom to block."""

    class Meta:
        unknown = ma.RAISE

    email = email_field()
    reason = reason_field("Shown to coordinators; leave out names and addresses, because they would be kept here")


class BlockedSchema(ma.Schema):
    """A blocked address, without the address: it is not kept."""

    id = ma.fields.UUID(required=True)
    reason = ma.fields.String(required=True)
    blocked_at = ma.fields.AwareDateTime(format="iso", required=True)
    blocked_by = ma.fields.String(required=True)


class BlockedListSchema(ma.Schema):
    """A page of them."""

    items = ma.fields.List(ma.fields.Nested(BlockedSchema), required=True)
    next = ma.fields.String(allow_none=True, metadata={"description": "Cursor of the next page"})


def blocked_blueprint(work: UnitOfWork, clock: Clock, references: References) -> Any:
    """Routes below ``/v1/blocked-addresses``."""
    blueprint = Blueprint(
        "blocked_addresses",
        __name__,
        url_prefix="/v1/blocked-addresses",
        description="Blocked addresses",
    )

    @blueprint.get("")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, BlockedListSchema)
    @needs_all_forms("coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Blocked addresses, oldest first: why, since when and by whom. The addresses themselves are not kept."""
        after = position_in(query["cursor"], 1, _read_id)
        page = page_of(blocked_addresses(work, after or NIL_ID, query["limit"] + 1), query["limit"], _identity)
        return {"items": [asdict(entry) for entry in page.items], "next": page.next}

    @blueprint.post("")
    @blueprint.arguments(BlockSchema)
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def block(content: dict[str, Any]) -> None:
        """Block an address: registrations with it are dropped, with the usual response. Repeating changes nothing.

        Existing registrations of the address stay.
        """
        address = normal_address(content["email"])
        block_address(work, clock, references, address, content["reason"], by=holder().name)

    @blueprint.delete("/<uuid:blocked_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def unblock(blocked_id: UUID) -> None:
        """Accept registrations of this address again."""
        unblock_address(work, clock, str(blocked_id), by=holder().name)

    return blueprint


def _identity(entry: Blocked) -> tuple[str]:
    return (entry.id,)


def _read_id(parts: Any) -> str:
    return str(UUID(parts[0]))
