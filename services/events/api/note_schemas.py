"""Shapes of requests and answers about an event's notes and its history."""

import marshmallow as ma

from services.events.api.change_schemas import text_field
from services.events.domain.event_note import MOST_CHARACTERS


class NewNoteSchema(ma.Schema):
    """What a coordinator writes for the others."""

    words = text_field(MOST_CHARACTERS, "Without blanks at the ends; lines are kept", required=True)
    id = ma.fields.UUID(
        metadata={
            "description": "Chosen by the caller, so that a request sent twice is one note; generated if left out"
        }
    )


class NoteSchema(ma.Schema):
    """One note. It is never changed."""

    id = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    written_by = ma.fields.String(required=True, metadata={"description": "Name of the key"})
    written_at = ma.fields.AwareDateTime(format="iso", required=True)


class NoteListSchema(ma.Schema):
    """One page of notes, the newest first."""

    items = ma.fields.List(ma.fields.Nested(NoteSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class EventChangeSchema(ma.Schema):
    """What was done to an event or to a resource of it. Values are not in it."""

    id = ma.fields.String(required=True)
    deed = ma.fields.String(
        required=True,
        metadata={
            "description": "`made`, `edited`, `loaded`, a step, `resource-made`, `resource-changed` or "
            "`timetable-published`"
        },
    )
    revision = ma.fields.Integer(required=True, metadata={"description": "Of the event, afterwards"})
    resource_id = ma.fields.String(required=True, allow_none=True)
    fields = ma.fields.List(  # type: ignore[assignment]  # the name in the answer
        ma.fields.String(), required=True, metadata={"description": "Names of the fields that differ"}
    )
    changed_by = ma.fields.String(required=True, metadata={"description": "Name of the key, or what else did it"})
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)


class HistorySchema(ma.Schema):
    """One page of changes, the newest first."""

    items = ma.fields.List(ma.fields.Nested(EventChangeSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})
