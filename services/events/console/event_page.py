"""The page of one event: facts, who comes, what belongs to it, and what only coordinators tell each other."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import history_words, resource_fields
from services.events.console.changing_words import possible_actions
from services.events.console.fields import cleaned
from services.events.domain.event import Event
from services.events.domain.event_note import MOST_CHARACTERS
from services.events.domain.rules import RulesBroken
from services.events.store.event_changes import ChangeQuery
from services.events.store.event_notes import NoteQuery
from services.events.store.events import Audience
from services.events.store.resources import ResourceFilter
from services.events.usecases.count_registrations import count_registrations
from services.events.usecases.event_history import list_history
from services.events.usecases.event_notes import list_notes, write_note
from services.events.usecases.list_network import list_series, list_working_groups
from services.events.usecases.positions import read_registration_position
from services.events.usecases.resources import list_resources
from services.events.usecases.show_coverage import show_coverage
from services.events.usecases.show_event import list_forms_of, show_event
from shared.core.clock import Clock
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.paging import page_of, position_in

READERS = ("viewer", "coordinator")
NOTES = 10
CHANGES = 10


def add_event_page(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>`` and ``/console/events/<id>/notes``."""

    @blueprint.get("/events/<event_id>")
    @needs(*READERS)
    def event_page(event_id: str) -> Response:
        require_touch(event_id)
        return _page(work, clock, show_event(work, event_id, Audience.COORDINATORS))

    @blueprint.post("/events/<event_id>/notes")
    @needs("coordinator")
    def note(event_id: str) -> AnyResponse:
        require_touch(event_id)
        words = cleaned(request.form.get("words", ""))
        try:
            write_note(work, clock, event_id, words, holder().name, _note_id())
        except RulesBroken:
            fault = f"Write 1 to {MOST_CHARACTERS} characters."
            event = show_event(work, event_id, Audience.COORDINATORS)
            return _page(work, clock, event, status=422, words=words, note_fault=fault)
        return redirect(f"/console/events/{event_id}?done=note#notes", 303)


def _note_id() -> str:
    """The id that the form was given, so that a button pressed twice writes one note."""
    try:
        return read_registration_position([request.form.get("note_id", "")])
    except ValueError:
        raise BadRequest("the id of the note is missing") from None


def _page(work: UnitOfWork, clock: Clock, event: Event, *, status: int = 200, **more: Any) -> Response:
    coordinator = "coordinator" in holder().roles
    page = render_template(
        "events/event.html",
        event=event,
        actions=possible_actions(event, clock()) if coordinator else {},
        done=history_words.done_text(request.args.get("done", ""), request.args.get("notified", "")),
        counts=count_registrations(work, event.id),
        coverage=show_coverage(work, event.id),
        forms=[form for form in list_forms_of(work, event) if may_touch(form.id)],
        groups={group.id: str(group.title) for group in list_working_groups(work)},
        series={series.id: str(series.title) for series in list_series(work)},
        resources=list_resources(
            work, ResourceFilter(published_only=False, event=event.id, limit=resource_fields.MOST_RESOURCES)
        ),
        resource_kinds=resource_fields.KINDS,
        coordinator=coordinator,
        **(_for_coordinators(work, event) if coordinator else {}),
        **more,
    )
    return make_response(page, status)


def _for_coordinators(work: UnitOfWork, event: Event) -> dict[str, Any]:
    notes = list_notes(work, NoteQuery(event.id, _before("notes"), NOTES + 1))
    changes = list_history(work, ChangeQuery(event.id, _before("history"), CHANGES + 1))
    return {
        "notes": page_of(notes, NOTES, lambda note: [note.id]),
        "history": page_of(changes, CHANGES, lambda change: [change.id]),
        "history_words": history_words,
        "note_id": new_id(),
        "most_characters": MOST_CHARACTERS,
    }


def _before(name: str) -> str | None:
    return position_in(request.args.get(name, ""), 1, read_registration_position)
