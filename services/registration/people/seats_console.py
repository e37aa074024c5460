"""The console page of a form's seats: its limit, its reservations and who waits."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_typed
from services.registration.forms import wording as form_words
from services.registration.forms.changes import FormChange, FormEffect, FormsContext, preview_form_change
from services.registration.forms.console import LOCAL, is_whole, local_words, read_local, zone_of
from services.registration.forms.model import MAX_OFFER_HOURS, FormSettings, check_settings
from services.registration.forms.pools import RESERVED_FOR, Reservation
from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.store import StoredForm, settings_of
from services.registration.people.marked import ACTS
from services.registration.people.seats import ReservationRow
from services.registration.people.waiting_list import MAX_SHOWN_WAITING, show_seats
from shared.console.frame import seen_revision
from shared.http.access import holder, needs, require_touch
from shared.http.headers import personal
from shared.runtime.errors import DomainError
from shared.vocabulary.promotion import PROMOTION_MODES

BLANK_ROWS = 2


MAX_ROWS = 60


WHY = {
    "offered": "A seat is held for them",
    "offer-passed": "Did not accept an offer; a coordinator decides",
    "next": "They get a free seat within seconds",
    "no-free-seat": "Every seat is taken",
    "reserved": "The remaining seats are reserved for others",
    "domain-share": "The share of their mail domain is used up",
    "too-late": "It is too close to the start",
    "not-taking-place": "The event is postponed or cancelled",
    "by-hand": "Coordinators decide who gets a seat",
}
"""Why a person waits, in words."""


def add_seats_page(blueprint: Blueprint, context: FormsContext) -> None:
    """``/console/registrations/forms/<slug>/seats``."""

    @blueprint.get("/registrations/forms/<slug>/seats")
    @needs("coordinator")
    def seats_page(slug: str) -> Response:
        require_touch(slug)
        return _page(context, slug, done=request.args.get("done", ""))

    @blueprint.post("/registrations/forms/<slug>/seats")
    @needs("coordinator")
    def change_seats(slug: str) -> AnyResponse:
        require_touch(slug)
        form, seen = show_seats(context.work, context.clock, slug).form, seen_revision()
        if seen != form.revision:
            return _conflict(context, slug)
        wanted, faults = read_seat_settings(form, request.form)
        if faults or request.form.get("go") == "back":
            return _page(context, slug, 422 if faults else 200, values=request.form, faults=faults)
        if request.form.get("go") != "do":
            effect = preview_form_change(context.work, context.clock, slug, wanted)
            return _page(context, slug, values=request.form, effect=effect, wanted=wanted)
        return _do(context, FormChange(slug, seen, holder().name, wanted))


def _do(context: FormsContext, change: FormChange) -> AnyResponse:
    try:
        changed = context.change(change)
    except DomainError as refusal:
        if refusal.code != "edit-conflict":
            raise
        return _conflict(context, change.slug)
    return redirect(f"/console/registrations/forms/{change.slug}/seats?done={changed.revision}", 303)


def _conflict(context: FormsContext, slug: str) -> Response:
    """The page as it is now, with the rules that were typed."""
    form = show_seats(context.work, context.clock, slug).form
    typed, _ = read_seat_settings(form, request.form)
    notice = changed_since_typed("form", asdict(typed), asdict(settings_of(form)), form_words.SEAT_WORDS)
    return _page(context, slug, 412, values=request.form, notice=notice)


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


def _rows(given: MultiDict[str, str]) -> list[ReservationRow]:
    columns = [given.getlist(name)[:MAX_ROWS] for name in ("for", "seats", "until")]
    return [(who, seats.strip(), until.strip()) for who, seats, until in zip(*columns, strict=False)]


def _reservation(form: StoredForm, row: ReservationRow, faults: list[str]) -> Reservation | None:
    """A row as a reservation; None for a row that is empty, or that ends one."""
    who, seats, until = row
    reserved_for, _, value = who.partition(":")
    number = _whole(seats, 1_000_000, "seats to reserve", faults)
    if not who or number is None:
        if number is not None:
            faults.append("Choose for whom the seats are reserved.")
        return None
    kind = next((kind for kind in RESERVED_FOR if kind == reserved_for), None)
    ends, fault = read_local(until, form)
    if kind is None or fault:
        faults.append(fault or "Choose for whom the seats are reserved.")
        return None
    return Reservation(kind, value, number, ends)


def _whole(text: str, maximum: int, what: str, faults: list[str]) -> int | None:
    """A number from 1; None for an empty field or 0."""
    if (text := text.strip()) in ("", "0"):
        return None
    if is_whole(text, maximum):
        return int(text)
    faults.append(f"Enter a whole number from 1 to {maximum:,} as {what}, or leave it empty.")
    return None


def _shown_rows(form: StoredForm, values: MultiDict[str, str] | None) -> list[ReservationRow]:
    blank = [("", "", "")] * BLANK_ROWS
    if values is not None:
        return [*(row for row in _rows(values) if any(row)), *blank]
    zone = ZoneInfo(zone_of(form))
    kept = [pool.reservation for pool in form.seats.pools.pools]
    ends = [f"{reservation.until.astimezone(zone):{LOCAL}}" if reservation.until else "" for reservation in kept]
    return [
        *(
            (f"{reservation.reserved_for}:{reservation.value}", str(reservation.seats), end)
            for reservation, end in zip(kept, ends, strict=True)
        ),
        *blank,
    ]


def _choices(context: FormsContext, rows: Sequence[ReservationRow]) -> Mapping[str, str]:
    """For whom seats can be reserved, in words, by what is sent."""
    groups = {f"working_group:{slug}": title for slug, title in working_group_titles(context.work).items()}
    partners = {
        f"partner:{partner.slug}": f"Through {partner.name}" for partner in list_partners(context.work, holder().forms)
    }
    known = {"representative:": "Representatives of working groups", **groups, **partners}
    return known | {who: who.replace("_", " ").replace(":", " ") for who, _, _ in rows if who and who not in known}


def _page(
    context: FormsContext,
    slug: str,
    status: int = 200,
    *,
    values: MultiDict[str, str] | None = None,
    effect: FormEffect | None = None,
    wanted: FormSettings | None = None,
    **more: Any,
) -> Response:
    view = show_seats(context.work, context.clock, slug)
    form, shown = view.form, settings_of(view.form)
    rows, typed = _shown_rows(form, values), MultiDict[str, str]() if values is None else values
    if effect is not None and wanted is not None:
        more["sentences"] = form_words.effect_sentences(effect, wanted, {})
        more["planned"] = form_words.planned_sentences(settings_of(form), wanted, {})
    page = render_template(
        "registrations/seats.html",
        view=view,
        form=form,
        seats=form.seats,
        title=form.title,
        local=local_words(zone_of(form), context.clock()),
        mode=typed.get("mode", shown.promotion_mode),
        hours=typed.get("hours", str(shown.offer_hours)),
        percent=typed.get("percent", "" if shown.domain_percent is None else str(shown.domain_percent)),
        rows=rows,
        choices=_choices(context, rows),
        modes=form_words.MODES,
        acts=ACTS,
        why=WHY,
        max_shown=MAX_SHOWN_WAITING,
        effect=effect,
        **{"faults": (), "notice": "", "done": "", **more},
    )
    return personal(make_response(page, status))
