"""The console's page of side events without a form: tick, see what it makes, make them all."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.drafts import DraftDesk
from services.registration.forms.service import list_partners
from services.registration.forms.side_events import (
    BareEvent,
    FormsWanted,
    events_without_form,
    make_forms,
    preview_forms,
)
from shared.core.errors import DomainError
from shared.i18n.when import compact_day
from shared.i18n.zones import zone_name
from shared.web.access import holder, needs_all_forms
from shared.web.headers import personal

PATH = "/registrations/side-event-forms"
MAX_SEATS = 1_000_000


def add_side_event_forms(blueprint: Blueprint, desk: DraftDesk) -> None:
    """``/console/registrations/side-event-forms``."""

    @blueprint.get(PATH)
    @needs_all_forms("coordinator")
    def bare_events() -> Response:
        return _page(desk, MultiDict(), first=True)

    @blueprint.post(PATH)
    @needs_all_forms("coordinator")
    def make_them() -> AnyResponse:
        typed = request.form
        faults: dict[str, str] = {}
        wanted = _wanted(typed, faults)
        if not typed.getlist("event"):
            faults["events"] = "Tick at least one side event."
        if faults or typed.get("go") == "back":
            return _page(desk, typed, faults=faults, status=422 if faults else 200)
        try:
            if typed.get("go") != "do":
                return _page(desk, typed, preview=preview_forms(desk, wanted))
            made = make_forms(desk, wanted, holder().name)
        except DomainError as error:
            gone = {"events": f"The list has changed: {error.detail}. Check it and try again."}
            return _page(desk, typed, faults=gone, status=409)
        if any(one.problem for one in made):
            return _page(desk, MultiDict(), made=made)
        return redirect(f"/console{PATH}?made={len(made)}", 303)


def _wanted(typed: MultiDict[str, str], faults: dict[str, str]) -> FormsWanted:
    seats: dict[str, int | None] = {}
    for event in typed.getlist("event"):
        text = typed.get(f"seats-{event}", "").strip()
        if text and not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_SEATS and len(text) < 9):
            faults[f"seats-{event}"] = f"Give a number up to {MAX_SEATS}, or leave it empty for no limit."
            continue
        seats[event] = int(text) if text else None
    return FormsWanted(seats, tuple(dict.fromkeys(typed.getlist("partner"))))


def _page(
    desk: DraftDesk,
    typed: MultiDict[str, str],
    *,
    first: bool = False,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    **more: object,
) -> Response:
    events = events_without_form(desk)
    ticked = {event.id for event in events if not event.taken} if first else set(typed.getlist("event"))
    made = request.args.get("made", "")
    page = render_template(
        "registrations/side_event_forms.html",
        **{"preview": None, "made": [], **more},
        events=events,
        ticked=ticked,
        seats={event.id: typed.get(f"seats-{event.id}", "") for event in events},
        partners=list_partners(desk.work, None),
        chosen=set(typed.getlist("partner")),
        faults=faults or {},
        local=_local,
        number=int(made) if made.isascii() and made.isdigit() and len(made) < 4 else 0,
    )
    return personal(make_response(page, status))


def _local(instant: datetime, event: BareEvent) -> str:
    """When something is in the event's zone, as the timetable has it: ``Wed 3 Feb 2027, 09:00 Geneva time``."""
    there = instant.astimezone(ZoneInfo(event.time_zone))
    return f"{compact_day(there)}, {there:%H:%M} {zone_name(there, event.time_zone, 'en', event.city)}"
