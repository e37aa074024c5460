"""Making an event, and changing what is written about it: fill in, see whom it reaches, done."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.events.console.event_fields import (
    DOMAIN_NAMES,
    changes_in,
    copied_values,
    edit_sections,
    new_sections,
    values_of,
)
from services.events.console.fields import (
    CHANGED_SINCE_OPENED,
    Section,
    Typed,
    faults_of,
    in_order,
    labels_of,
    missing_in,
    typed_in,
)
from services.events.console.filling import moment_in
from services.events.domain.event import Event, EventStatus
from services.events.domain.event_change import EDITED, changed_fields
from services.events.domain.local_time import is_zone
from services.events.domain.revision import state_tag
from services.events.domain.rules import RulesBroken
from services.events.store.events import Audience
from services.events.usecases.change_event import Changed, Deed, change_event, create_event, preview_change
from services.events.usecases.list_events import usual_zone
from services.events.usecases.list_network import list_forms, list_series, list_working_groups
from services.events.usecases.show_event import show_event
from services.events.usecases.steps import edit, joining
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.slugs import slug_from
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs, require_touch, require_touch_each

Values = Mapping[str, str | Sequence[str]]


def add_event_forms(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/new-event`` and ``/console/events/<id>/edit``."""
    _add_new(blueprint, work, clock)
    _add_edit(blueprint, work, clock)


