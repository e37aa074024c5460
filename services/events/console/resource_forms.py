"""Adding a recording, slides or a brief to an event, changing it, publishing and hiding it."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.events.console.fields import CHANGED_SINCE_OPENED, Typed, faults_of, in_order, missing_in, typed_in
from services.events.console.resource_fields import (
    MOST_RESOURCES,
    first_values,
    resource_changes,
    resource_sections,
    resource_values,
)
from services.events.domain.event import Event
from services.events.domain.resource import Resource, resource_tag
from services.events.domain.rules import RulesBroken
from services.events.store.events import Audience
from services.events.store.resources import ResourceFilter
from services.events.usecases.count_registrations import count_registrations
from services.events.usecases.resources import change_resource, create_resource, list_resources, show_resource
from services.events.usecases.show_event import show_event
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.slugs import slug_from
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch, require_touch_each


def add_resource_forms(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>/new-resource`` and ``/console/events/<id>/resources/<id>``."""
    _add_new(blueprint, work, clock)
    _add_edit(blueprint, work, clock)


def _add_new(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/events/<event_id>/new-resource")
    @needs("coordinator")
    def new_resource(event_id: str) -> Response:
        event = _event(work, event_id)
        others = list_resources(work, ResourceFilter(published_only=False, event=event.id, limit=MOST_RESOURCES))
        values = first_values(event, request.args.get("kind", ""), {one.id for one in others}, clock())
        return _page(work, event, None, Typed(values, focus="url"), "")

    @blueprint.post("/events/<event_id>/new-resource")
    @needs("coordinator")
    def make_resource(event_id: str) -> AnyResponse:
        event, sections = _event(work, event_id), resource_sections(None)
        values = typed_in(request.form, sections)
        faults = missing_in(values, sections)
        wanted = resource_changes(values, faults)
        resource_id = str(values["id"]) or slug_from(f"{event.id} {wanted['title']}")
        if faults:
            return _page(work, event, None, Typed(values, in_order(faults, sections)), "", status=422)
        try:
            made = Resource(id=resource_id, event=event.id, **wanted)
            create_resource(work, clock, made, holder().name)
        except RulesBroken as error:
            return _page(work, event, None, Typed(values, faults_of(error, sections, {})), "", status=422)
        except DomainError as error:
            return _page(
                work, event, None, Typed(values, {"id": f"This cannot be done: {error.detail}."}), "", status=422
            )
        return redirect(f"/console/events/{event.id}?done={_done(made.published)}#resources", 303)


def _add_edit(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/events/<event_id>/resources/<resource_id>")
    @needs("coordinator")
    def edit_resource(event_id: str, resource_id: str) -> Response:
        event, resource = _event(work, event_id), _resource(work, event_id, resource_id)
        return _page(work, event, resource, Typed(resource_values(resource)), resource_tag(resource))

    @blueprint.post("/events/<event_id>/resources/<resource_id>")
    @needs("coordinator")
    def save_resource(event_id: str, resource_id: str) -> AnyResponse:
        event, resource = _event(work, event_id), _resource(work, event_id, resource_id)
        seen, sections = request.form.get("seen", ""), resource_sections(resource)
        values = typed_in(request.form, sections)
        faults = missing_in(values, sections)
        changes = resource_changes(values, faults)
        if faults:
            return _page(work, event, resource, Typed(values, in_order(faults, sections)), seen, status=422)
        try:
            changed = change_resource(work, clock, resource.id, changes, {seen}, _may_touch, holder().name)
        except RulesBroken as error:
            return _page(work, event, resource, Typed(values, faults_of(error, sections, {})), seen, status=422)
        except DomainError as error:
            if error.code != "changed-meanwhile":
                raise
            return _conflict(work, event, _resource(work, event_id, resource_id), values)
        return redirect(f"/console/events/{event.id}?done={_done(changed.published)}#resources", 303)


def _done(published: bool) -> str:
    return "resource-published" if published else "resource-kept"


def _conflict(work: UnitOfWork, event: Event, now: Resource, values: dict[str, str | Sequence[str]]) -> Response:
    stored = {name: str(value) or "not" for name, value in resource_values(now).items() if value != values[name]}
    return _page(
        work, event, now, Typed(values, {}, stored), resource_tag(now), notice=CHANGED_SINCE_OPENED, status=412
    )


def _event(work: UnitOfWork, event_id: str) -> Event:
    require_touch(event_id)
    return show_event(work, event_id, Audience.COORDINATORS)


def _resource(work: UnitOfWork, event_id: str, resource_id: str) -> Resource:
    """The resource of this event; one of another event is not found here."""
    resource = show_resource(work, resource_id)
    if resource.event != event_id:
        raise NotFound
    return resource


def _may_touch(resource: Resource) -> None:
    require_touch_each(*resource.stands_on)


def _page(
    work: UnitOfWork,
    event: Event,
    resource: Resource | None,
    typed: Typed,
    seen: str,
    *,
    status: int = 200,
    **more: Any,
) -> Response:
    page = render_template(
        "events/resource.html",
        event=event,
        seats=count_registrations(work, event.id).confirmed,
        resource=resource,
        sections=resource_sections(resource),
        typed=typed,
        seen=seen,
        **more,
    )
    return make_response(page, status)
