"""Coordinators make events and change them; every change can be tried first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from flask import Response, jsonify
from flask_smorest import abort

from services.events.api.change_schemas import (
    ChangeSchema,
    DependentsSchema,
    EditEventSchema,
    NewEventSchema,
    StepArguments,
    StepSchema,
)
from services.events.api.event_schemas import EventSchema
from services.events.api.showing import ALL, shown
from services.events.api.tools import Tools
from services.events.domain.event import Event, EventKind, EventStatus, Mode
from services.events.domain.event_change import EDITED
from services.events.domain.revision import state_tag
from services.events.domain.rules import RulesBroken
from services.events.usecases.change_event import Changed, Deed, change_event, create_event, preview_change
from services.events.usecases.steps import STEPS, StepWish, edit, joining, step_of
from shared.web.access import holder, needs, require_touch, require_touch_each
from shared.web.entity_tags import seen_tags
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

_TYPES: dict[str, Any] = {"kind": EventKind, "mode": Mode, "status": EventStatus, "asked_groups": tuple}


def add_changes(blueprint: Any, tools: Tools) -> None:
    """Add the routes that change things to the blueprint of ``/v1/events``."""
    _add_creation(blueprint, tools)
    _add_edit(blueprint, tools)
    _add_steps(blueprint, tools)


def _add_creation(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("")
    @blueprint.arguments(NewEventSchema)
    @blueprint.response(201, EventSchema)
    @_problems(blueprint, 409)
    @needs("coordinator")
    def create(wanted: dict[str, Any]) -> Response:
        """Create a draft. No one is notified until it is announced."""
        require_touch_each(*(wanted[name] for name in ("id", "series") if wanted.get(name)))
        with broken_rules_as_faults():
            event = create_event(
                tools.work, tools.clock, Event(status=EventStatus.DRAFT, **typed(wanted)), holder().name
            )
        answer = _tagged(jsonify(shown(event, ALL)), event)
        answer.status_code, answer.headers["Location"] = 201, f"/v1/events/{event.id}"
        return answer


def _add_edit(blueprint: Any, tools: Tools) -> None:
    @blueprint.patch("/<event_id>")
    @blueprint.arguments(EditEventSchema, required=False)
    @blueprint.arguments(StepArguments, location="query")
    @blueprint.response(200, ChangeSchema)
    @_problems(blueprint, 404, 409, 412, 428)
    @needs("coordinator")
    def change(changes: dict[str, Any], query: dict[str, Any], event_id: str) -> Response:
        """Change fields; the ETag that was seen, or the revision, as `If-Match`."""
        require_touch(event_id)
        step = joining(edit(typed(changes)), require_touch)
        with broken_rules_as_faults():
            if query["dry_run"]:
                return _told(preview_change(tools.work, tools.clock, event_id, step), dry_run=True)
            deed = Deed(EDITED, holder().name)
            return _told(change_event(tools.work, tools.clock, event_id, step, seen_tags(), deed), dry_run=False)


def _add_steps(blueprint: Any, tools: Tools) -> None:
    steps = ", ".join(STEPS)

    @blueprint.post(f"/<event_id>/<any({steps}):step_name>")
    @blueprint.arguments(StepSchema, required=False)
    @blueprint.arguments(StepArguments, location="query")
    @blueprint.response(200, ChangeSchema)
    @_problems(blueprint, 404, 409, 412, 428)
    @needs("coordinator")
    def step(wanted: dict[str, Any], query: dict[str, Any], event_id: str, step_name: str) -> Response:
        """Announce, confirm, postpone, reschedule, cancel, revive or hold; `If-Match` as for a change of fields."""
        require_touch(event_id)
        taken = step_of(StepWish(name=step_name, **typed(wanted or {})))
        if query["dry_run"]:
            return _told(preview_change(tools.work, tools.clock, event_id, taken), dry_run=True)
        deed = Deed(step_name, holder().name)
        return _told(change_event(tools.work, tools.clock, event_id, taken, seen_tags(), deed), dry_run=False)


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """Checked values of a request with the types of the domain."""
    return {name: _TYPES[name](value) if name in _TYPES else value for name, value in values.items()}


@contextmanager
def broken_rules_as_faults() -> Iterator[None]:
    """Rules about fields of the request become 422 with a pointer to each."""
    try:
        yield
    except RulesBroken as error:
        faults: dict[str, list[str]] = {}
        for rule in error.broken:
            faults.setdefault(rule.field, []).append(rule.detail)
        abort(422, messages={"json": faults})


def _told(changed: Changed, *, dry_run: bool) -> Response:
    content = {
        "dry_run": dry_run,
        "change": changed.change,
        "differs": list(changed.differs),
        "audience": asdict(changed.audience),
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


def _problems(blueprint: Any, *statuses: int) -> Any:
    """Document what these routes may say instead."""
    meanings = {
        401: "No key",
        403: "The key's roles or forms do not allow it",
        404: "No such event",
        409: "A rule of the event's life cycle does not allow it",
        412: "It was changed since it was read",
        428: "`If-Match` is missing",
    }

    def decorate(view: Any) -> Any:
        for status in (401, 403, *statuses):
            view = blueprint.alt_response(
                status, schema=ProblemSchema, content_type=PROBLEM, description=meanings[status]
            )(view)
        return view

    return decorate