def _add_new(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/new-event")
    @needs("coordinator")
    def new_event() -> Response:
        copied = request.args.get("copy", "")
        before = _event(work, copied) if copied else None
        values = copied_values(before) if before else _usual_values(work, request.args.get("series", ""))
        sections = _new_sections(work, str(values["time_zone"]))
        return _new_page(sections, Typed(values, focus="" if copied else "title.en"), before=before)

    @blueprint.post("/new-event")
    @needs("coordinator")
    def make_event() -> AnyResponse:
        sections = _new_sections(work, request.form.get("time_zone", ""))
        values = typed_in(request.form, sections)
        faults = missing_in(values, sections)
        try:
            event = _draft_in(values, faults)
            if event is not None:
                require_touch_each(event.id, *([event.series] if event.series else []))
                create_event(work, clock, event, holder().name)
                return redirect(f"/console/events/{event.id}?done=made", 303)
        except RulesBroken as error:
            faults.update(faults_of(error, sections, DOMAIN_NAMES))
        except DomainError as error:
            faults["id"] = f"This cannot be done: {error.detail}."
        return _new_page(sections, Typed(values, in_order(faults, sections)), status=422)


def _usual_values(work: UnitOfWork, series: str) -> Values:
    """What the form of a new event holds at first, of the series with this id if there is one."""
    known = series if any(one.id == series for one in list_series(work)) else ""
    zone = usual_zone(work, known or None, holder().forms)
    return {"kind": "webinar", "mode": "online", "series": known, "time_zone": zone}


def _draft_in(values: Values, faults: dict[str, str]) -> Event | None:
    """The draft that was typed; None if something cannot be read, which is then in ``faults``.

    Raises:
        RulesBroken: it can be read, and breaks a rule.
    """
    wanted = changes_in(values, faults)
    event_id = str(values["id"]) or slug_from(str(wanted["title"]))
    if not event_id and wanted["title"]:
        faults["id"] = "Give a short name in Latin letters: none can be made from the title."
    zone = str(values["time_zone"])
    if not is_zone(zone):
        faults["time_zone"] = "Choose the time zone."
    if is_zone(zone) and (values["starts"] or values["ends"]):
        texts = {name: str(values[name]) for name in ("starts", "ends")}
        wanted["starts_at"] = moment_in("starts", texts, zone, faults)
        wanted["ends_at"] = moment_in("ends", texts, zone, faults)
    if faults:
        return None
    return Event(id=event_id, status=EventStatus.DRAFT, **wanted)


def _add_edit(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/events/<event_id>/edit")
    @needs("coordinator")
    def edit_event(event_id: str) -> Response:
        event = _event(work, event_id)
        return _edit_page(work, event, Typed(values_of(event)), state_tag(event))

    @blueprint.post("/events/<event_id>/edit")
    @needs("coordinator")
    def save_event(event_id: str) -> AnyResponse:
        event = _event(work, event_id)
        seen, sections = request.form.get("seen", ""), _edit_sections(work, event)
        values = typed_in(request.form, sections)
        faults = missing_in(values, sections)
        changes = changes_in(values, faults)
        if request.form.get("go") == "back":
            return _edit_page(work, event, Typed(values), seen)
        if faults:
            return _edit_page(work, event, Typed(values, in_order(faults, sections)), seen, status=422)
        if seen != state_tag(event):
            return _conflict(work, event, values)
        try:
            return _saved(work, clock, event, changes, values, seen)
        except RulesBroken as error:
            broken = faults_of(error, sections, DOMAIN_NAMES)
            return _edit_page(work, event, Typed(values, broken), seen, status=422)
        except DomainError as error:
            if error.code != "changed-meanwhile":
                raise
            return _conflict(work, show_event(work, event_id, Audience.COORDINATORS), values)


def _saved(
    work: UnitOfWork, clock: Clock, event: Event, changes: Mapping[str, Any], values: Values, seen: str
) -> AnyResponse:
    """Save, unless participants would see a difference and nobody has looked yet whom it reaches."""
    step = joining(edit(changes), require_touch)
    preview = preview_change(work, clock, event.id, step)
    if preview.change != "none" and request.form.get("go") != "do":
        return _edit_page(work, event, Typed(values), seen, preview=preview, lines=_lines(event, preview))
    changed = change_event(work, clock, event.id, step, {seen}, Deed(EDITED, holder().name))
    done = "noted" if changed.change == "none" else f"edited&notified={changed.audience.people}"
    return redirect(f"/console/events/{event.id}?done={done}", 303)


def _conflict(work: UnitOfWork, event: Event, values: Values) -> Response:
    now = values_of(event)
    stored = {name: _plain(now[name]) for name in values if now[name] != values[name]}
    return _edit_page(work, event, Typed(values, {}, stored), state_tag(event), notice=CHANGED_SINCE_OPENED, status=412)


def _lines(event: Event, preview: Changed) -> list[tuple[str, str, str]]:
    """Name, old and new value of each field that changes, also of those that only coordinators see."""
    old, new = values_of(event), values_of(preview.event)
    names = changed_fields(event, preview.event)
    return [(name, _plain(old[name]), _plain(new[name])) for name in old if _differs(name, names, old, new)]


def _differs(name: str, names: Sequence[str], old: Values, new: Values) -> bool:
    """Whether the field ``name`` of the form is one of ``names`` of the domain, and in its own language another."""
    own, _, language = name.partition(".")
    return own in names and (not language or old[name] != new[name])


def _plain(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _event(work: UnitOfWork, event_id: str) -> Event:
    require_touch(event_id)
    return show_event(work, event_id, Audience.COORDINATORS)


def _new_sections(work: UnitOfWork, zone: str) -> list[Section]:
    """The form of a new event, with ``zone`` among its zones if it is one."""
    groups = [group for group in list_working_groups(work) if group.active]
    return new_sections(list_series(work), groups, list_forms(work), zone if is_zone(zone) else "")


def _edit_sections(work: UnitOfWork, event: Event) -> list[Section]:
    groups = [one for one in list_working_groups(work) if one.active or one.id in event.asked_groups]
    return edit_sections(event, list_series(work), groups, list_forms(work))


def _new_page(sections: Sequence[Section], typed: Typed, *, before: Event | None = None, status: int = 200) -> Response:
    page = render_template("events/new_event.html", sections=sections, typed=typed, before=before)
    return make_response(page, status)


def _edit_page(work: UnitOfWork, event: Event, typed: Typed, seen: str, *, status: int = 200, **more: Any) -> Response:
    sections = _edit_sections(work, event)
    labels = labels_of(sections)
    page = render_template(
        "events/edit_event.html", event=event, sections=sections, labels=labels, typed=typed, seen=seen, **more
    )
    return make_response(page, status)
