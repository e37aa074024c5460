"""Console forms for a new event and for editing one: fill in, preview the audience, confirm."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import (
    CHANGED_SINCE_OPENED,
    KINDS,
    MODES,
    FormField,
    Section,
    Typed,
    faults_of,
    in_page_order,
    labels_of,
    missing_fields,
    read_fields,
    zone_field,
)
from services.events.desk.change_pages import datetime_in
from services.events.desk.service import Changed, EventAction, change_event, create_event, preview_change
from services.events.event.lifecycle import edit, with_series_permit
from services.events.event.model import (
    EDITED,
    EVERY_GROUP,
    Event,
    EventKind,
    EventStatus,
    Form,
    Mode,
    Readers,
    changed_fields,
    state_tag,
)
from services.events.event.service import default_zone, list_forms, show_event
from services.events.local_time import is_zone, to_local
from services.events.network.model import Series, WorkingGroup
from services.events.network.service import list_series, list_working_groups
from services.events.rules import RulesBroken
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, require_touch, require_touch_each
from shared.i18n.languages import text_typed, typed_texts
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import slug_from

MAX_NUMBER = 9999
OPTIONAL = ("series", "city", "place", "join_url", "form")
"""Texts that are absent rather than empty."""

DOMAIN_NAMES: Mapping[str, str] = {"starts_at": "starts", "ends_at": "ends"}
"""Fields of the form by those of the model, where the names differ."""

_ID = FormField(
    name="id",
    label="Short name",
    max_length=80,
    help="Lower-case letters, digits and hyphens, such as \
side-event-housing. It never changes. If empty, it is made from the title.",
)
_INTERNAL_NOTE = FormField(
    name="internal_note", label="Internal note", widget="area", max_length=2000, help="Only coordinators see it."
)
_INTERNAL = FormField(
    name="internal",
    label="Internal: a test of the system",
    widget="tick",
    help="People can register for it, but it does not appear in the programme, in calendars or in counts.",
)

Values = Mapping[str, str | Sequence[str]]


def new_sections(
    series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Sequence[Form], zone: str
) -> list[Section]:
    """The form of a new event; ``zone`` is added to its time zones; if empty, only the common ones are offered."""
    what, where, who, coordinators = _sections(series, groups, _titles(forms))
    titled, *others = what.fields
    when = [
        zone_field(zone, "Preset to the zone of the newest event. People see times in this zone first."),
        FormField(name="starts", label="Start", widget="local", help="In the time zone above. Optional for a draft."),
        FormField(name="ends", label="End", widget="local"),
    ]
    return [
        Section(what.title, [titled, _ID, *others]),
        Section("When", when),
        where,
        who,
        Section(coordinators.title, [*coordinators.fields, _INTERNAL]),
    ]


def edit_sections(
    event: Event, series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Sequence[Form]
) -> list[Section]:
    """Return the form of an existing event; its date is changed on another page."""
    titles = ({event.form: event.form} if event.form else {}) | _titles(forms)
    what, where, who, coordinators = _sections(series, groups, titles)
    internal = [_INTERNAL] if event.status is EventStatus.DRAFT else []
    zone = Section("Announced in", [zone_field(event.time_zone)])
    return [what, zone, where, who, Section(coordinators.title, [*coordinators.fields, *internal])]


def values_of(event: Event) -> dict[str, str | Sequence[str]]:
    """Initial values of the fields."""
    texts = ("kind", "series", "time_zone", "mode", "city", "place", "join_url", "form")
    values: dict[str, str | Sequence[str]] = {name: str(getattr(event, name) or "") for name in texts}
    return (
        typed_texts("title", event.title)
        | typed_texts("summary", event.summary)
        | values
        | {
            "series_number": str(event.series_number or ""),
            "asked_groups": list(event.asked_groups),
            "internal_note": event.internal_note,
            "internal": "yes" if event.internal else "",
        }
    )


def copied_values(event: Event) -> dict[str, str | Sequence[str]]:
    """Return the values for a new event copied from ``event``.

    A week later, with the next number of its series. Form, notes and texts about this event only are not copied.
    """
    number = event.series_number
    values = values_of(event) | {"form": "", "internal_note": "", "id": "", "starts": "", "ends": ""}
    if number is not None:
        values["series_number"] = str(number + 1)
        alone = re.compile(rf"(?<![0-9]){number}(?![0-9])")
        if event.series:
            renumbered = event.title.each(lambda title: alone.sub(str(number + 1), title))
            values |= typed_texts("title", renumbered)
        if alone.search(event.id):
            values["id"] = alone.sub(str(number + 1), event.id)
    for name, at in (("starts", event.starts_at), ("ends", event.ends_at)):
        if at is not None:
            values[name] = f"{to_local(at, event.time_zone) + timedelta(days=7):%Y-%m-%dT%H:%M}"
    return values


def changes_in(values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> dict[str, Any]:
    """``values`` with the types of the domain, without date and id; values that cannot be read become faults."""
    found: dict[str, Any] = {name: values[name] for name in ("time_zone", "internal_note")}
    found |= {name: text_typed(name, values) for name in ("title", "summary")}
    found |= {name: values[name] or None for name in OPTIONAL}
    found["kind"] = _one_of(EventKind, "kind", values, faults)
    found["mode"] = _one_of(Mode, "mode", values, faults)
    found["series_number"] = _number(str(values["series_number"]), faults)
    asked = values["asked_groups"]
    found["asked_groups"] = (EVERY_GROUP,) if EVERY_GROUP in asked else tuple(asked)
    if "internal" in values:
        found["internal"] = values["internal"] == "yes"
    return found


def _sections(
    series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Mapping[str, str]
) -> tuple[Section, Section, Section, Section]:
    everyone = (EVERY_GROUP, "All working groups, including later ones")
    all_series = [("", "None"), *((choice.id, str(choice.title)) for choice in series)]
    what = [
        FormField(name="title", label="Title", widget="languages", required=True),
        FormField(name="kind", label="Kind", widget="select", required=True, choices=[(k, KINDS[k]) for k in KINDS]),
        FormField(name="summary", label="Summary", widget="languages", rows=4, max_length=2000, help="It is public."),
        FormField(name="series", label="Series", widget="select", choices=all_series, help=_series_help(series)),
        FormField(name="series_number", label="Number in the series", max_length=4),
    ]
    where = [
        FormField(name="mode", label="People attend", widget="select", required=True, choices=list(MODES.items())),
        FormField(name="city", label="City", help="Required if people attend in person."),
        FormField(name="place", label="Place", help="Building and room."),
        FormField(
            name="join_url",
            label="Meeting link",
            max_length=500,
            help="Begins with https://. Participants get it on their own page.",
        ),
    ]
    who = [
        FormField(
            name="asked_groups",
            label="Invited working groups",
            widget="checks",
            choices=[everyone, *((group.id, str(group.title)) for group in groups)],
        ),
        _form_field(forms),
    ]
    return (
        Section("What", what),
        Section("Where", where),
        Section("Who", who),
        Section("For coordinators", [_INTERNAL_NOTE]),
    )


def _titles(forms: Sequence[Form]) -> dict[str, str]:
    return {form.id: str(form.title) for form in forms}


def _form_field(forms: Mapping[str, str]) -> FormField:
    """The choice of a form that was made for another event, or for none; ``forms`` are titles by id."""
    return FormField(
        name="form",
        label="Form",
        widget="select",
        choices=[("", "The form created for this event"), *forms.items()],
        help="Choose another only if several events share one form.",
    )


def _series_help(series: Sequence[Series]) -> str:
    """Where to create a series, while there is none to choose."""
    return "" if series else "Numbered events, such as a weekly webinar. Create the series first under Events, Series."


def _one_of(known: Any, name: str, values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> Any:
    try:
        return known(values[name])
    except ValueError:
        faults[name] = "Choose one."
        return next(iter(known))


def _number(text: str, faults: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_NUMBER and len(text) <= 9:
        return int(text)
    faults["series_number"] = f"Enter a number from 1 to {MAX_NUMBER}, or leave it empty."
    return None


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
        values = copied_values(before) if before else _default_values(work, request.args.get("series", ""))
        sections = _new_sections(work, str(values["time_zone"]))
        return _new_page(sections, Typed(values, focus="" if copied else "title.en"), before=before)

    @blueprint.post("/new-event")
    @needs("coordinator")
    def make_event() -> AnyResponse:
        sections = _new_sections(work, request.form.get("time_zone", ""))
        values = read_fields(request.form, sections)
        faults = missing_fields(values, sections)
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
        return _new_page(sections, Typed(values, in_page_order(faults, sections)), status=422)


def _default_values(work: UnitOfWork, series: str) -> Values:
    """Initial values of the form of a new event, in the series with this id if there is one."""
    known = series if any(listed.id == series for listed in list_series(work)) else ""
    zone = default_zone(work, known or None, holder().forms)
    return {"kind": "webinar", "mode": "online", "series": known, "time_zone": zone}


def _draft_in(values: Values, faults: dict[str, str]) -> Event | None:
    """The draft in the form; None if a value cannot be read, which is then in ``faults``.

    Raises:
        RulesBroken: the values can be read, but break a rule.
    """
    wanted = changes_in(values, faults)
    event_id = str(values["id"]) or slug_from(str(wanted["title"]))
    if not event_id and wanted["title"]:
        faults["id"] = "Enter a short name in Latin letters: none can be made from the title."
    zone = str(values["time_zone"])
    if not is_zone(zone):
        faults["time_zone"] = "Choose the time zone."
    if is_zone(zone) and (values["starts"] or values["ends"]):
        texts = {name: str(values[name]) for name in ("starts", "ends")}
        wanted["starts_at"] = datetime_in("starts", texts, zone, faults)
        wanted["ends_at"] = datetime_in("ends", texts, zone, faults)
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
        values = read_fields(request.form, sections)
        faults = missing_fields(values, sections)
        changes = changes_in(values, faults)
        if request.form.get("go") == "back":
            return _edit_page(work, event, Typed(values), seen)
        if faults:
            return _edit_page(work, event, Typed(values, in_page_order(faults, sections)), seen, status=422)
        if seen != state_tag(event):
            return _conflict(work, event, values)
        try:
            return _saved(work, clock, event, changes, values, seen)
        except RulesBroken as error:
            broken = faults_of(error, sections, DOMAIN_NAMES)
            return _edit_page(work, event, Typed(values, broken), seen, status=422)
        except DomainError as error:
            if error.code != "edit-conflict":
                raise
            return _conflict(work, show_event(work, event_id, Readers.COORDINATORS), values)


def _saved(
    work: UnitOfWork, clock: Clock, event: Event, changes: Mapping[str, Any], values: Values, seen: str
) -> AnyResponse:
    """Save; but first show whom the change reaches if participants see a difference."""
    step = with_series_permit(edit(changes), require_touch)
    preview = preview_change(work, clock, event.id, step)
    if preview.change != "none" and request.form.get("go") != "do":
        return _edit_page(work, event, Typed(values), seen, preview=preview, lines=_lines(event, preview))
    changed = change_event(work, clock, event.id, step, {seen}, EventAction(EDITED, holder().name))
    done = "noted" if changed.change == "none" else EDITED
    return redirect(f"/console/events/{event.id}?done={done}", 303)


def _conflict(work: UnitOfWork, event: Event, values: Values) -> Response:
    now = values_of(event)
    stored = {name: _plain(now[name]) for name in values if now[name] != values[name]}
    return _edit_page(work, event, Typed(values, {}, stored), state_tag(event), notice=CHANGED_SINCE_OPENED, status=412)


def _lines(event: Event, preview: Changed) -> list[tuple[str, str, str]]:
    """Name, old and new value of each field that changes, including those that only coordinators see."""
    old, new = values_of(event), values_of(preview.event)
    names = changed_fields(event, preview.event)
    return [(name, _plain(old[name]), _plain(new[name])) for name in old if _differs(name, names, old, new)]


def _differs(name: str, names: Sequence[str], old: Values, new: Values) -> bool:
    """Whether the field ``name`` of the form changes: it is one of ``names`` of the domain, and so is its language."""
    own, _, language = name.partition(".")
    return own in names and (not language or old[name] != new[name])


def _plain(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _event(work: UnitOfWork, event_id: str) -> Event:
    require_touch(event_id)
    return show_event(work, event_id, Readers.COORDINATORS)


def _new_sections(work: UnitOfWork, zone: str) -> list[Section]:
    """The form of a new event, with ``zone`` among its zones if it is one."""
    groups = [group for group in list_working_groups(work) if group.active]
    forms = [form for form in list_forms(work) if may_touch(form.id)]
    return new_sections(list_series(work), groups, forms, zone if is_zone(zone) else "")


def _edit_sections(work: UnitOfWork, event: Event) -> list[Section]:
    groups = [group for group in list_working_groups(work) if group.active or group.id in event.asked_groups]
    forms = [form for form in list_forms(work) if form.id == event.form or may_touch(form.id)]
    return edit_sections(event, list_series(work), groups, forms)


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
