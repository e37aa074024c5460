"""The console's pages of a recording, slides or a brief of an event: add, change, publish and hide it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import (
    CHANGED_SINCE_OPENED,
    FormField,
    Section,
    Typed,
    faults_of,
    in_page_order,
    missing_fields,
    read_fields,
)
from services.events.event.model import Event, EventStatus, Readers
from services.events.event.service import count_registrations, show_event
from services.events.network.model import Resource, ResourceKind, resource_tag
from services.events.network.service import change_resource, create_resource, list_resources, show_resource
from services.events.network.store import ResourceFilter
from services.events.rules import SLUG_LENGTH, RulesBroken
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, require_touch, require_touch_each
from shared.i18n.languages import LANGUAGE_NAMES, text_typed, typed_texts
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import slug_from

RESOURCE_KINDS: Mapping[ResourceKind, str] = {
    ResourceKind.RECORDING: "Recording",
    ResourceKind.SLIDES: "Slides",
    ResourceKind.BRIEF: "Brief",
}
RESOURCE_ID_FIELD = FormField(
    name="id",
    label="Short name",
    max_length=80,
    help="Lower-case letters, digits and hyphens. It never changes. If empty, it is made from event and title.",
)


MAX_TITLE = 200
MAX_LISTED_RESOURCES = 200
"""How many resources of one event its pages read."""


def first_values(event: Event, kind: str, taken: Collection[str], now: datetime) -> dict[str, str | Sequence[str]]:
    """Return initial values for a new resource: the usual name and title, published if the event has begun.

    Args:
        event: the event of the resource.
        kind: the requested kind; anything else means a recording.
        taken: ids of the resources that the event has.
        now: aware.
    """
    kind = kind if kind in list(ResourceKind) else ResourceKind.RECORDING
    begun = event.status is not EventStatus.DRAFT and event.starts_at is not None and event.starts_at <= now
    values: dict[str, str | Sequence[str]] = {"kind": kind, "language": "en", "published": "yes" if begun else ""}
    name = f"{event.id}-{kind}"
    if name in taken or len(name) > SLUG_LENGTH:
        return values
    return values | {"id": name, "title.en": f"{RESOURCE_KINDS[ResourceKind(kind)]} of {event.title}"[:MAX_TITLE]}


def resource_sections(known: Resource | None) -> list[Section]:
    """The form of a resource; ``known`` is the one to change, None for a new one."""
    announced = known is not None and known.announced
    help_text = (
        "It has already been announced. Hiding it and showing it again sends no second mail."
        if announced
        else "It becomes public. People with a seat get a mail about the first recording, but not about others."
    )
    fields = [
        FormField(name="title", label="Title", widget="languages", required=True),
        *([RESOURCE_ID_FIELD] if known is None else []),
        FormField(name="kind", label="Kind", widget="select", required=True, choices=list(RESOURCE_KINDS.items())),
        FormField(name="url", label="Address", max_length=500, required=True, help="Begins with https://"),
        language_field(known),
        FormField(name="published", label="Published", widget="tick", help=help_text),
    ]
    return [Section("", fields)]


def language_field(known: Resource | None) -> FormField:
    """The choice of the language it is in; that of ``known`` is one of them."""
    other = [] if known is None or known.language in LANGUAGE_NAMES else [(known.language, known.language)]
    choices = [*LANGUAGE_NAMES.items(), *other]
    return FormField(name="language", label="Language", widget="select", required=True, choices=choices)


def resource_values(resource: Resource) -> dict[str, str | Sequence[str]]:
    """Initial values of the fields."""
    values: dict[str, str | Sequence[str]] = {
        name: str(getattr(resource, name)) for name in ("kind", "url", "language")
    }
    return typed_texts("title", resource.title) | values | {"published": "yes" if resource.published else ""}


def resource_changes(values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> dict[str, Any]:
    """``values`` with the types of the domain, without the id; values that cannot be read become faults."""
    kind = str(values["kind"])
    if kind not in list(ResourceKind):
        faults["kind"] = "Choose one."
        kind = ResourceKind.RECORDING
    return {
        "title": text_typed("title", values),
        "kind": ResourceKind(kind),
        "url": values["url"],
        "language": values["language"],
        "published": values["published"] == "yes",
    }


def add_resource_forms(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>/new-resource`` and ``/console/events/<id>/resources/<id>``."""
    _add_new(blueprint, work, clock)
    _add_edit(blueprint, work, clock)


def _add_new(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/events/<event_id>/new-resource")
    @needs("coordinator")
    def new_resource(event_id: str) -> Response:
        event = _event(work, event_id)
        others = list_resources(work, ResourceFilter(published_only=False, event=event.id, limit=MAX_LISTED_RESOURCES))
        values = first_values(event, request.args.get("kind", ""), {resource.id for resource in others}, clock())
        return _page(work, event, None, Typed(values, focus="url"), "")

    @blueprint.post("/events/<event_id>/new-resource")
    @needs("coordinator")
    def make_resource(event_id: str) -> AnyResponse:
        event, sections = _event(work, event_id), resource_sections(None)
        values = read_fields(request.form, sections)
        faults = missing_fields(values, sections)
        wanted = resource_changes(values, faults)
        resource_id = str(values["id"]) or slug_from(f"{event.id} {wanted['title']}")
        if faults:
            return _page(work, event, None, Typed(values, in_page_order(faults, sections)), "", status=422)
        try:
            made = Resource(id=resource_id, event=event.id, **wanted)
            create_resource(work, clock, made, holder().name)
        except RulesBroken as error:
            return _page(work, event, None, Typed(values, faults_of(error, sections)), "", status=422)
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
        values = read_fields(request.form, sections)
        faults = missing_fields(values, sections)
        changes = resource_changes(values, faults)
        if faults:
            return _page(work, event, resource, Typed(values, in_page_order(faults, sections)), seen, status=422)
        try:
            changed = change_resource(work, clock, resource.id, changes, {seen}, require_touch_resource, holder().name)
        except RulesBroken as error:
            return _page(work, event, resource, Typed(values, faults_of(error, sections)), seen, status=422)
        except DomainError as error:
            if error.code != "edit-conflict":
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
    return show_event(work, event_id, Readers.COORDINATORS)


def _resource(work: UnitOfWork, event_id: str, resource_id: str) -> Resource:
    """The resource of this event; one of another event is not found here."""
    resource = show_resource(work, resource_id)
    if resource.event != event_id:
        raise NotFound
    return resource


def require_touch_resource(resource: Resource) -> None:
    """A key limited to some forms may change resources of events and series of the same names only."""
    require_touch_each(*resource.attached_to)


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
