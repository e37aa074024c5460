"""Console pages: the list of events and the page of one event, with decisions that wait for the user."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.wrappers import Response as AnyResponse

from services.events import console
from services.events.console import cleaned
from services.events.desk import change_pages
from services.events.desk.change_pages import ACTIONS, NO_ONE, add_changing, possible_actions
from services.events.desk.event_forms import add_event_forms
from services.events.desk.service import show_waiting_people
from services.events.event.model import EDITED, MAX_NOTE_CHARACTERS, Event, Readers
from services.events.event.notices import Notice, NoticeState
from services.events.event.records import (
    ChangeQuery,
    NoteQuery,
    WaitingOrigins,
    count_waiting_approvals,
    waiting_origins,
)
from services.events.event.service import (
    NotedChange,
    count_each,
    count_registrations,
    event_place,
    has_events,
    list_events,
    list_forms_of,
    list_history,
    list_notes,
    read_event_key,
    show_event,
    write_note,
)
from services.events.event.store import (
    BY_CITY,
    BY_CONFIRMED,
    BY_NUMBER,
    BY_START,
    BY_STATUS,
    BY_TITLE,
    BY_WAITLISTED,
    EVENT_SORTS,
    EventFilter,
)
from services.events.http import READERS, read_id_position
from services.events.network.resource_pages import MAX_LISTED_RESOURCES, RESOURCE_KINDS, add_resource_forms
from services.events.network.service import list_resources, list_series, list_working_groups, show_coverage
from services.events.network.store import ResourceFilter
from services.events.rules import RulesBroken
from shared.console.frame import HOME, pages_blueprint
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.lists import page_of, position_in
from shared.runtime.clock import Clock
from shared.runtime.ids import new_id

APPROVERS = frozenset({"sealed-reader", "coordinator"})
"""Roles that may approve what another person asks for about sealed answers."""

PAGE = 50
COLUMNS = {
    BY_TITLE: "Event",
    BY_START: "When",
    BY_CITY: "Where",
    BY_STATUS: "Status",
    BY_CONFIRMED: "Confirmed",
    BY_WAITLISTED: "Waiting",
}
"""Headings by the sort key of their column: the names that ``GET /v1/events`` takes."""

CHANGE_NAMES: Mapping[str, str] = {
    "made": "Created",
    "edited": "Changed",
    "loaded": "Loaded",
    "resource-made": "Resource added",
    "resource-changed": "Resource changed",
    "announce": "Announced",
    "confirm": "Date confirmed",
    "postpone": "Postponed",
    "reschedule": "Date changed",
    "cancel": "Cancelled",
    "revive": "Revived",
    "hold": "Marked as held",
    "timetable-published": "Timetable published",
}
"""Labels of changes, by their name in the history."""

DONE_TEXTS: Mapping[str, str] = {
    "made": "The event is created as a draft. Only colleagues see it until you announce it.",
    "edited": "The changes are saved.",
    "noted": "The changes are saved. They do not affect participants, so no one is notified.",
    "note": "The note is saved.",
    "resource-kept": "Saved. The public does not see it.",
    "resource-published": "Saved. It is public. People with a seat get a mail about a first recording.",
}

FIELD_WORDS: Mapping[str, str] = {
    "starts_at": "start",
    "ends_at": "end",
    "time_zone": "time zone",
    "series_number": "number in the series",
    "join_url": "meeting link",
    "asked_groups": "working groups",
    "internal_note": "internal note",
    "mode": "attendance mode",
    "url": "address",
}
"""Labels of fields whose names in programs would not be understood."""

NOTES_SHOWN = 10
CHANGES_SHOWN = 10


def console_blueprint(work: UnitOfWork, clock: Clock) -> Blueprint:
    """``/console`` and the pages of events below it."""
    blueprint = pages_blueprint("events_console", __name__)
    blueprint.context_processor(lambda: {"wording": console, "changing": change_pages})
    blueprint.context_processor(
        lambda: {
            "approvals_waiting": lambda: _approvals_waiting(work, clock),
            "origins_waiting": lambda: _origins_waiting(work),
        }
    )
    add_event_list(blueprint, work, clock)
    add_event_page(blueprint, work, clock)
    add_event_forms(blueprint, work, clock)
    add_resource_forms(blueprint, work, clock)
    add_changing(blueprint, work, clock)
    return blueprint


def _approvals_waiting(work: UnitOfWork, clock: Clock) -> int:
    """How many requests wait for the approval of the reader; 0 for roles that approve nothing."""
    if not holder().roles & APPROVERS:
        return 0
    with work.transaction() as connection:
        return count_waiting_approvals(connection, holder().name, holder().forms, clock())


def _origins_waiting(work: UnitOfWork) -> WaitingOrigins:
    """Return the addresses of partners' sites that wait for a decision; none for users who may not decide."""
    if "coordinator" not in holder().roles or holder().forms is not None:
        return WaitingOrigins(0, ())
    with work.transaction() as connection:
        return waiting_origins(connection)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the table.

    Attributes:
        label: its words.
        address: the address of the list sorted by this column, in the opposite order if it is sorted so already.
        order: ``ascending`` or ``descending``; empty if the list is sorted by another column.
        is_number: whether its column holds numbers.
    """

    label: str
    address: str
    order: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class EventList:
    """Which events are listed: with those that are over, or internal ones instead; and the order."""

    include_past: bool
    internal: bool
    sort: str

    @property
    def is_descending(self) -> bool:
        """Whether the order is reversed."""
        return self.sort.startswith("-")

    def address(self, *, cursor: str = "") -> str:
        """Address of this list, from ``cursor`` on."""
        given = {
            "internal": "true" if self.internal else "",
            "show": "all" if self.include_past else "",
            "sort": "" if self.sort == BY_START else self.sort,
            "cursor": cursor,
        }
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{HOME}?{query}" if query else HOME

    def choices(self, coordinator: bool) -> Iterator[tuple[str, str, bool]]:
        """Return the available lists: name, address in this order, and whether it is the current list."""
        lists = (("Current and upcoming", False, False), ("All", True, False), ("Internal", False, True))
        for name, include_past, internal in lists if coordinator else lists[:2]:
            other = replace(self, include_past=include_past, internal=internal)
            yield name, other.address(), other == self

    def headings(self) -> Iterator[Heading]:
        """One for each column. Numbers are sorted in descending order first."""
        for name, label in COLUMNS.items():
            order, first = "", f"-{name}" if name in BY_NUMBER else name
            if self.sort.removeprefix("-") == name:
                order = "descending" if self.is_descending else "ascending"
                first = name if self.is_descending else f"-{name}"
            yield Heading(label, replace(self, sort=first).address(), order, name in BY_NUMBER)


def add_event_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console``."""

    @blueprint.get("")
    @needs(*READERS)
    def list_page() -> str:
        shown, coordinator = _asked(), "coordinator" in holder().roles
        if shown.internal and not coordinator:
            raise Forbidden
        wanted = EventFilter(
            audience=Readers.COORDINATORS,
            internal=shown.internal,
            among=holder().forms,
            not_over_at=None if shown.include_past or shown.internal else clock(),
            sort=shown.sort,
            after=position_in(request.args.get("cursor", ""), 2, lambda parts: read_event_key(parts, shown.sort)),
            limit=PAGE,
        )
        found = list_events(work, replace(wanted, limit=PAGE + 1))
        page = page_of(found, PAGE, lambda event: event_place(work, event, shown.sort))
        return render_template(
            "events/list.html",
            page=page,
            shown=shown,
            counts=count_each(work, [event.id for event in page.items]),
            none_yet=not page.items and not has_events(work),
            series={series.id: str(series.title) for series in list_series(work)},
            coordinator=coordinator,
            limited=holder().forms is not None,
        )


