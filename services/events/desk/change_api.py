"""Routes for coordinators: create and change events (each change can be tried first), write notes."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response, jsonify

from services.events.desk.api import ALL, shown
from services.events.desk.schemas import (
    DependentsSchema,
    EventActionResultSchema,
    EventNoteListSchema,
    EventNoteSchema,
    EventSchema,
    HistorySchema,
    NewNoteSchema,
    NoticeSchema,
    StepArguments,
    StepSchema,
)
from services.events.desk.service import Changed, EventAction, change_event, create_event, preview_change
from services.events.event.lifecycle import STEPS, StepWish, edit, step_of, with_series_permit
from services.events.event.model import EDITED, Event, EventKind, EventNote, EventStatus, Mode, state_tag
from services.events.event.notices import Notice
from services.events.event.records import ChangeQuery, NoteQuery
from services.events.event.schemas import EditEventSchema, NewEventSchema
from services.events.event.service import EventsContext, list_history, list_notes, write_note
from services.events.http import CHANGED, REFUSED, broken_rules_as_faults, read_id_position, with_refusals
from shared.http.access import holder, needs, require_touch, require_touch_each
from shared.http.headers import seen_tags_of
from shared.http.lists import PageArguments, page_of, position_in
from shared.runtime.ids import new_id

_TYPES: dict[str, Any] = {"kind": EventKind, "mode": Mode, "status": EventStatus, "asked_groups": tuple}
_EVENT = {**REFUSED, "s404": "No such event"}
_RULES = "A rule of the event's life cycle does not allow it"


def add_changes(blueprint: Any, context: EventsContext) -> None:
    """Add the routes that change things to the blueprint of ``/v1/events``."""
    _add_creation(blueprint, context)
    _add_edit(blueprint, context)
    _add_steps(blueprint, context)


def _add_creation(blueprint: Any, context: EventsContext) -> None:
    @blueprint.post("")
    @blueprint.arguments(NewEventSchema)
    @blueprint.response(201, EventSchema)
    @with_refusals(blueprint, **REFUSED, s409=_RULES)
    @needs("coordinator")
    def create(wanted: dict[str, Any]) -> Response:
        """Create a draft. No one is notified until it is announced."""
        require_touch_each(*(wanted[name] for name in ("id", "series") if wanted.get(name)))
        with broken_rules_as_faults():
            event = create_event(
                context.work, context.clock, Event(status=EventStatus.DRAFT, **typed(wanted)), holder().name
            )
        answer = _tagged(jsonify(shown(event, ALL)), event)
        answer.status_code, answer.headers["Location"] = 201, f"/v1/events/{event.id}"
        return answer


def _add_edit(blueprint: Any, context: EventsContext) -> None:
    @blueprint.patch("/<event_id>")
    @blueprint.arguments(EditEventSchema)
    @blueprint.arguments(StepArguments, location="query")
    @blueprint.response(200, EventActionResultSchema)
    @with_refusals(blueprint, **_EVENT, **CHANGED, s409=_RULES)
    @needs("coordinator")
    def change(changes: dict[str, Any], query: dict[str, Any], event_id: str) -> Response:
        """Change fields; `If-Match`: the ETag or revision that you read."""
        require_touch(event_id)
        step, seen = with_series_permit(edit(typed(changes)), require_touch), seen_tags_of(query)
        with broken_rules_as_faults():
            if query["dry_run"]:
                tried = preview_change(context.work, context.clock, event_id, step, seen)
                return _change_answer(tried, context.clock(), dry_run=True)
            action = EventAction(EDITED, holder().name)
            done = change_event(context.work, context.clock, event_id, step, seen, action)
            return _change_answer(done, context.clock(), dry_run=False)


def _add_steps(blueprint: Any, context: EventsContext) -> None:
    steps = ", ".join(STEPS)

    @blueprint.post(f"/<event_id>/<any({steps}):step_name>")
    @blueprint.arguments(StepSchema, required=False)
    @blueprint.arguments(StepArguments, location="query")
    @blueprint.response(200, EventActionResultSchema)
    @with_refusals(blueprint, **_EVENT, **CHANGED, s409=_RULES)
    @needs("coordinator")
    def step(wanted: dict[str, Any], query: dict[str, Any], event_id: str, step_name: str) -> Response:
        """Announce, confirm, postpone, reschedule, cancel, revive or hold; `If-Match` as for a change of fields."""
        require_touch(event_id)
        taken, seen = step_of(StepWish(name=step_name, **typed(wanted or {}))), seen_tags_of(query)
        if query["dry_run"]:
            tried = preview_change(context.work, context.clock, event_id, taken, seen)
            return _change_answer(tried, context.clock(), dry_run=True)
        action = EventAction(step_name, holder().name)
        done = change_event(context.work, context.clock, event_id, taken, seen, action)
        return _change_answer(done, context.clock(), dry_run=False)


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """Checked values of a request with the types of the domain."""
    return {name: _TYPES[name](value) if name in _TYPES else value for name, value in values.items()}


def _shown_notice(notice: Notice | None, now: datetime) -> dict[str, Any] | None:
    if notice is None:
        return None
    return {
        "state": str(notice.state(now)),
        "due_at": notice.due_at,
        "fields": list(notice.fields),
        "mails_sent": notice.sent,
    }


def _change_answer(changed: Changed, now: datetime, *, dry_run: bool) -> Response:
    content = {
        "dry_run": dry_run,
        "change": changed.change,
        "differs": list(changed.differs),
        "audience": asdict(changed.audience),
        "notice": NoticeSchema().dump(_shown_notice(changed.notice, now)) if changed.notice else None,
        "dependents": DependentsSchema().dump(
            changed.dependents if holder().forms is None else changed.dependents.public_part
        ),
        "event": shown(changed.event, ALL),
    }
    answer = jsonify(content)
    return answer if dry_run else _tagged(answer, changed.event)


def _tagged(answer: Response, event: Event) -> Response:
    answer.set_etag(state_tag(event))
    return answer


def add_notes(blueprint: Any, context: EventsContext) -> None:
    """Add notes and history to the blueprint of ``/v1/events``."""
    _add_reading(blueprint, context)
    _add_writing(blueprint, context)
    _add_history(blueprint, context)


def _add_reading(blueprint: Any, context: EventsContext) -> None:
    @blueprint.get("/<event_id>/notes")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, EventNoteListSchema)
    @with_refusals(blueprint, **_EVENT, s400="The cursor is invalid")
    @needs("coordinator")
    def notes(query: dict[str, Any], event_id: str) -> dict[str, Any]:
        """Notes of coordinators about the event, newest first."""
        require_touch(event_id)
        before = position_in(query["cursor"], 1, read_id_position)
        found = list_notes(context.work, NoteQuery(event_id, before, query["limit"] + 1))
        page = page_of(found, query["limit"], lambda note: (note.id,))
        return {"items": page.items, "next": page.next}


def _add_writing(blueprint: Any, context: EventsContext) -> None:
    @blueprint.post("/<event_id>/notes")
    @blueprint.arguments(NewNoteSchema)
    @blueprint.response(201, EventNoteSchema)
    @with_refusals(blueprint, **_EVENT, s409="Another note has this id")
    @needs("coordinator")
    def write(wanted: dict[str, Any], event_id: str) -> EventNote:
        """Append a note. No one is notified."""
        require_touch(event_id)
        note_id = str(wanted.get("id") or new_id())
        with broken_rules_as_faults():
            return write_note(context.work, context.clock, event_id, wanted["words"], holder().name, note_id)


def _add_history(blueprint: Any, context: EventsContext) -> None:
    @blueprint.get("/<event_id>/history")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, HistorySchema)
    @with_refusals(blueprint, **_EVENT, s400="The cursor is invalid")
    @needs("coordinator")
    def history(query: dict[str, Any], event_id: str) -> dict[str, Any]:
        """Changes of the event and its resources, newest first; names of fields, no values."""
        require_touch(event_id)
        before = position_in(query["cursor"], 1, read_id_position)
        found = list_history(context.work, ChangeQuery(event_id, before, query["limit"] + 1))
        page = page_of(found, query["limit"], lambda line: (line.change.id,))
        now = context.clock()
        items = [asdict(line.change) | {"notice": _shown_notice(line.notice, now)} for line in page.items]
        return {"items": items, "next": page.next}
