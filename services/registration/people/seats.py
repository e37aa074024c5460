"""Seats of a form and offers of them, for programs and in the console: who waits and why, and how they are reserved.

What all answers of the interface about one registration have in common is here too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_typed
from services.registration.forms import wording as form_words
from services.registration.forms.api import ReservationSchema
from services.registration.forms.changes import FormChange, FormEffect, FormsContext, preview_form_change
from services.registration.forms.console import LOCAL, is_whole, local_words, read_local, zone_of
from services.registration.forms.model import MAX_OFFER_HOURS, FormSettings, check_settings
from services.registration.forms.pools import RESERVED_FOR, Reservation
from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.store import StoredForm, settings_of
from services.registration.people.decisions import OFFER, WITHDRAW, SeatDecision, decide_seat
from services.registration.people.listing import show_person
from services.registration.people.marked import ACTS
from services.registration.people.messages import RegistrationMessages
from services.registration.people.schemas import OfferWantedSchema, PersonSchema
from services.registration.people.store import Person
from services.registration.people.waiting_list import MAX_SHOWN_WAITING, REASONS, SeatsView, show_seats
from shared.console.frame import seen_revision
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, require_touch
from shared.http.headers import personal, require_match
from shared.http.problems import ProblemSchema
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.vocabulary.promotion import PROMOTION_MODES


@dataclass(frozen=True, slots=True)
class PeopleContext:
    """Dependencies of the coordinators' routes about registrations.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        messages: the writer of registration messages to the outbox.
    """

    work: UnitOfWork
    clock: Clock
    messages: RegistrationMessages


def add_offers(blueprint: Any, context: PeopleContext) -> None:
    """``PUT`` and ``DELETE /v1/registrations/{id}/offer``."""

    @blueprint.put("/<uuid:registration_id>/offer")
    @blueprint.arguments(OfferWantedSchema)
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def offer_seat(wanted: dict[str, Any], registration_id: Any) -> Response:
        """Hold a seat for a waiting person until they accept or decline it; `If-Match` names the revision seen.

        They get a mail. If they decline or do not answer, the seat goes to others, and they wait until a coordinator
        decides.
        """
        return _decide(context, str(registration_id), OFFER, wanted["reason"], wanted["hours"])

    @blueprint.delete("/<uuid:registration_id>/offer")
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def withdraw_offer(registration_id: Any) -> Response:
        """Withdraw an offer: the person is back on the waiting list, and the seat goes to the next person."""
        return _decide(context, str(registration_id), WITHDRAW)


def _decide(
    context: PeopleContext, registration_id: str, status: str, reason: str = "", hours: int | None = None
) -> Response:
    view = show_person(context.work, registration_id)
    require_touch(view.form.slug)
    revision = view.person.registration.revision
    require_match(str(revision))
    decision = SeatDecision(registration_id, revision, status, holder().name, reason, hours)
    person = decide_seat(context.work, context.clock, context.messages, decision)
    return tagged(PersonSchema().dump(to_public(person)), person)


def tagged(content: Any, person: Person) -> Response:
    """An answer about one registration, with its revision as the ETag."""
    response = personal(jsonify(content))
    response.set_etag(str(person.registration.revision))
    return response


def to_public(person: Person) -> dict[str, Any]:
    """A registration as coordinators see it."""
    registration = person.registration
    return {
        "id": registration.id,
        "revision": registration.revision,
        "form": registration.form,
        "event": registration.event_id,
        "status": registration.status,
        "position": registration.position,
        "name": person.name,
        "email": person.email,
        "organisation": person.organisation,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "country": registration.country,
        "language": registration.language,
        "partner": registration.partner,
        "offer_expires_at": registration.offer_expires_at,
        "offer_passed": registration.offer_passed,
        "answers": dict(person.answers),
        "has_sealed": person.has_sealed,
        "details_at": person.details_at,
        "verified": registration.verified,
        "tags": list(person.tags),
        "accepted_at": registration.accepted_at,
    }


class PoolSchema(ReservationSchema):
    """A reservation, and what is used of it."""

    taken = ma.fields.Integer(
        required=True, metadata={"description": "Matching people with a seat or an offer, however they got it"}
    )
    left = ma.fields.Integer(required=True, metadata={"description": "Seats that are still reserved"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "Matching people in line"})


class WaitingSchema(ma.Schema):
    """A person on the waiting list."""

    registration = ma.fields.Nested(PersonSchema, required=True)
    why = ma.fields.String(
        required=True,
        metadata={
            "enum": list(REASONS),
            "description": "Why they have no seat; `next`: they get a free seat within seconds",
        },
    )
    pools = ma.fields.List(
        ma.fields.Integer(), required=True, metadata={"description": "Indexes in `reservations` of those they match"}
    )


class SeatsSchema(ma.Schema):
    """The seats of a form."""

    revision = ma.fields.Integer(required=True, metadata={"description": "Of the form, for `If-Match`"})
    capacity = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "null: no limit"})
    confirmed = ma.fields.Integer(required=True)
    offered = ma.fields.Integer(required=True, metadata={"description": "Seats held for people who have an offer"})
    reserved = ma.fields.Integer(required=True, metadata={"description": "Reserved seats that are not taken yet"})
    free = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Seats free for everyone; null: no limit"}
    )
    beyond = ma.fields.Integer(required=True, metadata={"description": "Number of taken seats beyond the capacity"})
    in_line = ma.fields.Integer(required=True, metadata={"description": "People who get a free seat automatically"})
    passed = ma.fields.Integer(
        required=True, metadata={"description": "Waiting people whose offer expired or was declined"}
    )
    promotion_mode = ma.fields.String(required=True, metadata={"enum": list(PROMOTION_MODES)})
    offer_hours = ma.fields.Integer(required=True)
    domain_percent = ma.fields.Integer(allow_none=True, required=True)
    reservations = ma.fields.List(ma.fields.Nested(PoolSchema), required=True)
    waiting = ma.fields.List(
        ma.fields.Nested(WaitingSchema),
        required=True,
        metadata={"description": f"The first {MAX_SHOWN_WAITING} on the waiting list, in order"},
    )


def add_seats(blueprint: Any, context: PeopleContext) -> None:
    """The route, below ``/v1/forms``."""

    @blueprint.get("/<slug>/seats")
    @blueprint.response(200, SeatsSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def seats(slug: str) -> dict[str, Any]:
        """The seats of a form: taken, offered, reserved, free; and the waiting list in order, with reasons."""
        require_touch(slug)
        return _to_public(show_seats(context.work, context.clock, slug))


def _to_public(view: SeatsView) -> dict[str, Any]:
    seats = view.form.seats
    names = ("capacity", "confirmed", "offered", "free", "in_line", "passed", "offer_hours")
    return {
        **{name: getattr(seats, name) for name in names},
        "revision": view.form.revision,
        "reserved": seats.pools.kept,
        "beyond": view.beyond,
        "promotion_mode": seats.mode,
        "domain_percent": seats.pools.domain_percent,
        "reservations": [_pool(pool) for pool in seats.pools.pools],
        "waiting": [
            {"registration": to_public(person.person), "why": person.why, "pools": list(person.pools)}
            for person in view.waiting
        ],
    }


def _pool(pool: Any) -> dict[str, Any]:
    kept = pool.reservation
    named = {name: getattr(kept, name) for name in ("reserved_for", "value", "seats", "until")}
    return named | {"taken": pool.taken, "left": pool.left, "waiting": pool.waiting}


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

ReservationRow = tuple[str, str, str]
"""For whom (``working_group:housing``), how many, until when: as they are typed."""


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
