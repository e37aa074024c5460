"""What coordinators note about an event, and who did what to it. Both are for coordinators alone."""

from collections.abc import Sequence
from typing import Any

from services.events.api.changes import broken_rules_as_faults
from services.events.api.note_schemas import HistorySchema, NewNoteSchema, NoteListSchema, NoteSchema
from services.events.api.tools import Tools
from services.events.domain.event_change import EventChange
from services.events.domain.event_note import EventNote
from services.events.store.event_changes import ChangeQuery
from services.events.store.event_notes import NoteQuery
from services.events.usecases.event_history import list_history
from services.events.usecases.event_notes import list_notes, write_note
from services.events.usecases.positions import read_registration_position
from shared.core.ids import new_id
from shared.web.access import holder, needs, require_touch
from shared.web.paging import PageArguments, page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema


def add_notes(blueprint: Any, tools: Tools) -> None:
    """Add notes and history to the blueprint of ``/v1/events``."""
    _add_reading(blueprint, tools)
    _add_writing(blueprint, tools)
    _add_history(blueprint, tools)


def _add_reading(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<event_id>/notes")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, NoteListSchema)
    @_problems(blueprint, 400)
    @needs("coordinator")
    def notes(query: dict[str, Any], event_id: str) -> dict[str, Any]:
        """Notes of coordinators about the event, newest first."""
        require_touch(event_id)
        before = position_in(query["cursor"], 1, read_registration_position)
        found = list_notes(tools.work, NoteQuery(event_id, before, query["limit"] + 1))
        page = page_of(found, query["limit"], _position)
        return {"items": page.items, "next": page.next}


def _add_writing(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("/<event_id>/notes")
    @blueprint.arguments(NewNoteSchema)
    @blueprint.response(201, NoteSchema)
    @_problems(blueprint, 409)
    @needs("coordinator")
    def write(wanted: dict[str, Any], event_id: str) -> EventNote:
        """Append a note. No one is notified."""
        require_touch(event_id)
        note_id = str(wanted.get("id") or new_id())
        with broken_rules_as_faults():
            return write_note(tools.work, tools.clock, event_id, wanted["words"], holder().name, note_id)


def _add_history(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<event_id>/history")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, HistorySchema)
    @_problems(blueprint, 400)
    @needs("coordinator")
    def history(query: dict[str, Any], event_id: str) -> dict[str, Any]:
        """Changes of the event and its resources, newest first; names of fields, no values."""
        require_touch(event_id)
        before = position_in(query["cursor"], 1, read_registration_position)
        found = list_history(tools.work, ChangeQuery(event_id, before, query["limit"] + 1))
        page = page_of(found, query["limit"], _position)
        return {"items": page.items, "next": page.next}


def _position(row: EventNote | EventChange) -> Sequence[str]:
    return (row.id,)


def _problems(blueprint: Any, *statuses: int) -> Any:
    """Document what these routes may say instead."""
    meanings = {
        400: "The cursor is invalid",
        401: "No key",
        403: "The key's roles or forms do not allow it",
        404: "No such event",
        409: "Another note has this id",
    }

    def decorate(view: Any) -> Any:
        for status in (401, 403, 404, *statuses):
            view = blueprint.alt_response(
                status, schema=ProblemSchema, content_type=PROBLEM, description=meanings[status]
            )(view)
        return view

    return decorate
