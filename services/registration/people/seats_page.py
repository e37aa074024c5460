"""The page "Seats" of a form: what is taken, offered and reserved, who waits and why, and how seats are given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms import wording as form_words
from services.registration.forms.changes import FormChange, FormDesk, FormEffect, preview_form_change
from services.registration.forms.console import LOCAL, read_local, seen_revision, zone_of
from services.registration.forms.model import MAX_OFFER_HOURS, FormSettings, check_settings
from services.registration.forms.pools import RESERVED_FOR, Reservation
from services.registration.forms.seats import PROMOTION_MODES
from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.store import StoredForm, settings_of
from services.registration.people.console import ACTS
from services.registration.people.waiting_list import MOST_SHOWN, show_seats
from shared.core.errors import DomainError
from shared.web.access import holder, needs, require_touch
from shared.web.console.words import changed_since_opened
from shared.web.headers import personal

BLANK_ROWS = 2
MOST_ROWS = 60

WHY = {
    "offered": "A seat is held for them",
    "offer-passed": "Did not accept an offer: a coordinator decides",
    "next": "They get a free seat within seconds",
    "no-free-seat": "Every seat is taken",
    "reserved": "The remaining seats are reserved for others",
    "domain-share": "The share of their mail domain is used up",
    "too-late": "It is too shortly before the start",
    "not-taking-place": "At present the event does not take place",
    "by-hand": "Coordinators decide who gets a seat",
}
"""Why somebody waits, in words."""

Row = tuple[str, str, str]
"""For whom (``working_group:housing``), how many, until when: as they are typed."""


def add_seats_page(blueprint: Blueprint, desk: FormDesk) -> None:
    """``/console/registrations/forms/<slug>/seats``."""

    @blueprint.get("/registrations/forms/<slug>/seats")
    @needs("coordinator")
    def seats_page(slug: str) -> Response:
        require_touch(slug)
        return _page(desk, slug, done=request.args.get("done", ""))

    @blueprint.post("/registrations/forms/<slug>/seats")
    @needs("coordinator")
    def change_seats(slug: str) -> AnyResponse:
        require_touch(slug)
        form, seen = show_seats(desk.work, desk.clock, slug).form, seen_revision(request.form)
        if seen != form.revision:
            return _page(desk, slug, 412, notice=changed_since_opened("form"))
        wanted, faults = read_seat_settings(form, request.form)
        if faults:
            return _page(desk, slug, 422, values=request.form, faults=faults)
        if request.form.get("go") != "do":
            effect = preview_form_change(desk.work, desk.clock, slug, wanted)
            return _page(desk, slug, values=request.form, effect=effect, wanted=wanted)
        return _do(desk, FormChange(slug, seen, holder().name, wanted))


def _do(desk: FormDesk, change: FormChange) -> AnyResponse:
    try:
        changed = desk.change(change)
    except DomainError as refusal:
        if refusal.code != "changed-meanwhile":
            raise
        return _page(desk, change.slug, 412, notice=changed_since_opened("form"))
    return redirect(f"/console/registrations/forms/{change.slug}/seats?done={changed.revision}", 303)


def read_seat_settings(form: StoredForm, given: MultiDict[str, str]) -> tuple[FormSettings, list[str]]:
    """The settings of a form with what was filled in about seats, and what is wrong with that, a sentence each."""
    faults: list[str] = []
    before = settings_of(form)
    mode = given.get("mode", before.promotion_mode)
    if mode not in PROMOTION_MODES:
        faults.append("Choose how free seats are given.")
    hours = _whole(given.get("hours", ""), MAX_OFFER_HOURS, "hours to accept an offer", faults)
    percent = _whole(given.get("percent", ""), 100, "percent for one mail domain", faults)
    kept = [one for row in _rows(given) if (one := _reservation(form, row, faults)) is not None]
    wanted = replace(
        before,
        promotion_mode=mode,
        offer_hours=hours or before.offer_hours,
        domain_percent=percent,
        reservations=tuple(kept),
    )
    try:
        check_settings(wanted)
    except DomainError as refusal:
        faults.append(f"These settings do not fit together: {refusal.detail}.")
    return wanted, faults


def _rows(given: MultiDict[str, str]) -> list[Row]:
    columns = [given.getlist(name)[:MOST_ROWS] for name in ("for", "seats", "until")]
    return [(who, seats.strip(), until.strip()) for who, seats, until in zip(*columns, strict=False)]


def _reservation(form: StoredForm, row: Row, faults: list[str]) -> Reservation | None:
    """A row as a reservation; None for a row that is empty, or that ends one."""
    who, seats, until = row
    reserved_for, _, value = who.partition(":")
    number = _whole(seats, 1_000_000, "seats to reserve", faults)
    if not who or number is None:
        if number is not None:
            faults.append("Choose for whom the seats are reserved.")
        return None
    kind = next((one for one in RESERVED_FOR if one == reserved_for), None)
    ends, fault = read_local(until, form)
    if kind is None or fault:
        faults.append(fault or "Choose for whom the seats are reserved.")
        return None
    return Reservation(kind, value, number, ends)


def _whole(text: str, most: int, what: str, faults: list[str]) -> int | None:
    """A number from 1; None for an empty field or 0."""
    text = text.strip()
    if not text or text == "0":
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    faults.append(f"Give a whole number from 1 to {most:,} as {what}, or leave it empty.")
    return None


def _shown_rows(form: StoredForm, values: MultiDict[str, str] | None) -> list[Row]:
    blank = [("", "", "")] * BLANK_ROWS
    if values is not None:
        return [*(row for row in _rows(values) if any(row)), *blank]
    zone = ZoneInfo(zone_of(form))
    kept = [pool.reservation for pool in form.seats.pools.pools]
    ends = [f"{one.until.astimezone(zone):{LOCAL}}" if one.until else "" for one in kept]
    return [
        *((f"{one.reserved_for}:{one.value}", str(one.seats), end) for one, end in zip(kept, ends, strict=True)),
        *blank,
    ]


def _choices(desk: FormDesk, rows: Sequence[Row]) -> Mapping[str, str]:
    """For whom seats can be reserved, in words, by what is sent."""
    groups = {f"working_group:{slug}": title for slug, title in working_group_titles(desk.work).items()}
    partners = {f"partner:{one.slug}": f"Through {one.name}" for one in list_partners(desk.work, holder().forms)}
    known = {"representative:": "Representatives of working groups", **groups, **partners}
    return known | {who: who.replace("_", " ").replace(":", " ") for who, _, _ in rows if who and who not in known}


def _page(
    desk: FormDesk,
    slug: str,
    status: int = 200,
    *,
    values: MultiDict[str, str] | None = None,
    effect: FormEffect | None = None,
    wanted: FormSettings | None = None,
    **more: Any,
) -> Response:
    view = show_seats(desk.work, desk.clock, slug)
    form, shown = view.form, settings_of(view.form)
    rows, typed = _shown_rows(form, values), MultiDict[str, str]() if values is None else values
    shown_words: dict[str, Any] = {}
    if effect is not None and wanted is not None:
        shown_words = {
            "sentences": form_words.effect_sentences(effect, wanted),
            "planned": form_words.planned_sentences(settings_of(form), wanted),
        }
    page = render_template(
        "registrations/seats.html",
        view=view,
        form=form,
        seats=form.seats,
        title=form.title,
        zone=zone_of(form),
        mode=typed.get("mode", shown.promotion_mode),
        hours=typed.get("hours", str(shown.offer_hours)),
        percent=typed.get("percent", "" if shown.domain_percent is None else str(shown.domain_percent)),
        rows=rows,
        choices=_choices(desk, rows),
        modes=form_words.MODES,
        acts=ACTS,
        why=WHY,
        most_shown=MOST_SHOWN,
        effect=effect,
        **{"faults": (), "notice": "", "done": "", **shown_words, **more},
    )
    return personal(make_response(page, status))
