"""Changing an event in three steps: fill in, see whom it reaches, done. Without a field it begins at the second."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.events.console.changing_words import ACTIONS
from services.events.console.filling import Filled, first_values, read_filled
from services.events.domain.event import Event
from services.events.domain.event_change import EDITED
from services.events.domain.revision import state_tag
from services.events.store.events import Audience
from services.events.usecases.change_event import Deed, change_event, preview_change
from services.events.usecases.show_event import show_event
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch
from shared.web.console.words import changed_since_opened


def add_changing(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>/change/<action>``."""

    @blueprint.get("/events/<event_id>/change/<action>")
    @needs("coordinator")
    def ask(event_id: str, action: str) -> Response:
        event = _event(work, event_id, action)
        if ACTIONS[action].fields:
            return _page(event, action, Filled(first_values(event), {}, None), state_tag(event))
        return _second(work, clock, event, action, read_filled(action, event, {}), state_tag(event))

    @blueprint.post("/events/<event_id>/change/<action>")
    @needs("coordinator")
    def go_on(event_id: str, action: str) -> AnyResponse:
        event = _event(work, event_id, action)
        seen = request.form.get("seen", "")
        filled = read_filled(action, event, request.form)
        if filled.step is None:
            return _page(event, action, filled, seen, status=422)
        if seen != state_tag(event):
            return _page(event, action, filled, state_tag(event), notice=changed_since_opened("event"), status=412)
        if request.form.get("go") != "do":
            return _second(work, clock, event, action, filled, seen)
        return _do(work, clock, event, action, filled, seen)


RECORDED_AS = {"attendance": EDITED}
"""Name in the history of an action that is not a step of the event's life cycle."""


def _event(work: UnitOfWork, event_id: str, action: str) -> Event:
    require_touch(event_id)
    if action not in ACTIONS:
        raise NotFound
    return show_event(work, event_id, Audience.COORDINATORS)


def _second(work: UnitOfWork, clock: Clock, event: Event, action: str, filled: Filled, seen: str) -> Response:
    """Whom it reaches; or why it cannot be done."""
    assert filled.step is not None
    try:
        preview = preview_change(work, clock, event.id, filled.step)
    except DomainError as error:
        return _page(event, action, filled, seen, notice=f"This cannot be done: {error.detail}.", status=409)
    dependents = preview.dependents if holder().forms is None else preview.dependents.public_part
    return _page(event, action, filled, seen, preview=preview, dependents=dependents)


def _do(work: UnitOfWork, clock: Clock, event: Event, action: str, filled: Filled, seen: str) -> AnyResponse:
    assert filled.step is not None
    try:
        changed = change_event(
            work, clock, event.id, filled.step, {seen}, Deed(RECORDED_AS.get(action, action), holder().name)
        )
    except DomainError as error:
        is_older = error.code == "changed-meanwhile"
        notice = changed_since_opened("event") if is_older else f"This cannot be done: {error.detail}."
        return _page(event, action, filled, seen, notice=notice, status=409)
    return redirect(f"/console/events/{event.id}?done={action}&notified={changed.audience.people}", 303)


def _page(event: Event, action: str, filled: Filled, seen: str, *, status: int = 200, **more: Any) -> Response:
    page = render_template(
        "events/change.html", event=event, name=action, action=ACTIONS[action], filled=filled, seen=seen, **more
    )
    return make_response(page, status)