def _asked() -> EventList:
    sort = request.args.get("sort", BY_START)
    if sort not in EVENT_SORTS:
        raise BadRequest("unknown order")
    return EventList(request.args.get("show") == "all", request.args.get("internal") == "true", sort)


def done_text(name: str, waiting: int, last: NotedChange | None, now: datetime) -> str:
    """Return the text of an event's page after a change; empty if nothing was changed.

    Args:
        name: the name of the change, from the query of the page's address.
        waiting: how many people will be notified.
        last: the newest line of the event's history.
        now: aware.
    """
    done = DONE_TEXTS.get(name) or (ACTIONS[name].done if name in ACTIONS else "")
    if not done or name not in (*ACTIONS, EDITED):
        return done
    return f"{done} {notice_sentence(last.notice, waiting, now) if last and last.notice else NO_ONE}"


def notice_sentence(notice: Notice, waiting: int, now: datetime) -> str:
    """``3 people will be notified of a change of place, at 12:01 UTC. If you undo it before that, no one is.``"""
    if notice.sent:
        return "1 mail about this was sent." if notice.sent == 1 else f"{notice.sent} mails about this were sent."
    match notice.state(now):
        case NoticeState.WITHDRAWN:
            return "Undone in time: no one is notified."
        case NoticeState.DUE:
            return "No mail about this has been sent."
        case NoticeState.WAITING if not waiting:
            return NO_ONE
        case NoticeState.WAITING:
            people = "1 person" if waiting == 1 else f"{waiting} people"
            return (
                f"{people} will be notified at {notice.due_at:%H:%M} UTC ({field_words(notice.fields)}). "
                "If you undo the change before that, no one is notified."
            )
        case state:
            assert_never(state)


def field_words(names: tuple[str, ...]) -> str:
    """``title, meeting link``."""
    return ", ".join(FIELD_WORDS.get(name, name) for name in names)


def add_event_page(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>`` and ``/console/events/<id>/notes``."""

    @blueprint.get("/events/<event_id>")
    @needs(*READERS)
    def event_page(event_id: str) -> Response:
        require_touch(event_id)
        return _event_page(work, clock, show_event(work, event_id, Readers.COORDINATORS))

    @blueprint.post("/events/<event_id>/notes")
    @needs("coordinator")
    def note(event_id: str) -> AnyResponse:
        require_touch(event_id)
        words = cleaned(request.form.get("words", ""))
        try:
            write_note(work, clock, event_id, words, holder().name, _note_id())
        except RulesBroken:
            fault = f"Write 1 to {MAX_NOTE_CHARACTERS} characters."
            event = show_event(work, event_id, Readers.COORDINATORS)
            return _event_page(work, clock, event, status=422, words=words, note_fault=fault)
        return redirect(f"/console/events/{event_id}?done=note#notes", 303)


def _note_id() -> str:
    """The id that the page put into the form, so that a button pressed twice writes one note."""
    try:
        return read_id_position([request.form.get("note_id", "")])
    except ValueError:
        raise BadRequest("the id of the note is missing") from None


def _event_page(work: UnitOfWork, clock: Clock, event: Event, *, status: int = 200, **more: Any) -> Response:
    coordinator = "coordinator" in holder().roles
    page = render_template(
        "events/event.html",
        event=event,
        actions=possible_actions(event, clock()) if coordinator else {},
        counts=count_registrations(work, event.id),
        coverage=show_coverage(work, event.id),
        forms=[form for form in list_forms_of(work, event) if may_touch(form.id)],
        groups={group.id: str(group.title) for group in list_working_groups(work)},
        series={series.id: str(series.title) for series in list_series(work)},
        resources=list_resources(
            work, ResourceFilter(published_only=False, event=event.id, limit=MAX_LISTED_RESOURCES)
        ),
        resource_kinds=RESOURCE_KINDS,
        coordinator=coordinator,
        **(_for_coordinators(work, event, clock()) if coordinator else {}),
        **more,
    )
    return make_response(page, status)


def _for_coordinators(work: UnitOfWork, event: Event, now: datetime) -> dict[str, Any]:
    notes = list_notes(work, NoteQuery(event.id, _before("notes"), NOTES_SHOWN + 1))
    changes = list_history(work, ChangeQuery(event.id, _before("history"), CHANGES_SHOWN + 1))
    waiting = show_waiting_people(work, event, now)
    newest = next((line for line in changes if line.change.resource_id is None), None)
    return {
        "done": done_text(request.args.get("done", ""), waiting, newest, now),
        "notice_sentence": lambda notice: notice_sentence(notice, waiting, now),
        "notes": page_of(notes, NOTES_SHOWN, lambda note: [note.id]),
        "history": page_of(changes, CHANGES_SHOWN, lambda line: [line.change.id]),
        "change_names": CHANGE_NAMES,
        "field_words": field_words,
        "note_id": new_id(),
        "max_characters": MAX_NOTE_CHARACTERS,
    }


def _before(name: str) -> str | None:
    return position_in(request.args.get(name, ""), 1, read_id_position)
